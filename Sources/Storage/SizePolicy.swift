// SPDX-License-Identifier: Apache-2.0

/// What happens when source and target differ in size.
package enum SizePolicy: String, CaseIterable, Sendable {
  /// The sizes must be equal, else the run is refused.
  case strict
  /// A file takes the source's size; a device must be large enough, its rest stays untouched.
  case resize
  /// Only what both have is compared and copied.
  case min
}
