// What changed, told as a user thinks of it: the parameter behind an argument, the file within a folder, on one screen.

import Foundation
import Testing

@Suite struct ChangeTests {
  private func project(_ box: Sandbox, _ name: String = "p", ridge: String = "0.1") throws {
    try box.write(
      """
      parameters: {ridge: \(ridge)}
      axes: {data: [alpha, beta], seed: 15}
      stages:
        fit:
          stage: command
          for: [data, seed]
          parameters:
            argv: [sh, code/fit.sh, "--ridge", "${ridge}", "--data=${data}", "${seed}"]
            files: [../code]
            outputs: [m.json]
            metrics: m.json
      """, to: "pipelines/\(name).yaml")
    try box.write("sh code/lib/helper.sh \"$2\" > m.json\n", to: "code/fit.sh")
    try box.write(
      "echo '{\"rmse\": '$1', \"a_long_name_of_a_figure_of_some_kind\": '$1'}'\n",
      to: "code/lib/helper.sh")
  }

  @Test func explainGoesThroughArgumentsToTheParameter() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    let set = try box.pipeline("explain", "p", "fit[data=alpha,seed=0]", "--set", "ridge=10").output
    #expect(set.hasSuffix("root cause:\n  fit.ridge: 0.1 → 10\n"), "\(set)")
    let plan = try box.pipeline("plan", "p", "--set", "ridge=10").output
    #expect(plan.contains("fit[data=beta,seed=3]: ridge: 0.1 → 10\n"), "\(plan)")
    // Written into the arguments themselves it is told by the option before it.
    let text = try String(contentsOfFile: box.folder + "/pipelines/p.yaml", encoding: .utf8)
    try box.write(text.replacing("\"${ridge}\"", with: "\"3\""), to: "pipelines/p.yaml")
    let literal = try box.pipeline("explain", "p", "fit[data=alpha,seed=0]").output
    #expect(literal.hasSuffix("  fit.argv --ridge: 0.1 → 3\n"), "\(literal)")
  }

  @Test func theFileWithinAFolderIsNamed() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    try box.write("echo '{\"rmse\": 1}'\n", to: "code/lib/helper.sh")
    try box.write("", to: "code/new.sh")
    let changed = try box.pipeline("explain", "p", "fit[data=alpha,seed=0]").output
    #expect(changed.contains("content of ../code/lib/helper.sh: "), "\(changed)")
    #expect(changed.contains("content of ../code/new.sh: (none) → "), "\(changed)")
    #expect(!changed.contains("content of ../code:") && !changed.contains("fit.sh"), "\(changed)")
    // Nothing was written by asking, and the run records the same reason.
    _ = try box.run("p", "fit[data=alpha,seed=0]")
    let log = try box.pipeline("log", "p", "fit[data=alpha,seed=0]").output
    #expect(log.contains("content of ../code/lib/helper.sh: "), "\(log)")
    // Between the run before and this one, too.
    let compared = try box.pipeline("compare", "p~1", "p~0").output
    #expect(compared.contains("fit.content of ../code/lib/helper.sh: "), "\(compared)")
    #expect(compared.contains("fit.content of ../code/new.sh: (none) → "), "\(compared)")
  }

  @Test func aComparisonFitsAScreen() throws {
    let box = try Sandbox()
    try project(box)
    try project(box, "q", ridge: "10")
    _ = try box.run("p")
    _ = try box.run("q")
    let whole = try box.pipeline("compare", "p", "q").output
    #expect(whole.contains("  fit.ridge: 0.1 → 10\n"), "\(whole)")
    #expect(whole.split(separator: "\n").count > 60)
    let screen = try box.pipeline("compare", "p", "q", "--width", "80", "--lines", "24").output
    let lines = screen.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    #expect(lines.count <= 24 && lines.count > 18, "\(screen)")
    #expect(lines.allSatisfy { $0.count <= 80 }, "\(screen)")
    #expect(screen.contains("  fit.ridge: 0.1 → 10\n"))
    #expect(screen.contains("metrics: 60 of 60 differ; the "), "\(screen)")
    #expect(try box.pipeline("compare", "p", "q", "--width", "3").status == 64)
  }
}
