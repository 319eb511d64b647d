// Where pipelines are found, and what a new project is.

import Foundation
import Testing

@Suite struct ProjectTests {
  /// `pipeline init` writes a project that runs, from any folder within it, and never over a file.
  @Test func aNewProjectRuns() throws {
    let box = try Sandbox()
    let project = box.folder + "/mine"
    let made = try box.pipeline("init", project)
    #expect(made.status == 0 && made.output.contains("pipeline run letters"), "\(made.errors)")
    let run = try box.pipeline(in: project, "run", "letters")
    #expect(run.status == 0 && run.errors.contains("3 nodes run"), "\(run.errors)")
    // One cache, wherever the command is given.
    let again = try box.pipeline(in: project + "/pipelines", "run", "letters")
    #expect(again.status == 0 && again.errors.contains("0 nodes run"), "\(again.errors)")
    #expect(FileManager.default.fileExists(atPath: project + "/cache"))
    let third = try box.pipeline(in: project, "run", "letters", "--set", "word=[plum, pear, fig]")
    #expect(third.errors.contains("2 nodes run"), "\(third.errors)")
    let twice = try box.pipeline("init", project)
    #expect(twice.status == 65 && twice.errors.contains("already; nothing was written"), "\(twice.errors)")
  }

  @Test func aNameIsFoundInFoldersWithin() throws {
    let box = try Sandbox()
    let text = "stages: {a: {stage: command, parameters: {argv: [touch, o], outputs: [o]}}}\n"
    for path in ["pipelines/deep/er/one.yaml", "pipelines/deep/fragments/two.yaml", "three.yaml"] {
      try box.write(text, to: path)
    }
    for name in ["one", "three"] { #expect(try box.planned(name) == ["a"]) }
    let fragment = try box.pipeline("plan", "two")
    #expect(
      fragment.status == 66 && fragment.errors.contains("no pipeline is called 'two'"), "\(fragment.errors)")
    try box.write(text, to: "pipelines/one.yaml")
    let both = try box.pipeline("plan", "one")
    #expect(both.status == 65, "\(both.errors)")
    #expect(
      both.errors.contains("2 pipelines are called 'one': pipelines/deep/er/one.yaml, pipelines/one.yaml"))
    #expect(try box.planned("pipelines/one.yaml") == ["a"])
  }

  /// Of a stage that there is, an unknown node is answered by how its nodes are called.
  @Test func unknownNodesAreExplained() throws {
    let box = try Sandbox()
    try box.write(
      """
      axes: {data: [alpha, beta], seed: 2}
      stages:
        clean: {stage: command, for: data, parameters: {argv: [touch, o, "${data}"], outputs: [o]}}
        fit:
          stage: command
          for: [data, seed]
          inputs: {data: clean}
          parameters: {outputs: [o]}
          cases:
            ridge: {argv: [touch, o, "${data}", "${seed}"]}
            lasso: {argv: [touch, o, l, "${data}", "${seed}"]}
      """, to: "pipelines/own.yaml")
    let unknown = try box.pipeline("plan", "own", "fit[data=gamma]")
    #expect(unknown.status == 65)
    #expect(unknown.errors.contains("no node is meant by 'fit[data=gamma]'\n  note: data: alpha, beta"))
    let two = try box.pipeline("path", "own", "fit[ridge,data=alpha]")
    #expect(two.errors.contains("means 2 nodes; name one, such as 'fit[ridge,data=alpha,seed=0]'"))
    #expect(try box.planned("own", "fit[data=beta,seed<1]").filter { $0.hasPrefix("fit") }.count == 2)
    #expect(try box.pipeline("plan", "own", "fit[ridge]").output.contains("own: 6 of 6 nodes would run"))
    // What was never built has nothing to be the same as.
    #expect(!(try box.pipeline("plan", "own").output.contains("turn out the same")))
    let path = try box.pipeline("path", "own", "fot")
    #expect(path.errors.contains("did you mean 'fit'?"), "\(path.errors)")
  }

  /// Of nodes that ask for the same one runs; `plan` counts as `run` does.
  @Test func twinsAreNotCountedAsRuns() throws {
    let box = try Sandbox()
    try box.write(
      """
      stages:
        a: {stage: command, parameters: {argv: [touch, o], outputs: [o]}}
        b: {stage: command, parameters: {argv: [touch, o], outputs: [o]}}
      """, to: "pipelines/own.yaml")
    let plan = try box.pipeline("plan", "own").output
    #expect(plan.hasPrefix("own: 1 of 2 nodes would run; the same as one of them: 1\n"), "\(plan)")
    #expect(
      plan.contains("  b: never built (the same as a)\n") && !plan.contains("  a: never built ("), "\(plan)")
    let run = try box.pipeline("run", "own")
    #expect(run.errors.contains("own: 1 node run, 0 up to date, 1 unchanged"), "\(run.errors)")
  }
}
