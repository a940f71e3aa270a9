// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The style of the tree, as far as a program can see it. Every rule names the file and the line.
@Suite struct TidyTests {
  static let maximumColumns = 100
  static let maximumFunctionLines = 70
  static let maximumFileLines = 400

  /// A text file of the tree that somebody wrote.
  struct File: CustomTestStringConvertible, Sendable {
    var path: String
    var lines: [String]

    var testDescription: String { path }
    var name: String { String(path.split(separator: "/").last ?? "") }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }
    var isSource: Bool { path.hasPrefix("Sources/") }
    var isScript: Bool { lines.first?.hasPrefix("#!") == true }
    var room: String { String(path.split(separator: "/").dropFirst().first ?? "") }
  }

  static let files: [File] = {
    let manager = FileManager.default
    var paths = ["Package.swift", "Makefile"]
    for folder in ["Sources", "Tests", "Fuzz", "demo", "contrib", ".ci"] {
      let below = manager.enumerator(atPath: Project.directory.appendingPathComponent(folder).path)
      while let path = below?.nextObject() as? String { paths.append("\(folder)/\(path)") }
    }
    return paths.sorted().compactMap { path in
      guard !path.contains("/Golden/"), let text = try? Project.text(path) else { return nil }
      let file = File(path: path, lines: text.components(separatedBy: "\n"))
      let isCode = file.isSwift || file.isC || file.isScript || path == "Makefile"
      return isCode ? file : nil
    }
  }()

  @Test func thereAreFiles() {
    #expect(Self.files.count > 50)
    for room in ["Blocks", "Storage", "Wire", "Transfer", "blkmove", "CLinux", "CLanes"] {
      #expect(Self.files.contains { $0.isSource && $0.room == room })
    }
  }

  @Test(arguments: files)
  func linesAndFilesAreShort(file: File) {
    for (number, line) in file.lines.enumerated() where line.count > Self.maximumColumns {
      Issue.record("\(file.path):\(number + 1): \(line.count) columns")
    }
    #expect(file.lines.count - 1 <= Self.maximumFileLines, "\(file.path)")
    #expect(file.lines.last == "", "\(file.path) must end with a line end")
    for (number, line) in file.lines.enumerated() where line.hasSuffix(" ") {
      Issue.record("\(file.path):\(number + 1): spaces at the end")
    }
  }

  @Test(arguments: files)
  func theLicenceComesFirst(file: File) {
    let mark = file.isSwift || file.isC ? "//" : "#"
    let isSecond = file.isScript || file.path == "Package.swift"
    let line = file.lines.dropFirst(isSecond ? 1 : 0).first
    #expect(line == "\(mark) SPDX-License-Identifier: Apache-2.0", "\(file.path)")
  }

  @Test(arguments: files)
  func nothingIsLeftForLater(file: File) {
    // Put together here, so that this file does not find itself.
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    for (number, line) in file.lines.enumerated() {
      let words = line.split { !$0.isLetter }.map(String.init)
      for mark in marks where words.contains(mark) {
        Issue.record("\(file.path):\(number + 1): \(mark)")
      }
    }
  }

  @Test(arguments: files.filter { $0.isSwift || $0.isC })
  func functionsFitAScreen(file: File) {
    for function in file.isSwift ? Self.functions(file) : Self.functionsOfC(file) {
      #expect(
        function.count <= Self.maximumFunctionLines,
        "\(file.path):\(function.lowerBound + 1): \(function.count) lines")
    }
  }

  /// From the line of the name to the brace in the same column; what is on one line is short.
  private static func functions(_ file: File) -> [Range<Int>] {
    file.lines.indices.compactMap { start in
      let line = file.lines[start]
      let indent = line.prefix { $0 == " " }
      let words = line.dropFirst(indent.count).split(separator: " ")
      let isFunction = words.contains { word in
        word == "func" || word == "deinit" || word.hasPrefix("init(") || word.hasPrefix("init?(")
      }
      guard isFunction, !words[0].hasPrefix("//"), !line.hasSuffix("}") else { return nil }
      let end = file.lines[start...].firstIndex { $0 == "\(indent)}" }
      return end.map { start..<$0 + 1 }
    }
  }

  private static func functionsOfC(_ file: File) -> [Range<Int>] {
    file.lines.indices.compactMap { start in
      let line = file.lines[start]
      guard let first = line.first, first.isLetter, line.hasSuffix("{"), line.contains("(") else {
        return nil
      }
      return file.lines[start...].firstIndex(of: "}").map { start..<$0 + 1 }
    }
  }

  @Test(arguments: files.filter { $0.isSwift && ($0.isSource || $0.path.hasPrefix("Tests/")) })
  func aFileIsNamedForWhatIsInIt(file: File) {
    let name = file.name.dropLast(".swift".count).prefix { $0 != "+" }
    if name == "main" { return }
    let kinds: Set<Substring> = ["struct", "enum", "class", "protocol", "actor", "typealias"]
    var types: Set<Substring> = []
    var extended: Set<Substring> = []
    for line in file.lines where !line.hasPrefix("//") {
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
      for (kind, type) in zip(words, words.dropFirst()) {
        if kind == "extension" { extended.insert(type) }
        if kinds.contains(kind), line.first != " " { types.insert(type) }
      }
    }
    // A file of abilities, or of functions, is named for what they are about.
    if types.isEmpty, !file.name.contains("+") { return }
    #expect(types.contains(name) || extended.contains(name), "\(file.path) has no \(name)")
  }

  /// Which rooms may open which door to C. One room owns each library; the kernel has five.
  private static let doors: [String: Set<String>] = [
    "CLanes": ["Blocks", "BlocksTests"],
    "CBlake2": ["BlocksTests"],
    "CXxhash": ["Blocks"],
    "CNbd": ["Storage"],
    "CZstd": ["Wire"],
    "CLinux": ["Storage", "Transfer", "Qemu", "Live", "blkmove", "StorageTests", "LiveTests"],
  ]

  @Test(arguments: files.filter(\.isSwift))
  func eachDoorHasItsRoom(file: File) {
    for (number, line) in file.lines.enumerated() {
      let words = line.split(separator: " ")
      guard let position = words.firstIndex(of: "import"), position <= 2,
        let module = words.dropFirst(position + 1).first
      else { continue }
      if let rooms = Self.doors[String(module)] {
        #expect(rooms.contains(file.room), "\(file.path):\(number + 1): \(module)")
      }
      if file.isSource {
        #expect(!module.hasPrefix("Foundation"), "\(file.path):\(number + 1): \(module)")
      }
    }
  }

  @Test func everyDoorIsKnown() throws {
    let rooms = try FileManager.default.contentsOfDirectory(
      atPath: Project.directory.appendingPathComponent("Sources").path)
    let doors = rooms.filter { $0.first == "C" && $0.dropFirst().first?.isUppercase == true }
    #expect(Set(doors) == Set(Self.doors.keys))
  }
}
