// The whole study in small, by the real executable on real MNIST: artifacts, increments, determinism, healing.

import Foundation
import Testing

@Suite(.serialized) struct StudyTests {
  /// The tables of tiny.yaml.
  private let tables: Set<String> = [
    "table", "table-matched", "factors", "shares", "primary", "verdict", "controls",
  ]

  /// The controls of tiny.yaml, at their one size.
  private let controls = [
    "3-step random parts", "3-step shuffled", "3-step reversed", "moderate only", "1-step at the cost of 3",
  ]

  /// The nodes of tiny.yaml whose results depend on the damping.
  private func dependsOnDamping() -> Set<String> {
    var nodes = tables
    for draw in 0..<2 {
      let axes = "control_size=100,repeat=\(draw)]"
      for label in controls { nodes.insert("control[\(label),\(axes)") }
      for label in ["1-step", "3-step"] + controls { nodes.insert("evaluate-control[\(label),\(axes)") }
    }
    for size in [100, 200] {
      for draw in 0..<2 {
        let axes = "size=\(size),repeat=\(draw)]"
        for stage in ["influence[", "one-step[", "three-step["] { nodes.insert(stage + axes) }
        for stage in ["evaluate", "matched", "evaluate-matched"] {
          for label in ["1-step", "3-step"] { nodes.insert("\(stage)[\(label),\(axes)") }
        }
      }
      for label in ["1-step", "3-step"] {
        nodes.insert("factor[\(label),size=\(size)]")
        for digit in [3, 5] {
          for stage in ["trial-removed", "trial-curve"] {
            nodes.insert("\(stage)[\(label),size=\(size),trial_label=\(digit),trial_net=0,trial=0]")
          }
        }
      }
    }
    return nodes
  }

  /// The nodes of tiny.yaml that a third repeat adds or changes: its own chains, and the tables.
  private func dependsOnTheThirdRepeat() -> Set<String> {
    let schemes = ["1-step", "3-step"]
    let labels = ["original", "retrain", "retrain-again", "retrain-third"] + schemes
    let chain =
      [
        "group[", "parts[", "retrain[", "retrain-again[", "retrain-third[", "influence[", "one-step[",
        "three-step[",
      ]
      + labels.map { "evaluate[\($0)," } + schemes.flatMap { ["matched[\($0),", "evaluate-matched[\($0),"] }
    var expected = tables.subtracting(["factors"]).union(["spectrum[repeat=2]"])
    let compared =
      controls.map { "control[\($0)," }
      + (["original", "retrain", "retrain-third"] + schemes + controls).map { "evaluate-control[\($0)," }
    for stage in compared { expected.insert("\(stage)control_size=100,repeat=2]") }
    for size in [100, 200] { for stage in chain { expected.insert("\(stage)size=\(size),repeat=2]") } }
    return expected
  }

  /// A project whose tiny.yaml has half of the images and groups, and less to solve.
  private func project() throws -> Sandbox {
    let box = try Sandbox()
    let path = "pipelines/examples/tiny.yaml"
    var text = try String(contentsOfFile: box.folder + "/" + path, encoding: .utf8)
    for (whole, small) in [
      ("train_images: 6000, test_images: 2000", "train_images: 3000, test_images: 1000"),
      ("size: [200, 400], control_size: [200]", "size: [100, 200], control_size: [100]"),
      ("damping: 0.05, hessian_images: 200", "damping: 0.2, hessian_images: 100"),
    ] {
      let smaller = text.replacingOccurrences(of: whole, with: small)
      try #require(smaller != text, "tiny.yaml has no '\(whole)' any more")
      text = smaller
    }
    try box.write(text, to: path)
    return box
  }

  /// Checks that the table of the whole study has all its columns, methods, sizes and spreads.
  private func expectWholeTable(in first: Answer) {
    for words in ["self accuracy", "test loss", "original", "retrain", "1-step", "3-step", "100", "200", "±"]
    {
      #expect(first.output.contains(words), "the table lacks '\(words)':\n\(first.output)")
    }
  }

  /// Checks every artifact in the cache against the contract by h5py, and that every stage has left one.
  private func expectArtifactsOfEveryStage(in box: Sandbox) throws {
    let check = try box.python(
      [Sandbox.root + "/Tests/EndToEndTests/check_artifacts.py"] + box.artifacts())
    #expect(check.status == 0, "\(check.errors)")
    let stages = Set(check.output.split(separator: "\n").map { $0.split(separator: " ")[0] })
    #expect(
      stages == [
        "load-images", "train", "retrain", "unlearn", "features", "neighbours", "normality", "cluster",
        "group",
        "influence", "evaluate", "table", "differences", "spectrum", "parts", "part-shares", "forgetting",
        "match",
        "rescale", "factors",
      ])
  }

  /// Checks that a pipeline file with a new comment and its keys in another order has nothing to run.
  private func expectCommentsAndOrderChangeNothing(in box: Sandbox) throws {
    let path = "pipelines/fragments/settings.yaml"
    let text = try String(contentsOfFile: box.folder + "/" + path, encoding: .utf8)
    let reordered = text.replacingOccurrences(
      of: "  label: 0\n  seed: 1\n", with: "  seed: 1 # here\n  label: 0\n")
    #expect(reordered != text)
    try box.write("# A new comment.\n" + reordered, to: path)
    #expect(try box.planned("tiny").isEmpty)
  }

  /// Checks that damaged and deleted features are made again, byte for byte, once a run needs them.
  private func expectHealing(in box: Sandbox) throws {
    let features = try box.pipeline("path", "tiny", "features").output.trimmingCharacters(
      in: .whitespacesAndNewlines)
    var bytes = try Data(contentsOf: URL(fileURLWithPath: features))
    let before = bytes
    bytes[bytes.count / 2] ^= 4
    try bytes.write(to: URL(fileURLWithPath: features))
    let verify = try box.pipeline("cache", "verify")
    #expect(verify.status == 1)
    #expect(verify.output.contains("features"))
    #expect(try box.run("second", "neighbours") == ["features", "neighbours"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: features)) == before)
    try FileManager.default.removeItem(atPath: features)
    #expect(try box.run("tiny", "table") == [])
    #expect(try box.run("tiny") == ["features"])
    #expect(try Data(contentsOf: URL(fileURLWithPath: features)) == before)
  }

  @Test func aStudyRunsOnceAndThenOnlyWhatChanged() throws {
    let box = try project()
    let first = try box.pipeline("run", "tiny")
    #expect(first.status == 0, "\(first.errors)")
    expectWholeTable(in: first)

    // Every stage's artifact, read by h5py, is as the contract says.
    try expectArtifactsOfEveryStage(in: box)

    // Again: nothing runs, and the table is the same.
    let second = try box.pipeline("run", "tiny")
    #expect(second.errors.contains("0 nodes run"))
    #expect(second.output == first.output)
    #expect(try box.pipeline("cache", "verify").status == 0)

    // A comment and another order of keys change nothing.
    try expectCommentsAndOrderChangeNothing(in: box)

    // Another damping: influence and what follows, not training, features or groups.
    #expect(try box.planned("tiny", "--set", "damping=0.4") == dependsOnDamping())
    let why = try box.pipeline("explain", "tiny", "table", "--set", "damping=0.4")
    #expect(why.output.contains("influence.damping: 0.2 → 0.4"), "\(why.output)")
    #expect(why.output.contains("three-step.damping: 0.2 → 0.4"), "\(why.output)")
    #expect(try box.run("tiny", "--set", "damping=0.4") == dependsOnDamping())

    // One more repeat: only its own chains, and the table.
    #expect(try box.planned("tiny", "--set", "repeat=3") == dependsOnTheThirdRepeat())

    // A second experiment with the same features stage shares it, by content and not by name.
    try box.write(
      """
      extends: examples/tiny.yaml
      stages:
        neighbours: {parameters: {metric: cosine}}
      """, to: "pipelines/second.yaml")
    let second2 = try box.planned("second")
    #expect(second2.contains("neighbours"))
    #expect(second2.isDisjoint(with: ["images", "base", "features"]))

    // A damaged artifact is found and made again before anything believes it; a deleted one too.
    try expectHealing(in: box)
  }

  @Test func artifactsDoNotDependOnTheNumberOfJobs() throws {
    let one = try project()
    let two = try project()
    for (box, jobs) in [(one, "1"), (two, "2")] {
      let answer = try box.pipeline("run", "tiny", "--jobs", jobs, "--set", "size=[100]", "--set", "repeat=1")
      #expect(answer.status == 0, "\(answer.errors)")
    }
    let names = one.artifacts().map { $0.dropFirst(one.cache.count) }
    #expect(names == two.artifacts().map { $0.dropFirst(two.cache.count) })
    #expect(names.count > 10)
    for name in names {
      let a = FileManager.default.contents(atPath: one.cache + name)
      #expect(a == FileManager.default.contents(atPath: two.cache + name), "\(name) differs")
    }
  }

  @Test func tablesComeInFourForms() throws {
    let box = try project()
    let small = ["size=[100]", "repeat=2", "hessian_images=100"].flatMap { ["--set", $0] }
    let before = try box.start(Sandbox.executable, ["table", "tiny"] + small).1()
    #expect(before.status == 1)
    #expect(before.errors.contains("pipeline run tiny"))
    #expect(try box.start(Sandbox.executable, ["run", "tiny"] + small).1().status == 0)
    let markdown = try box.start(Sandbox.executable, ["table", "tiny", "--format", "markdown"] + small).1()
    #expect(markdown.output.contains("| --"))
    let csv = try box.start(Sandbox.executable, ["table", "tiny", "--format", "csv"] + small).1()
    #expect(csv.output.contains("3-step"))
    let one = try box.start(Sandbox.executable, ["table", "tiny", "verdict", "--format", "json"] + small).1()
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(one.output.utf8)) }
    let json = try box.start(Sandbox.executable, ["table", "tiny", "--format", "json"] + small).1()
    #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.output.utf8)) }
    // All nets, groups and influences behind a cell can be found from it.
    for node in ["retrain[size=100,repeat=1]", "group[size=100,repeat=0]", "influence[size=100,repeat=1]"] {
      #expect(json.output.contains(node))
      let path = try box.start(Sandbox.executable, ["path", "tiny", node] + small).1()
      #expect(path.status == 0 && path.output.hasSuffix(".h5\n"))
    }
  }

  @Test func ctrlCStopsCleanlyAndARerunGoesOn() throws {
    let box = try project()
    let slow = ["--set", "epochs=1000", "--set", "size=[100]", "--set", "repeat=2"]
    // A background job is born with Ctrl-C ignored, and the run honours that; a test may well be in one.
    let (process, wait) = try box.start(
      "/usr/bin/env", ["--default-signal=INT", Sandbox.executable, "run", "tiny", "retrain"] + slow)
    // Once the base net is being trained, images are done.
    let deadline = Date().addingTimeInterval(60)
    while box.artifacts().isEmpty, Date() < deadline { usleep(50_000) }
    usleep(200_000)
    kill(process.processIdentifier, SIGINT)
    let answer = wait()
    #expect(answer.status == 130, "\(answer.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: box.cache + "/tmp").isEmpty)
    #expect(try box.pipeline("cache", "verify").status == 0)
    #expect(!(try box.planned("tiny", "images")).contains("images"))
  }
}
