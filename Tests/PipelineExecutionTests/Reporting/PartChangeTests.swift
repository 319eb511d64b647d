// Changes within lists, maps and texts: named by the parameter behind them, or else by their place.

import PipelineCore
import PipelineExecution
import Testing

@Suite struct PartChangeTests {
  private static let fit = ParameterTrace.list([
    .constant, .constant, .constant, .reference("ridge"),
    .text([.text("--out="), .reference("name"), .text(".csv")]),
  ])

  private func changes(_ old: String, _ new: String, _ trace: ParameterTrace? = nil) -> [String] {
    PartChange.changes(of: "argv", old, new, trace)
      .map { "\($0.name): \($0.old ?? "(none)") → \($0.new ?? "(none)")" }
  }

  @Test func aReferenceGivesItsName() {
    #expect(
      changes(
        #"["python3","fit.py","--ridge","0.1","--out=a.csv"]"#,
        #"["python3","fit.py","--ridge","10","--out=a.csv"]"#,
        Self.fit) == ["ridge: 0.1 → 10"])
    #expect(
      changes(
        #"["python3","fit.py","--ridge","0.1","--out=a.csv"]"#,
        #"["python3","fit.py","--ridge","10","--out=b.csv"]"#,
        Self.fit) == ["ridge: 0.1 → 10", "name: a → b"])
    #expect(
      changes(
        #""fit 0.1 twice 0.1""#, #""fit 3 twice 3""#,
        .text([.text("fit "), .reference("r"), .text(" twice "), .reference("r")])) == ["r: 0.1 → 3"])
    #expect(
      changes(
        #"{"A":"1","B":"x"}"#, #"{"A":"2","B":"x"}"#,
        .map(["A": .reference("level"), "B": .constant])) == ["level: 1 → 2"])
  }

  /// What the references can't account for is told by its place.
  @Test func placesTellTheRest() {
    // The file itself has another option now, beside the parameter.
    #expect(
      changes(
        #"["python3","fit.py","--lasso","0.1","--out=a.csv"]"#,
        #"["python3","fit.py","--ridge","10","--out=a.csv"]"#,
        Self.fit) == ["argv[2]: --lasso → --ridge", "argv[3]: 0.1 → 10"])
    #expect(changes(#"["fit","--ridge","0.1"]"#, #"["fit","--ridge","10"]"#) == ["argv --ridge: 0.1 → 10"])
    #expect(changes(#"["fit","--ridge=0.1"]"#, #"["fit","--ridge=10"]"#) == ["argv --ridge: 0.1 → 10"])
    #expect(changes(#"["fit","a","b"]"#, #"["fit","a","c","b"]"#) == ["argv[2]: (none) → c"])
    #expect(changes(#"["fit","a","a"]"#, #"["fit","a"]"#) == ["argv[2]: a → (none)"])
    #expect(changes(#"["fit","x y"]"#, #"["cat","x y"]"#) == ["argv[0]: fit → cat"])
    #expect(changes(#"{"A":"1"}"#, #"{"A":"1","B":""}"#) == [#"argv.B: (none) → """#])
    #expect(changes(#"[[1,2],[3]]"#, #"[[1,2],[4]]"#) == ["argv[1][0]: 3 → 4"])
  }

  /// Texts that could have been made in two ways are not guessed at.
  @Test func doubtIsNoAnswer() {
    let touching = ParameterTrace.text([.reference("a"), .reference("b")])
    #expect(changes(#""12""#, #""13""#, touching) == [#"argv: "12" → "13""#])
    // One name can't have changed from two values.
    let twice = ParameterTrace.list([.reference("a"), .reference("a")])
    #expect(changes(#"["1","2"]"#, #"["3","3"]"#, twice) == ["argv[0]: 1 → 3", "argv[1]: 2 → 3"])
    #expect(
      changes(#"["1"]"#, #"["1","2"]"#, .list([.constant, .reference("a")])) == ["argv[1]: (none) → 2"])
  }

  @Test func scalarsStayWhole() {
    #expect(changes("0.1", "10", .reference("ridge")) == ["argv: 0.1 → 10"])
    #expect(changes(#""a""#, #""b""#) == [#"argv: "a" → "b""#])
    #expect(changes("null", #"["a"]"#) == [#"argv: null → ["a"]"#])
    #expect(PartChange.changes(of: "n", nil, "3", nil) == [PartChange(name: "n", old: nil, new: "3")])
  }

  /// Of a long script the surroundings of the change are shown.
  @Test func longTextsAreCutToTheChange() {
    let script = String(repeating: "echo something; ", count: 20)
    let found = changes(
      #"["sh","-c","\#(script)sleep 1; \#(script)"]"#, #"["sh","-c","\#(script)sleep 25; \#(script)"]"#)
    #expect(found.count == 1 && found[0].count < 110, "\(found)")
    #expect(found[0].contains("sleep 1; echo") && found[0].contains("sleep 25; echo"), "\(found)")
  }

  @Test func valuesOfAllNodesAreOneChange() {
    let trace = ParameterTrace.list([.constant, .reference("data"), .reference("ridge")])
    let found = PartChange.changes(
      ofAll: "argv", #"["fit","a","0.1"], ["fit","b","0.1"]"#, #"["fit","a","10"], ["fit","b","10"]"#, trace)
    #expect(found == [PartChange(name: "ridge", old: "0.1", new: "10")])
    let many = PartChange.changes(
      ofAll: "argv", #"["fit","a","0.1"], ["fit","b","0.1"], …"#, #"["fit","a","10"], ["fit","b","10"], …"#,
      trace)
    #expect(many == found)
    let fewer = PartChange.changes(ofAll: "argv", #"["fit","a"]"#, #"["fit","a"], ["fit","b"]"#, trace)
    #expect(fewer.count == 1 && fewer[0].name == "argv")
    #expect(
      PartChange.changes(ofAll: "n", "1, 2", "1, 3", nil) == [PartChange(name: "n", old: "1, 2", new: "1, 3")]
    )
  }
}
