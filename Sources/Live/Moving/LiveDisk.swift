// SPDX-License-Identifier: Apache-2.0

package import Storage
package import Transfer

/// One image of a live move: where it is read, who tells what is written to it, where it goes.
package struct LiveDisk: Sendable {
  /// How it is called in reports: its path, or the name that the machine has for it.
  package var name: String
  package var image: LiveImage
  /// What to call it in a directory.
  package var suggestedName: String
  package var target: Location
  package var tracker: any DirtySource
  /// Parts that are sent once, at the end.
  package var late: [Range<UInt64>]

  package init(
    name: String, image: LiveImage, suggestedName: String, target: Location,
    tracker: any DirtySource, late: [Range<UInt64>] = []
  ) {
    self.name = name
    self.image = image
    self.suggestedName = suggestedName
    self.target = target
    self.tracker = tracker
    self.late = late
  }
}
