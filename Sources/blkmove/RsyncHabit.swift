// SPDX-License-Identifier: Apache-2.0

/// What to tell the hands that type rsync's options: which of them go without saying here, and
/// which have another name.
enum RsyncHabit {
  static let hints: [String: String] = [
    "-a": "there is nothing to archive: an image is copied as bytes; leave it out",
    "-r": "images are copied one by one; leave it out",
    "-u": "content is always compared; leave it out",
    "--append": "what has arrived is never sent again; leave it out",
    "--archive": "there is nothing to archive: an image is copied as bytes; leave it out",
    "--copy-devices": "the content of devices is what is copied; leave it out",
    "--inplace": "a target that exists is updated in place; leave it out",
    "--partial": "what has arrived is always kept; leave it out",
    "--port": "write ssh://host:PORT/path, or -e 'ssh -p PORT'",
    "--rsync-path": "use --remote-path",
    "--whole-file": "use --whole",
    "--write-devices": "the content of devices is what is written; leave it out",
  ]

  static func hint(for option: String) -> String? { hints[option] }
}
