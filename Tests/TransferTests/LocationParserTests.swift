// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Transfer

@Suite struct LocationParserTests {
  struct Accepted: CustomTestStringConvertible, Sendable {
    var text: String
    var location: Location

    init(_ text: String, path: String) {
      self.text = text
      location = .local(path: path)
    }

    init(_ text: String, _ user: String?, _ host: String, _ port: UInt16?, _ path: String) {
      self.text = text
      location = .remote(RemoteLocation(user: user, host: host, port: port, path: path))
    }

    var testDescription: String { text }
  }

  static let longPath = String(repeating: "p", count: LocationParser.maximumPathByteCount)
  static let longHost = String(repeating: "h", count: LocationParser.maximumHostByteCount)

  static let accepted: [Accepted] = [
    Accepted("disk.img", path: "disk.img"),
    Accepted("/dev/vg/web", path: "/dev/vg/web"),
    Accepted("./a:b", path: "./a:b"),
    Accepted("/srv/a:b", path: "/srv/a:b"),
    Accepted("a/b:c", path: "a/b:c"),
    Accepted("dir/", path: "dir/"),
    Accepted("-n", path: "-n"),
    Accepted("a b\tc\nd", path: "a b\tc\nd"),
    Accepted("@", path: "@"),
    Accepted("[1].img", path: "[1].img"),
    Accepted("user@[x]", path: "user@[x]"),
    Accepted("./[::1]:x", path: "./[::1]:x"),
    Accepted("größe.img", path: "größe.img"),
    Accepted("a//b", path: "a//b"),
    Accepted("./ssh://x", path: "./ssh://x"),
    Accepted(longPath, path: longPath),
    Accepted("nbd://host:1/a:b", path: "nbd://host:1/a:b"),
    Accepted("nbds+unix:///x?socket=/s", path: "nbds+unix:///x?socket=/s"),
    Accepted("./nbd://host/x", path: "./nbd://host/x"),
    Accepted("user@host:nbd+unix:///?socket=/s", "user", "host", nil, "nbd+unix:///?socket=/s"),
    Accepted("nbd:x", nil, "nbd", nil, "x"),

    Accepted("host:disk.img", nil, "host", nil, "disk.img"),
    Accepted("user@host:/a", "user", "host", nil, "/a"),
    Accepted("a@b@host:/a", "a@b", "host", nil, "/a"),
    Accepted("DOMAIN\\user@host:/a", "DOMAIN\\user", "host", nil, "/a"),
    Accepted("host:a:b", nil, "host", nil, "a:b"),
    Accepted("host:/a b/$(c)", nil, "host", nil, "/a b/$(c)"),
    Accepted("host:-n", nil, "host", nil, "-n"),
    Accepted("host:~/x", nil, "host", nil, "~/x"),
    Accepted("10.0.0.1:x", nil, "10.0.0.1", nil, "x"),
    Accepted("my_host-1.example:x", nil, "my_host-1.example", nil, "x"),
    Accepted("[::1]:x", nil, "::1", nil, "x"),
    Accepted("root@[fe80::1%eth0]:/dev/sda", "root", "fe80::1%eth0", nil, "/dev/sda"),
    Accepted("[::1]:[::2]:x", nil, "::1", nil, "[::2]:x"),
    Accepted("\(longHost):x", nil, longHost, nil, "x"),
    Accepted("h:\(longPath)", nil, "h", nil, longPath),

    Accepted("ssh://host/a", nil, "host", nil, "/a"),
    Accepted("SSH://host/a", nil, "host", nil, "/a"),
    Accepted("ssh://user@host:2222/a/b", "user", "host", 2222, "/a/b"),
    Accepted("ssh://host:1/a", nil, "host", 1, "/a"),
    Accepted("ssh://host:65535/a", nil, "host", 65535, "/a"),
    Accepted("ssh://[::1]/a", nil, "::1", nil, "/a"),
    Accepted("ssh://u@[::1]:22/a", "u", "::1", 22, "/a"),
    Accepted("ssh://host/a%20b%2fc%25", nil, "host", nil, "/a b/c%"),
    Accepted("ssh://host/%c3%9f", nil, "host", nil, "/ß"),
    Accepted("ssh://host/~/a", nil, "host", nil, "~/a"),
    Accepted("ssh://host/a:b?c#d", nil, "host", nil, "/a:b?c#d"),
  ]

  @Test(arguments: accepted)
  func isRead(test: Accepted) throws {
    #expect(try LocationParser.parse(test.text, as: .source) == test.location)
  }

  static let refused: [(text: String, sentence: String)] = [
    ("", "is empty"),
    ("-", "no image"),
    (longPath + "p", "longer than 4095 bytes"),
    ("h:\(longPath)p", "longer than 4095 bytes"),
    ("a\0b", "zero byte"),
    (":x", "the host is empty"),
    ("@host:x", "the user is empty"),
    ("user@:x", "the host is empty"),
    ("host:", "has no path after the host"),
    ("host::module", "rsync daemon"),
    ("-oProxyCommand=x:y", "must not begin with '-'"),
    ("user@-host:y", "must not begin with '-'"),
    ("-l@host:y", "must not begin with '-'"),
    ("ho st:y", "has a character that no host has"),
    ("host\n:y", "has a character that no host has"),
    ("host\u{7f}:y", "has a character that no host has"),
    ("ho;st:y", "has a character that no host has"),
    ("$(x):y", "has a character that no host has"),
    ("a`b@host:y", "has a character that no user has"),
    ("us er@host:y", "has a character that no user has"),
    ("\(longHost)h:x", "the host is longer than 255 bytes"),
    ("[::1]", "has no path after the address"),
    ("[::1]x:y", "has no path after the address"),
    ("[::1:y", "no closing bracket"),
    ("]@[:y", "no closing bracket"),
    ("ho\\st:y", "has a character that no host has"),
    ("[]:y", "brackets hold an IPv6 address"),
    ("[host]:y", "brackets hold an IPv6 address"),
    ("nbdx://host/x", "the scheme 'nbdx' is not known"),
    ("nbd+unix:///x", "names no socket"),
    ("host:nbd://a b/", "control character"),
    ("nbd://u:secret@host/", "a password"),
    ("http://host/x", "the scheme 'http' is not known"),
    ("ssh://", "has no path"),
    ("ssh://host", "has no path"),
    ("ssh://host/", "has no path"),
    ("ssh:///a", "the host is empty"),
    ("ssh://@host/a", "the user is empty"),
    ("ssh://-oProxyCommand=x/a", "must not begin with '-'"),
    ("ssh://host:0/a", "'0' is no port"),
    ("ssh://host:65536/a", "'65536' is no port"),
    ("ssh://host:/a", "'' is no port"),
    ("ssh://host:2x/a", "'2x' is no port"),
    ("ssh://host:+2/a", "'+2' is no port"),
    ("ssh://user:secret@host/a", "with a password"),
    ("ssh://user:secret@host:22/a", "with a password"),
    ("ssh://::1/a", "the host has colons"),
    ("ssh://host/%", "not followed by two hexadecimal digits"),
    ("ssh://host/%4", "not followed by two hexadecimal digits"),
    ("ssh://host/%zz", "not followed by two hexadecimal digits"),
    ("ssh://host/%é", "not followed by two hexadecimal digits"),
    ("ssh://host/%ff", "is not UTF-8"),
    ("ssh://host/a%00b", "zero byte"),
  ]

  @Test(arguments: refused)
  func isRefused(text: String, sentence: String) {
    let error = #expect(throws: TransferError.self) {
      try LocationParser.parse(text, as: .target)
    }
    #expect(error?.status == .usage)
    #expect(error?.end == .target)
    #expect(error?.sentence.contains(sentence) == true, "\(error?.sentence ?? "")")
  }

  @Test func whateverIsTypedIsNoTrap() {
    let pieces = ["a", "/", ":", "@", "[", "]", "ssh://", "%", "-", "~", "é", "\u{301}", " ", "0"]
    let seed = UInt64.random(in: 0...UInt64.max)
    var generator = SplitMix(state: seed)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...9, using: &generator)
      let text = (0..<count).map { _ in pieces.randomElement(using: &generator)! }.joined()
      let location = try? LocationParser.parse(text, as: .source)
      guard case .remote(let remote)? = location else { continue }
      #expect(!remote.host.hasPrefix("-") && !remote.host.isEmpty, "seed \(seed): '\(text)'")
      #expect(!remote.path.isEmpty, "seed \(seed): '\(text)'")
    }
  }

  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9e37_79b9_7f4a_7c15
      var mixed = state
      mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
      mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
      return mixed ^ mixed >> 31
    }
  }
}
