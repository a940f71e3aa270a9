// SPDX-License-Identifier: Apache-2.0

/// BLAKE2b-256 of something.
package struct Digest: Hashable, Sendable {}
