// Typed parameters: what is declared is what is read, and values that don't conform never come to be.

import PipelineCore
import Testing

private enum Kind: String, CaseIterable { case near, far, none }

private let size = Parameter("size", .integer(1...), "how many")
private let share = Parameter("share", .number(0...1), default: 0.5, "how much")
private let label = Parameter("label", .optional(.integer(0...9)), default: nil, "which")
private let kind = Parameter("kind", .choice(Kind.self), default: .near, "what kind")
private let other = Parameter("other", .choice(Kind.self, among: [.far]), default: .far, "what other kind")
private let word = Parameter("word", .word(["a", "b"]), default: "b", "a word")
private let cuts = Parameter("cuts", .list(.number(-9...9)), default: [-1, 1], "where")
private let names = Parameter("names", .map(.list(.string)), default: ["x": ["y"]], "names")
private let isOn = Parameter("on", .boolean, default: true, "whether")
private let stage = StageDeclaration(
  name: "sample", version: 1, summary: "A sample.",
  parameters: [size, share, label, kind, other, word, cuts, names, isOn], isRandom: true)

@Suite struct ParameterTests {
  @Test func givenValuesAreReadByTheirType() throws {
    let values = try ParameterValues(
      [
        "size": .integer(7), "share": .integer(1), "label": .integer(3), "kind": .string("none"),
        "word": .string("a"), "cuts": .list([.integer(2), .number(2.5)]),
        "names": .map(["n": .list([.string("m")])]), "on": .boolean(false), "seed": .integer(9),
      ], of: stage)
    #expect(values[size] == 7 && values[share] == 1 && values[label] == 3 && values[kind] == Kind.none)
    #expect(values[word] == "a" && values[cuts] == [2, 2.5] && values[names] == ["n": ["m"]])
    #expect(!values[isOn] && values[StageDeclaration.seed] == 9)
    // An integer where a number is asked for is that number, in keys too.
    #expect(values.json.contains(#""cuts":[2.0,2.5]"#) && values.json.contains(#""share":1.0"#))
  }

  @Test func whatIsNotGivenTakesItsDefault() throws {
    let values = try ParameterValues(["size": .integer(1)], of: stage)
    #expect(values[share] == 0.5 && values[label] == nil && values[kind] == .near && values[other] == .far)
    #expect(values[word] == "b" && values[cuts] == [-1, 1] && values[names] == ["x": ["y"]] && values[isOn])
    #expect(values[StageDeclaration.seed] == 1)
    #expect(
      values.json
        == #"{"cuts":[-1.0,1.0],"kind":"near","label":null,"names":{"x":["y"]},"on":true,"other":"far","#
        + #""purpose":null,"seed":1,"share":0.5,"size":1,"word":"b"}"#)
  }

  @Test(
    arguments: [
      ([:], "parameter 'size': is missing; it is an integer ≥ 1"),
      (["size": .integer(0)], "parameter 'size': found 0, expected an integer ≥ 1"),
      (["size": .number(1)], "parameter 'size': found 1.0, expected an integer ≥ 1"),
      (
        ["size": .integer(1), "label": .integer(10)],
        "parameter 'label': found 10, expected an integer from 0 to 9, or null"
      ),
      (
        ["size": .integer(1), "kind": .string("mid")],
        "parameter 'kind': found \"mid\", expected one of near, far, none"
      ),
      (
        ["size": .integer(1), "other": .string("near")],
        "parameter 'other': found \"near\", expected one of far"
      ),
      (
        ["size": .integer(1), "cuts": .list([.string("1")])],
        "parameter 'cuts': found [\"1\"], expected a list, each a number from -9.0 to 9.0"
      ),
      (
        ["size": .integer(1), "sise": .integer(2)],
        "parameter 'sise': sample has none of this name; did you mean 'size'?"
      ),
    ] as [([String: Value], String)])
  func valuesThatDoNotConformNeverComeToBe(given: [String: Value], message: String) {
    do throws(ParameterProblem) {
      _ = try ParameterValues(given, of: stage)
      Issue.record("accepted \(given)")
    } catch { #expect(error.description == message) }
  }

  /// An artifact may be older than a parameter of its stage, or have one that is gone.
  @Test func recordedValuesMayBeOfAnOlderDeclaration() throws {
    let values = try ParameterValues(recorded: ["size": .integer(2), "gone": .integer(1)], of: stage)
    #expect(values[size] == 2 && values[share] == 0.5)
    #expect(throws: ParameterProblem.self) {
      try ParameterValues(recorded: ["size": .string("2")], of: stage)
    }
    #expect(throws: ParameterProblem.self) { try ParameterValues(recorded: ["gone": .integer(1)], of: stage) }
  }

  /// What schema, messages and `pipeline stages` show is of the same declaration.
  @Test func theDeclarationSaysWhatIsRead() {
    #expect(
      stage.parameters.map(\.type.description) == [
        "an integer ≥ 1", "a number from 0.0 to 1.0", "an integer from 0 to 9, or null",
        "one of near, far, none", "one of far", "one of a, b", "a list, each a number from -9.0 to 9.0",
        "a map, each value a list, each a string", "true or false", "an integer ≥ 0", "a string, or null",
      ])
    #expect(stage.parameter("size")?.defaultValue == nil)
    #expect(stage.parameter("label")?.defaultValue == .null)
    #expect(stage.parameter("cuts")?.defaultValue == .list([.number(-1), .number(1)]))
  }
}
