// Values, their canonical text, types, digests and suggestions.

import Foundation
import PipelineCore
import Testing

@Suite struct ValueTests {
  private static let values: [Value] = [
    .null, .boolean(true), .boolean(false), .integer(0), .integer(Int.max), .integer(Int.min), .number(0.1),
    .number(-1.5e-300), .number(Double.greatestFiniteMagnitude), .number(.leastNonzeroMagnitude),
    .number(1e22 + 0.5),
    .string(""), .string("quote \" backslash \\ slash / tab \t line \n return \r bell \u{7} unit \u{1F}"),
    .string("größe 👩‍👩‍👧 \u{2028} \u{FFFD}"), .list([]), .map([:]),
    .list([.integer(1), .list([.null]), .map(["b": .string("x"), "a": .number(0.5), "": .boolean(false)])]),
  ]

  @Test(arguments: values) func roundTrips(_ value: Value) throws {
    let encoded = try JSONEncoder().encode(value)
    #expect(try JSONDecoder().decode(Value.self, from: encoded) == value)
    // The canonical text is JSON to any other reader.
    #expect(try JSONDecoder().decode(Value.self, from: Data(value.json.utf8)) == value)
    #expect(try JSONDecoder().decode(Value.self, from: Data(value.json.utf8)).json == value.json)
  }

  @Test func canonicalText() {
    let value = Value.map(["b": .list([.integer(1), .number(1)]), "a": .null, "é": .string("\u{1}\"")])
    #expect(value.json == #"{"a":null,"b":[1,1.0],"é":"\u0001\""}"#)
    #expect(Value.string("plain text").plainText == "plain text")
    #expect(Value.list([.string("x")]).plainText == #"["x"]"#)
  }

  /// Equal values have equal texts, minus zero included.
  @Test func equalValuesHaveEqualTexts() {
    #expect(Value.number(-0.0) == Value.number(0))
    #expect(Value.number(-0.0).json == Value.number(0).json)
  }

  /// 1 and 1.0 are one value to a parameter that asks for a number, so they give one key.
  @Test func numbersConform() {
    let type = ParameterType.number(0...10)
    #expect(type.conform(.integer(1)) == .number(1))
    #expect(type.conform(.integer(1))?.json == type.conform(.number(1))?.json)
    #expect(type.conform(.integer(11)) == nil)
    #expect(type.conform(.number(.nan)) == nil)
    #expect(type.conform(.string("1")) == nil)
    let list = ParameterType.optional(.list(.map(type)))
    #expect(list.conform(.list([.map(["a": .integer(2)])])) == .list([.map(["a": .number(2)])]))
    #expect(list.conform(.null) == .null)
    #expect(list.conform(.list([.map(["a": .boolean(true)])])) == nil)
    #expect(ParameterType.integer(1...Int.max).conform(.number(1)) == nil)
    #expect(ParameterType.integer(1...Int.max).conform(.integer(0)) == nil)
    #expect(ParameterType.choice(["a"]).conform(.string("b")) == nil)
    #expect(ParameterType.boolean.conform(.integer(1)) == nil)
  }
}

@Suite struct DigestTests {
  /// FIPS 180-2, appendix B.1.
  @Test func knownDigest() {
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let digest = Digest(of: Array("abc".utf8))
    #expect(digest.hex == hex)
    #expect(digest.description == hex)
    #expect(Digest(hex: hex) == digest)
    #expect(digest.prefix64 == 0xba78_16bf_8f01_cfea)
  }

  @Test func refusesOtherTexts() {
    let hex = Digest(of: []).hex
    for text in [
      "", String(hex.dropLast()), hex + "0", hex.uppercased(), "g" + hex.dropFirst(), " " + hex.dropFirst(),
    ] {
      #expect(Digest(hex: text) == nil)
    }
  }

  @Test func codesAndSorts() throws {
    let digests = (0..<50).map { Digest(of: [UInt8($0)]) }
    let decoded = try JSONDecoder().decode([Digest].self, from: JSONEncoder().encode(digests))
    #expect(decoded == digests)
    #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([Digest].self, from: Data(#"["00"]"#.utf8))
    }
  }
}

@Suite struct SuggestionTests {
  @Test(arguments: [
    ("learning_rat", "learning_rate"), ("laerning_rate", "learning_rate"), ("Epochs", "epochs"),
    ("epoch", "epochs"),
    ("sede", "seed"), ("momentun", "momentum"),
  ])
  func nearestWord(_ word: String, _ meant: String) {
    let words = ["learning_rate", "epochs", "seed", "momentum"]
    #expect(nearest(to: word, among: words) == meant)
    #expect(suggestion(for: word, among: words, of: "parameters") == "did you mean '\(meant)'?")
  }

  @Test func nothingNear() {
    #expect(nearest(to: "damping", among: ["epochs", "seed"]) == nil)
    #expect(nearest(to: String(repeating: "a", count: 1000), among: ["a"]) == nil)
    #expect(
      suggestion(for: "damping", among: ["epochs", "seed"], of: "parameters") == "parameters: epochs, seed")
    #expect(suggestion(for: "x", among: [], of: "axes") == "there are no axes here")
    let many = suggestion(for: "x", among: (0..<1000).map { "name\($0)" }, of: "stages")
    #expect(many.hasSuffix("name29, …"))
  }
}

@Suite struct DiagnosticTests {
  @Test func pointsWithACaret() {
    let place = SourceLocation(file: "a.yaml", line: 12, column: 4)
    let diagnostic = Diagnostic("wrong", at: place, line: "\tä = 1", notes: ["why", "what"])
    #expect(
      diagnostic.description
        == "a.yaml:12:4: error: wrong\n 12 | \tä = 1\n    | \t  ^\n  note: why\n  note: what")
    #expect(Diagnostic("wrong", at: nil).description == "error: wrong")
    #expect(Diagnostic("wrong", at: place).description == "a.yaml:12:4: error: wrong")
  }
}
