// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import blkmove

@Suite struct FlagTableTests {
  @Test func eachNameStandsOnce() {
    let names = FlagTable.all.flatMap(\.longNames)
    #expect(Set(names).count == names.count)
    let letters = FlagTable.all.compactMap(\.short)
    #expect(Set(letters).count == letters.count)
  }

  @Test(arguments: FlagTable.all)
  func eachIsExplainedAndBelongsSomewhere(flag: Flag) {
    #expect(!flag.subcommands.isEmpty)
    #expect(!flag.summary.isEmpty)
    #expect(!flag.summary.hasSuffix("."), "a summary is a clause")
    if flag.isHidden { return }
    #expect(flag.description.hasSuffix("."), "a description is in sentences")
    #expect(flag.description.filter { $0 == "`" }.count.isMultiple(of: 2))
  }

  @Test(arguments: FlagTable.all.filter { !$0.isHidden })
  func everyGeneratedFileKnowsIt(flag: Flag) {
    #expect(Help.text().contains("--\(flag.long)"))
    let manual = flag.long.replacing("-", with: "\\-")
    #expect(ManualPage.text.contains("\\-\\-\(manual)"))
    for text in [BashCompletion.text, ZshCompletion.text] {
      #expect(text.contains("--\(flag.long)"))
    }
    #expect(FishCompletion.text.contains("-l \(flag.long) "))
  }

  @Test(arguments: FlagTable.all.filter(\.isHidden))
  func whatIsHiddenIsNowhere(flag: Flag) {
    for file in GeneratedFile.allCases {
      #expect(!file.text.contains("--\(flag.long)"), "\(file)")
    }
  }

  @Test func rsyncsHabitsAreNoOptionsOfOurs() {
    let ours = FlagTable.all.flatMap { flag in
      flag.longNames.map { "--\($0)" } + (flag.short.map { ["-\($0)"] } ?? [])
    }
    #expect(RsyncHabit.hints.keys.allSatisfy { !ours.contains($0) })
  }
}
