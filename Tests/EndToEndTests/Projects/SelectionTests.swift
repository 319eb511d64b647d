// Which nodes a run is about, and nodes that are made again, by the real executable.

import Foundation
import Testing

@Suite struct SelectionTests {
  /// `fit` reads a file that no key knows of.
  private func project(_ box: Sandbox) throws {
    try box.write("1\n", to: "aside")
    try box.write(
      """
      axes: {data: [alpha, beta], seed: 3}
      stages:
        clean: {stage: command, for: data, parameters: {argv: [sh, -c, "echo ${data} > o"], outputs: [o]}}
        fit:
          stage: command
          for: [data, seed]
          inputs: {data: clean}
          parameters: {argv: [sh, -c, "cat '\(box.folder)/aside' inputs/data/o > o; echo ${seed} >> o; test ${seed} != 2 || test ! -e '\(box.folder)/broken'"], outputs: [o]}
        all: {stage: command, inputs: {fits: fit}, parameters: {argv: [sh, -c, "cat inputs/fits/*/o > o"], outputs: [o]}}
      """, to: "pipelines/p.yaml")
  }

  @Test func nodesAreChosenByTheirAxes() throws {
    let box = try Sandbox()
    try project(box)
    #expect(
      try box.planned("p", "fit[data=alpha,seed<1]") == ["clean[data=alpha]", "fit[data=alpha,seed=0]"])
    #expect(try box.planned("p", "--until", "clean") == ["clean[data=alpha]", "clean[data=beta]"])
    #expect(
      try box.planned("p", "fit", "--from", "clean[data=beta]", "--until", "fit[seed>1]")
        == ["clean[data=beta]", "fit[data=beta,seed=2]"])
    let only = try box.pipeline("run", "p", "fit[data=alpha]", "--only")
    #expect(
      only.status == 66 && only.errors.contains("--only runs nothing else: clean[data=alpha]"), "\(only)")
    #expect(try box.run("p", "clean[data=alpha]", "--only") == ["clean[data=alpha]"])
    #expect(try box.run("p", "fit[seed=0,data=alpha]", "--only") == ["fit[data=alpha,seed=0]"])
    let none = try box.pipeline("run", "p", "clean", "--from", "all")
    #expect(none.status == 65 && none.errors.contains("none lies from all"))
    #expect(try box.pipeline("run", "p", "--force").status == 64)
    #expect(try box.pipeline("run", "p", "fit", "--force", "--retry-failed").status == 64)
  }

  @Test func aDryRunSaysWhatItWouldCost() throws {
    let box = try Sandbox()
    try project(box)
    let before = try box.pipeline("plan", "p").output
    #expect(before.contains("cost: nothing is known of clean, fit, all, which has not run yet"), "\(before)")
    _ = try box.run("p", "fit[data=alpha]")
    let after = try box.pipeline("plan", "p").output
    #expect(after.contains(" of one core, from past runs; nothing is known of all\n"), "\(after)")
    struct Entry: Decodable {
      var node: String
      var coreSeconds: Double?
    }
    let json = try box.pipeline("plan", "p", "--json").output
    let entries = try JSONDecoder().decode([Entry].self, from: Data(json.utf8))
    #expect(entries.filter { $0.coreSeconds == nil }.map(\.node) == ["all"])
  }

  @Test func onlyWhatFailedIsTriedAgain() throws {
    let box = try Sandbox()
    try project(box)
    try box.write("", to: "broken")
    #expect(try box.pipeline("run", "p", "fit[data=alpha]", "-k").status == 1)
    try FileManager.default.removeItem(atPath: box.folder + "/broken")
    #expect(try box.run("p", "fit", "--retry-failed") == ["fit[data=alpha,seed=2]"])
    let nothing = try box.pipeline("run", "p", "--retry-failed")
    #expect(nothing.status == 0 && nothing.errors.contains("nothing has failed"), "\(nothing)")
  }

  @Test func whatFailedIsTriedAgainWithOtherParameters() throws {
    let box = try Sandbox()
    func write(_ command: String) throws {
      try box.write(
        """
        stages:
          good: {stage: command, parameters: {argv: [sh, -c, "echo 1 > o"], outputs: [o]}}
          all: {stage: command, inputs: {of: good}, parameters: {argv: [sh, -c, "\(command)"], outputs: [o]}}
          late: {stage: command, inputs: {of: good}, parameters: {argv: [cp, inputs/of/o, o], outputs: [o]}}
        """, to: "pipelines/q.yaml")
    }
    try write("exit 3")
    #expect(try box.pipeline("run", "q", "all").status == 1)
    try write("cat inputs/of/o > o")
    #expect(try box.planned("q", "--retry-failed") == ["all"])
    #expect(try box.run("q", "--retry-failed") == ["all"])
    // What was never tried has not failed; it is named as left.
    let nothing = try box.pipeline("run", "q", "--retry-failed")
    #expect(
      nothing.status == 0 && nothing.errors.contains("nothing has failed; not up to date: 1 node"),
      "\(nothing)")
  }

  @Test func aForcedNodeIsComparedWithItsFormerSelf() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    let same = try box.pipeline("run", "p", "fit[data=alpha,seed=0]", "--force")
    #expect(same.status == 0 && same.output == "fit[data=alpha,seed=0]: made again, the same\n", "\(same)")
    try box.write("2\n", to: "aside")
    let other = try box.pipeline("run", "p", "fit[data=beta]", "--force")
    #expect(
      other.output.contains(
        "fit[data=beta,seed=1]: made again, and it differs\n  o has other values: 1 of 9, the first at 0\n"),
      "\(other)")
    #expect(try box.planned("p") == ["all"])
    #expect(
      try box.pipeline("explain", "p", "all").output.contains("an input was made again, to other bytes"))
    #expect(try box.pipeline("cache", "verify").status == 0)
    #expect(try box.run("p") == ["all"])
    #expect(try box.pipeline("cat", "p", "all", "o").output.hasPrefix("1\nalpha\n0\n1\nalpha\n1\n"))
    #expect(try box.pipeline("cat", "p", "all", "o").output.hasSuffix("2\nbeta\n1\n2\nbeta\n2\n"))
    let left = try FileManager.default.contentsOfDirectory(atPath: box.cache + "/tmp")
    #expect(left.isEmpty, "\(left)")
  }
}
