// What the commands answer: whole, with the user's own words in it, and with the right exit code.

import Foundation
import Testing

@Suite struct AnswerTests {
  /// Two data sets, three seeds each; `rmse` is the parameter `offset` and the seed.
  private func project(_ box: Sandbox, memory: Int = 1) throws {
    try box.write(
      """
      parameters: {offset: 0, words: x, label: x}
      axes: {data: [1, 2], seed: 3}
      stages:
        base: {stage: command, for: data, parameters: {argv: [sh, -c, "echo ${data} > o"], outputs: [o], environment: {LABEL: "${label}"}, memory: 1}}
        fit:
          stage: command
          for: [data, seed]
          inputs: {base: base}
          parameters: {argv: [sh, -c, "echo '{\\"rmse\\": '$((${seed} + ${offset}))'}' > m.json", "${words}"], outputs: [m.json], metrics: m.json, memory: \(memory)}
        table: {inputs: {rows: fit}, parameters: {title: Fits, columns: data, over: seed}}
      """, to: "pipelines/p.yaml")
  }

  @Test func memoryIsReadAsPeopleWriteIt() throws {
    let box = try Sandbox()
    try project(box, memory: 300)
    for given in ["299M", "0.2G", "307199K"] {
      let run = try box.pipeline("run", "p", "fit", "--memory", given)
      #expect(run.status == 65 && run.errors.contains("300 MB"), "\(given): \(run.errors)")
    }
    for (seed, given) in ["300M", "307200K", "1GB"].enumerated() {
      #expect(try box.run("p", "fit[seed=\(seed)]", "--memory", given).contains("fit[data=1,seed=\(seed)]"))
    }
  }

  /// A command that is advised can be pasted into a shell and asks what was asked.
  @Test func adviceHasTheUsersOwnWords() throws {
    let box = try Sandbox()
    try project(box)
    let set = ["--set", "words=it's a $HOME", "--set", "offset=3"]
    for (command, more) in [("table", []), ("export", ["--into", "out"]), ("logs", ["base[data=1]"])] {
      let early = try box.start(Sandbox.executable, [command, "p"] + set + more).1()
      let advice = try #require(early.errors.components(separatedBy: "first: ").last)
      let line = advice.prefix { $0 != "\n" }
      #expect(line == "pipeline run p --set 'words=it'\\''s a $HOME' --set offset=3", "\(early)")
    }
    let path = try box.start(Sandbox.executable, ["path", "p", "base[data=1]"] + set).1()
    let words = "p --set 'words=it'\\''s a $HOME' --set offset=3 'base[data=1]'"
    #expect(path.status == 1 && path.errors.hasSuffix("; see: pipeline explain \(words)\n"), "\(path)")
    let script = "pipeline() { '\(Sandbox.executable)' \"$@\"; }; "
    let asked = script + "pipeline run p --set 'words=it'\\''s a $HOME' --set offset=3"
    #expect(try box.start("/bin/sh", ["-c", asked]).1().status == 0)
    #expect(try box.start(Sandbox.executable, ["table", "p"] + set).1().status == 0)
  }

  @Test func aPlanSaysWhatMayStay() throws {
    let box = try Sandbox()
    try project(box)
    let first = try box.pipeline("plan", "p").output
    #expect(!first.contains("unless"), "what was never built has nothing to be the same as: \(first)")
    _ = try box.run("p")
    let second = try box.pipeline("plan", "p", "--set", "label=y").output
    #expect(second.contains("base[data=1]: label: x → y\n"), "\(second)")
    #expect(
      second.components(separatedBy: " (unless its inputs turn out the same)").count - 1 == 7, "\(second)")
  }

  /// One cause of many nodes is told once, with their number.
  @Test func explainCountsTheNodesOfACause() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    let told = try box.pipeline("explain", "p", "table", "--set", "label=y").output
    let causes = told.components(separatedBy: "root cause:\n").last ?? ""
    #expect(
      causes.hasPrefix("  base.label: x → y") && causes.hasSuffix("  (and 1 more node of that stage)\n"),
      "\(told)")
    let one = try box.pipeline("explain", "p", "fit[data=1,seed=0]", "--set", "label=y").output
    #expect(!one.contains("more node"), "\(one)")
  }

  /// A table whose inputs were made again to the same content is up to date, though its plan key is new.
  @Test func aTableOfUnchangedInputsIsShown() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    let table = try box.pipeline("table", "p").output
    #expect(try box.pipeline("table", "p", "--set", "label=y").status == 1)
    #expect(try box.run("p", "base", "--set", "label=y") == ["base[data=1]", "base[data=2]"])
    let same = try box.pipeline("table", "p", "--set", "label=y")
    #expect(same.status == 0 && same.output == table, "\(same)")
  }

  /// Whoever names a node is answered about that, even where all is up to date.
  @Test func aRunOfOneNodePrintsNoTable() throws {
    let box = try Sandbox()
    try project(box)
    #expect(try box.pipeline("run", "p").output.contains("Fits"))
    #expect(try box.pipeline("run", "p").output.contains("Fits"))
    let one = try box.pipeline("run", "p", "base[data=1]")
    #expect(one.status == 0 && one.output.isEmpty, "\(one)")
    #expect(try box.pipeline("run", "p", "table").output.contains("Fits"))
  }

  @Test func aLogIsAsLongAsAskedFor() throws {
    let box = try Sandbox()
    try project(box)
    for offset in 0..<3 { _ = try box.run("p", "--set", "offset=\(offset)") }
    for limit in 1...4 {
      let lines = try box.pipeline("log", "p", "--limit", "\(limit)").output.split(separator: "\n")
      #expect(lines.count == 1 + min(limit, 3), "\(lines)")
    }
    let past = try box.pipeline("log", "p", "fit[data=1,seed=0]", "--limit", "2").output
    #expect(past.split(separator: "\n").filter { $0.contains(" ran ") }.count == 2, "\(past)")
  }

  /// A rise is above zero, whichever way the pipelines are named.
  @Test func aDifferenceIsOfTheSecondLessTheFirst() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    _ = try box.run("p", "--set", "offset=7")
    let up = try box.pipeline("compare", "p~1", "p~0").output
    let down = try box.pipeline("compare", "p~0", "p~1").output
    // Whole words: the drawn part of a run's name may hold any sign and digits.
    let words = [up, down].map { Set($0.split(whereSeparator: \.isWhitespace)) }
    #expect(words[0].contains("+7") && !words[0].contains("-7"), "\(up)")
    #expect(words[1].contains("-7") && !words[1].contains("+7"), "\(down)")
    #expect(up.contains("  fit.") && up.contains(" differ\n"), "\(up)")
  }

  @Test func aGraphTellsAGatherFromAnInput() throws {
    let box = try Sandbox()
    try project(box)
    let dot = try box.pipeline("graph", "p", "--format", "dot").output
    #expect(
      dot.contains("\"base\" -> \"fit\";\n") && dot.contains("\"fit\" -> \"table\" [style=bold];\n"), "\(dot)"
    )
    let text = try box.pipeline("graph", "p").output
    #expect(text.contains("← base  base\n") && text.contains("← fit  rows (all)\n"), "\(text)")
  }

  @Test func aFailureSaysWhatItKeptFromRunning() throws {
    let box = try Sandbox()
    try project(box)
    let run = try box.pipeline("run", "p", "--keep-going", "--set", "base.argv=[sh, -c, exit 3]")
    #expect(run.status == 1 && run.errors.contains("  not run because of that: "), "\(run.errors)")
    #expect(run.errors.contains("fit[data=") && run.errors.contains(", and "), "\(run.errors)")
    let rows = try box.pipeline("status", "p", "--set", "base.argv=[sh, -c, exit 3]", "--json").output
    struct Row: Decodable {
      var stage: String
      var failed: Int
    }
    let failed = try JSONDecoder().decode([Row].self, from: Data(rows.utf8)).filter { $0.failed > 0 }
    #expect(failed.map(\.stage) == ["base"], "\(rows)")
  }

  /// A pattern that no node meets is a slip, and not a wish for nothing.
  @Test func nodesThatAreNotThereAreRefused() throws {
    let box = try Sandbox()
    try project(box)
    for wanted in ["fit[seed<0]", "fit[seed=7]", "fits"] {
      let run = try box.pipeline("run", "p", wanted)
      #expect(run.status == 65 && run.errors.hasPrefix("error: "), "\(wanted): \(run)")
    }
    #expect(try box.pipeline("path", "p", "base[data=1]").status == 1, "it is there, and not made yet")
  }
}
