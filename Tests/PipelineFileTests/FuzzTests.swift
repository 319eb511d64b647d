// Hostile and damaged files: an answer or an error, within bounds, and never a trap.

import PipelineCore
import PipelineFile
import Testing

/// SplitMix64 (Steele, Lea and Flood 2014): the same mutations on every machine.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

@Suite struct FuzzTests {
  private static let base = """
    description: "a file with \\"everything\\" in it"
    parameters: &p
      label: 0
      list: [1, 2.5, true, ~, "x"]
      text: >-
        folded ${label} $${x}
      map: { a: ${label}, b: [*l, '${list}'] }
    defaults: { damping: 1 }
    axes:
      size: [100, 500]   # a comment
      repeat: 3
    stages:
      images: { stage: load-images, parameters: { dataset: mnist } }
      group:
        for: [size, repeat]
        inputs: { images: images }
        parameters: { label: ${label}, size: "${size}" }
      base: { stage: train, parameters: { epochs: 1 } }
      some: { for: [net, group], stage: evaluate, inputs: [net: [x: base, forget]] }
      forget:
        stage: unlearn
        for: group
        inputs: [net: base]
        cases: { whole: { partition: whole }, small: { for: size, inputs: ["group[repeat=0]"] } }
      one: { stage: retrain, for: size, inputs: { images: images, group: group[repeat=0] } }
      all: { stage: table, inputs: { rows: { "a b": group, c: one } } }
    """

  private static let words = [
    "*a", "&a", "? ", ": ", "- ", "{", "}", "[", "]", ",", "\"", "'", "|", ">", "#", "!", "!!str", "%", "@",
    "`", "~",
    "<<", "${", "}", "${label}", "${size}", "$${", "[size=1]", "\n", "\n  ", "\n\n", "\t", "\r", "\u{85}",
    "\u{2028}",
    "---", "...", "null", "0", "-1", "99999999999999999999", "1e999", ".nan", "extends: main.yaml\n",
    "for: repeat\n",
    "\u{FEFF}", "\u{E000}", "\u{0}", "👩‍👩‍👧", "\u{301}", "label", "size", "group", "images", "table", "stage",
    "=", "\\",
    "\\u0041", "2000000", "5000000", "for: [net, group]\n", "cases: { a: {} }\n", "[whole]", "forget", "some",
  ]

  private static func mutate(_ text: String, _ random: inout SeededGenerator) -> String {
    var scalars = Array(text.unicodeScalars)
    for _ in 0..<([1, 1, 1, 1, 2, 4].randomElement(using: &random) ?? 1) {
      let index = Int.random(in: 0...scalars.count, using: &random)
      let length = Int.random(in: 0...min(12, scalars.count - index), using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: scalars.removeSubrange(index..<index + length)
      case 1:
        scalars.insert(
          contentsOf: words.randomElement(using: &random)?.unicodeScalars.map { $0 } ?? [], at: index)
      case 2:
        let words = words.randomElement(using: &random)?.unicodeScalars.map { $0 } ?? []
        scalars.replaceSubrange(index..<index + length, with: words)
      case 3:
        // A piece of the file appears elsewhere too.
        let from = Int.random(in: 0...scalars.count, using: &random)
        let piece = Array(scalars[from..<min(scalars.count, from + Int.random(in: 0...80, using: &random))])
        scalars.insert(contentsOf: piece, at: index)
      default:
        if index < scalars.count {
          scalars[index] = Unicode.Scalar(UInt8.random(in: 32...126, using: &random))
        }
      }
    }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return String(view)
  }

  @Test(arguments: 1...4) func mutations(seed: UInt64) {
    var random = SeededGenerator(state: seed)
    var right = 0
    var wrong = 0
    for _ in 0..<1500 {
      let text = Self.mutate(Self.base.replacing("*l", with: "3"), &random)
      let option = Bool.random(using: &random) ? [] : [Self.mutate("group.label=${label}", &random)]
      do {
        let plan = try document(text, option, others: ["folder/main.yaml": text]).plan
        for id in plan.ids where plan.predecessors(of: id).contains(where: { $0 >= id }) {
          Issue.record("\(plan[id].name) precedes an input in\n\(text)")
        }
        right += 1
      } catch {
        // Each error has a place in the text, and the text of an error can be made.
        let isPlaced = error.diagnostics.allSatisfy {
          $0.location.map { $0.line >= 1 && $0.column >= 1 } ?? false
        }
        if error.diagnostics.isEmpty || !isPlaced || error.description.isEmpty {
          Issue.record("an error without a place in\n\(text)")
        }
        wrong += 1
      }
    }
    // The mutations must keep reaching both ends.
    #expect(right > 50)
    #expect(wrong > 500)
  }

  private static let hostile: [String: String] = [
    "brackets": "a: " + String(repeating: "[", count: 100_000),
    "braces": "a: " + String(repeating: "{a: ", count: 100_000),
    "dashes": String(repeating: "- ", count: 100_000),
    "question marks": String(repeating: "? ", count: 100_000),
    "open references": "a: " + String(repeating: "${", count: 100_000),
    "open pins": "a: " + String(repeating: "a[", count: 100_000),
    "many keys": (0..<30_000).map { "k\($0): 1" }.joined(separator: "\n"),
    "one key": String(repeating: "k: 1\n", count: 30_000),
    "anchors": (0..<30_000).map { "- &a\($0) x" }.joined(separator: "\n"),
    "too long": String(repeating: "#", count: 5_000_000),
  ]

  @Test(arguments: hostile.keys.sorted()) func refuses(_ name: String) {
    #expect(errors(Self.hostile[name] ?? "").contains("error: "))
  }

  /// Ten levels of ten aliases would be ten thousand million nodes.
  @Test func laughs() {
    func level(_ n: Int) -> String { Array(repeating: "*a\(n - 1)", count: 10).joined(separator: ", ") }
    let lists = "- &a0 [x, x]\n" + (1...10).map { "- &a\($0) [\(level($0))]\n" }.joined()
    #expect(
      errors(lists).hasSuffix(
        "the document has more than 500000 nodes, aliases expanded\n 1 | - &a0 [x, x]\n   |   ^"))
    // As a key, the library itself would open them all.
    #expect(errors(lists + "- ? *a10\n  : 1\n").contains("12:5: error: an alias can't be a key"))
    #expect(errors(lists + "- ? [*a10]\n  : 1\n").contains("error: a key must be plain text"))

    let level = { (n: Int) in Array(repeating: "${a\(n - 1)}", count: 10) }
    let texts = (1...10).map { "  a\($0): \"\(level($0).joined())\"\n" }.joined()
    let nested = (1...10).map { "  a\($0): [\"\(level($0).joined(separator: "\", \""))\"]\n" }.joined()
    for parameters in [texts, nested] {
      let text = "parameters:\n  a0: xxxxxxxxxx\n" + parameters + "stages: { load-images: {} }"
      #expect(errors(text).contains("error: the references make this value too large"))
    }
    let chain = (1...100).map { "  a\($0): [\"${a\($0 - 1)}\"]\n" }.joined()
    #expect(
      errors("parameters:\n  a0: 1\n" + chain + "stages: { load-images: {} }")
        .contains("66:8: error: the references make this value too large"))
  }

  /// Long chains are no deep recursion.
  @Test func longChains() throws {
    let count = 20_000
    let parameters = (0..<count).map { "  p\($0): \($0 + 1 < count ? "\"${p\($0 + 1)}\"" : "1")\n" }.joined()
    #expect(
      try document("parameters:\n" + parameters + "stages: { load-images: {} }").parameters["p0"]
        == .integer(1))
    let stages = (0..<count).map { index in
      let inputs = index + 1 < count ? ", inputs: { i: s\(index + 1) }" : ""
      return "  s\(index): { stage: command, parameters: { argv: [x] }\(inputs) }\n"
    }
    let plan = try plan("stages:\n" + stages.joined())
    #expect(plan.names.first == "s\(count - 1)")
    #expect(plan.names.last == "s0")
    let followers = (1..<count).map { index in
      "  s\(count - index): { stage: unlearn, for: net, inputs: [net: s\(count - index - 1)] }\n"
    }
    let first = """
      defaults: { epochs: 1, label: 1 }
      axes: { n: 2 }
      stages:
        images: { stage: load-images }
        group: {}
        s0: { stage: train, for: n }

      """
    #expect(try document(first + followers.joined()).plan.names.last == "s\(count - 1)[n=1]")
  }
}
