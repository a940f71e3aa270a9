// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Live

@Suite struct GlancedObjectTests {
  @Test(
    arguments: [
      ("{}", [:]),
      (" { } ", [:]),
      (#"{"return": {}, "id": 7}"#, ["return": "{}", "id": "7"]),
      (
        #"{"return":{"status":"paused","running":false,"a":[1,{"b":"]}"}]}}"#,
        ["return": #"{"status":"paused","running":false,"a":[1,{"b":"]}"}]}"#]
      ),
      (
        #"{"desc": "Bitmap \"b0\" \\ not found\n", "n": null}"#,
        ["desc": "Bitmap \"b0\" \\ not found\n", "n": "null"]
      ),
      (#"{"a": "}", "b": ""}"#, ["a": "}", "b": ""]),
    ] as [(String, [String: String])])
  func membersAreFound(text: String, members: [String: String]) {
    #expect(GlancedObject(text)?.members == members)
  }

  @Test(arguments: [
    "", "{", "[]", "7", #"{"a"}"#, #"{"a":}"#, #"{"a":1"#, #"{"a":"1}"#, #"{"a":1,}"#, #"{"a":"\"#,
    #"{"a":[}"#, #"{a:1}"#,
  ])
  func whatIsNoObjectIsNone(text: String) {
    #expect(GlancedObject(text)?.members == nil)
  }

  @Test func garbledTextDoesNoHarm() {
    var random = Random.fresh(for: "GlancedObjectTests.garbledTextDoesNoHarm")
    let signs = Array("{}[]\",:\\ a1")
    for _ in 0..<20000 {
      let count = Int.random(in: 0...20, using: &random)
      let text = "{" + String((0..<count).map { _ in signs.randomElement(using: &random)! })
      _ = GlancedObject(text)
    }
  }
}
