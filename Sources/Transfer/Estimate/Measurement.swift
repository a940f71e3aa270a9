// SPDX-License-Identifier: Apache-2.0

import Wire

/// What an end knows of an estimate besides its counters.
struct Measurement: Sendable {
  var appraisal: Appraisal
  /// When both images had been compared, by `Clock`.
  var comparedAt: Double
}
