// What a published folder holds after a run that did not bring all of it up to date.

import Foundation
import Testing

@Suite struct PublishTests {
  private func project(_ box: Sandbox, all command: String = "cat inputs/of/o > o") throws {
    try box.write(
      """
      parameters: {v: 1}
      stages:
        a: {stage: command, parameters: {argv: [sh, -c, "echo ${v} > o"], outputs: [o]}}
        all: {stage: command, inputs: {of: a}, parameters: {argv: [sh, -c, "\(command)"], outputs: [o]}}
      publish: {res: [a, all]}
      """, to: "pipelines/w.yaml")
  }

  private func read(_ box: Sandbox, _ node: String) throws -> String {
    try String(contentsOfFile: "\(box.folder)/res/\(node)/o", encoding: .utf8)
  }

  @Test func filesOfAnEarlierRunAreNamed() throws {
    let box = try Sandbox()
    try project(box)
    let whole = try box.pipeline("run", "w")
    #expect(whole.status == 0 && !whole.errors.contains("earlier run"), "\(whole.errors)")
    // A run of some nodes.
    let partial = try box.pipeline("run", "w", "a", "--set", "v=3")
    #expect(
      partial.status == 0 && partial.errors.contains("of an earlier run, since not up to date: all\n"),
      "\(partial.errors)")
    #expect(try read(box, "a") == "3\n" && read(box, "all") == "1\n")
    // A run that fails.
    try project(box, all: "exit 3")
    let failed = try box.pipeline("run", "w", "--set", "v=4")
    #expect(
      failed.status == 1 && failed.errors.contains("of an earlier run, since not up to date: all\n"),
      "\(failed.errors)")
    #expect(try read(box, "a") == "4\n" && read(box, "all") == "1\n")
    // What was never there is not of an earlier run.
    try FileManager.default.removeItem(atPath: box.folder + "/res")
    #expect(try !box.pipeline("run", "w", "a").errors.contains("earlier run"))
  }
}
