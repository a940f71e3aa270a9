// SPDX-License-Identifier: Apache-2.0

/// What is asked of a target before it is opened.
package struct TargetRequest: Sendable {
  package var path: String
  /// The source's base name: used when `path` is a directory. It may come from a peer and is
  /// checked like everything that does.
  package var suggestedName: String
  package var sourceByteCount: UInt64
  /// Only when both ends are on this machine, to refuse a target that is the source.
  package var sourceIdentity: ImageIdentity?
  package var sizePolicy: SizePolicy
  package var isForced: Bool
  /// Nothing is created, locked or changed.
  package var isDryRun: Bool
  /// Whether zeros become holes.
  package var keepsSparse: Bool
  /// How long the image will be is not known: `sourceByteCount` means nothing, and `end(at:)` will
  /// tell.
  package var isOpenEnded: Bool
  /// A file that exists is not changed, but replaced by a clone of it that was.
  package var isAtomic: Bool
  /// Such a clone is taken up where an interrupted run has left one.
  package var goesOn: Bool
  /// A new file has its name and its length from the beginning: somebody opens it before it is
  /// complete.
  package var appearsAtOnce: Bool

  package init(
    path: String, suggestedName: String, sourceByteCount: UInt64,
    sourceIdentity: ImageIdentity? = nil, sizePolicy: SizePolicy = .resize,
    isForced: Bool = false, isDryRun: Bool = false, keepsSparse: Bool = true,
    isOpenEnded: Bool = false, isAtomic: Bool = false, goesOn: Bool = true,
    appearsAtOnce: Bool = false
  ) {
    self.path = path
    self.suggestedName = suggestedName
    self.sourceByteCount = sourceByteCount
    self.sourceIdentity = sourceIdentity
    self.sizePolicy = sizePolicy
    self.isForced = isForced
    self.isDryRun = isDryRun
    self.keepsSparse = keepsSparse
    self.isOpenEnded = isOpenEnded
    self.isAtomic = isAtomic
    self.goesOn = goesOn
    self.appearsAtOnce = appearsAtOnce
  }
}
