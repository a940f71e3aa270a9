// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Storage

@Suite struct NbdAddressTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var text: String
    var exportName: String
    var testDescription: String { text }

    init(_ text: String, _ exportName: String) {
      self.text = text
      self.exportName = exportName
    }
  }

  static let good = [
    Case("nbd://host", ""),
    Case("nbd://host/", ""),
    Case("nbd://host:10810/disk", "disk"),
    Case("NBD://host/disk", "disk"),
    Case("nbds://user@host/a/b%20c", "a/b c"),
    Case("nbd://[::1]:10809/x", "x"),
    Case("nbd+unix:///?socket=/run/x", ""),
    Case("nbd+unix:///web?socket=/run/x.sock", "web"),
    Case("nbds+unix:///web?tls-psk-file=/k&socket=/run/x", "web"),
    Case("nbd+vsock://2:10809/", ""),
  ]

  @Test(arguments: good)
  func isTaken(_ example: Case) throws {
    #expect(NbdAddress.isAddress(example.text))
    let address = try NbdAddress(example.text)
    #expect(address.text == example.text)
    #expect(address.exportName == example.exportName)
  }

  @Test(arguments: [
    ("nbd://user:secret@host/x", "password"),
    ("nbd+unix:///x", "names no socket"),
    ("nbd+unix:///x?socket=", "names no socket"),
    ("nbd://host/a b", "control character"),
    ("nbd://host/a\u{1B}[2J", "control character"),
    ("nbd://host/a\u{7F}", "control character"),
    ("nbd://host/%4", "hexadecimal"),
    ("nbd://host/%zz", "hexadecimal"),
    ("nbd://host/%ff", "no text"),
    ("nbd://host/%00", "no text"),
    ("http://host/x", "no address"),
    ("nbd+ssh://host/x", "no address"),
    ("nbd://" + String(repeating: "x", count: 4096), "longer than 4095 bytes"),
  ])
  func isRefused(text: String, mention: String) {
    let error = #expect(throws: StorageError.self) { try NbdAddress(text) }
    #expect(error?.description.contains(mention) == true, "\(error!)")
    #expect(error?.description.contains("secret") == false)
    #expect(error?.description.utf8.contains(0x1B) == false)
  }

  @Test func theLongestIsTaken() throws {
    let text = "nbd://" + String(repeating: "x", count: NbdAddress.maximumByteCount - 6)
    #expect(try NbdAddress(text).text == text)
  }

  @Test(arguments: [
    "disk.img", "./nbd://x", "/nbd://x", "host:nbd://x", "nbd:disk", "nbd:/x", "", "://x",
    "nbdx://h",
  ])
  func aPathIsNone(text: String) { #expect(!NbdAddress.isAddress(text)) }

  @Test(arguments: [("/run/a.sock", ""), ("/tmp/a b&c?d#e%f=g", "disk é/1"), ("relative", "x&y")])
  func aSocketIsWrittenAsOne(path: String, exportName: String) throws {
    let address = try NbdAddress(unixSocket: path, exportName: exportName)
    #expect(address.exportName == exportName)
    #expect(address.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
  }

  @Test(arguments: [
    ("nbd://host/disks/web", "web"), ("nbd://host", ""), ("nbd+unix:///?socket=/run/x", ""),
    ("/srv/disks/web.img", "web.img"),
  ])
  func aCopyInADirectoryHasItsName(path: String, name: String) {
    #expect(ImageOpening.baseName(of: path) == name)
  }

  @Test func aRestrictedServerWantsItToTheLetter() throws {
    let address = try NbdAddress("nbd://host/x")
    try PathPolicy.anything.requireReading(address)
    try PathPolicy(restrictedTo: ["/srv", "nbd://host/x"]).requireWriting(address)
    let policies = [
      PathPolicy(restrictedTo: ["/"]), PathPolicy(restrictedTo: ["nbd://host/", "nbd:/host/x"]),
      PathPolicy(restrictedTo: ["nbd://host/x"], mode: .readOnly),
    ]
    for policy in policies {
      let error = #expect(throws: StorageError.self) { try policy.requireWriting(address) }
      #expect(error?.isRefusal == true)
    }
    #expect(throws: StorageError.self) {
      try PathPolicy(restrictedTo: ["nbd://host/x"], mode: .writeOnly).requireReading(address)
    }
  }
}
