// Steps: edit the pipeline, run it, and say exactly which nodes ran and why.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

/// One edit and what must follow from it.
private struct Step {
  var name: String
  var registry = toyStages
  var wanted: [String] = []
  var edit: (inout ToyPipeline, Lab) throws -> Void
  var runs: [String: [RunReason]]
  var cutOff = 0

  /// Applies the edit, runs, compares.
  func check(
    _ pipeline: inout ToyPipeline, _ lab: Lab, sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    try edit(&pipeline, lab)
    let summary = try lab.run(pipeline, wanted, registry: registry)
    let ran = Dictionary(uniqueKeysWithValues: summary.ran.map { ($0.node, $0.reasons.map(forgetDigests)) })
    #expect(ran == runs.mapValues { $0.map(forgetDigests) }, "\(name)", sourceLocation: sourceLocation)
    #expect(summary.cutOff == cutOff, "\(name)", sourceLocation: sourceLocation)
    #expect(summary.failures.isEmpty, "\(name)", sourceLocation: sourceLocation)
    // And then there is nothing left to do.
    let again = try lab.run(pipeline, wanted, registry: registry)
    #expect(again.ran.isEmpty && again.cutOff == 0, "\(name), again", sourceLocation: sourceLocation)
  }
}

/// Which digest an input had is not for a test to say.
func forgetDigests(_ reason: RunReason) -> RunReason {
  switch reason {
  case .inputChanged(let slot, let old, let new):
    .inputChanged(slot: slot, old: old.map { _ in blank }, new: new.map { _ in blank })
  case .fileChanged(let path, let old, let new):
    .fileChanged(path: path, old: old.map { _ in "" }, new: new.map { _ in "" })
  default: reason
  }
}

let blank = Digest(of: [])
func inputChanged(_ slot: String) -> RunReason { .inputChanged(slot: slot, old: blank, new: blank) }

/// base → train[repeat] (with draw[repeat]) → total, beside a file that is read.
func study(_ lab: Lab) throws -> ToyPipeline {
  try Data("7\n".utf8).write(to: URL(fileURLWithPath: lab.folder + "/seven.txt"))
  var pipeline = ToyPipeline("study", folder: lab.folder)
  let repeats = [(name: "repeat", values: [0, 1])]
  pipeline.add("base", "number", ["value": .integer(10)])
  pipeline.add("file", "read", ["path": .string("seven.txt")])
  pipeline.add("draw", "random", axes: repeats)
  pipeline.add("train", "sum", axes: repeats, from: [("terms", ["base"]), ("more", ["draw"])])
  pipeline.add("total", "sum", from: [("terms", ["train"]), ("more", ["file"])])
  return pipeline
}

let studyNodes = [
  "base", "file", "draw[repeat=0]", "draw[repeat=1]", "train[repeat=0]", "train[repeat=1]", "total",
]

@Suite struct IncrementalTests {
  private func first() -> Step {
    Step(
      name: "first run", edit: { _, _ in },
      runs: Dictionary(uniqueKeysWithValues: studyNodes.map { ($0, [RunReason.neverBuilt]) }))
  }

  @Test func editsRunExactlyWhatTheyTouch() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try first().check(&pipeline, lab)
    try checkEditsOfTheGraph(&pipeline, lab)
    try checkEditsBesideTheGraph(&pipeline, lab)
    try checkEditsBackAndForth(&pipeline, lab)
  }

  /// The first steps of `editsRunExactlyWhatTheyTouch`: new values and a new repeat, from the study as it is.
  private func checkEditsOfTheGraph(_ pipeline: inout ToyPipeline, _ lab: Lab) throws {
    try Step(
      name: "a parameter of the source reaches all that follows",
      edit: { pipeline, _ in pipeline["base"].parameters["value"] = .integer(11) },
      runs: [
        "base": [.parameterChanged(name: "value", old: "10", new: "11")],
        "train[repeat=0]": [inputChanged("terms")], "train[repeat=1]": [inputChanged("terms")],
        "total": [inputChanged("terms")],
      ]
    ).check(&pipeline, lab)
    try Step(
      name: "a late parameter reruns only what follows",
      edit: { pipeline, _ in pipeline["total"].parameters["offset"] = .integer(1) },
      runs: ["total": [.parameterChanged(name: "offset", old: "0", new: "1")]]
    ).check(&pipeline, lab)
    try Step(
      name: "one more repeat runs only the new chain",
      edit: { pipeline, _ in
        pipeline["draw"].axes[0].values.append(2)
        pipeline["train"].axes[0].values.append(2)
      },
      runs: [
        "draw[repeat=2]": [.neverBuilt], "train[repeat=2]": [.neverBuilt], "total": [inputChanged("terms")],
      ]
    ).check(&pipeline, lab)
  }

  /// Its next steps: what is no part of the graph, a file outside the cache and a parameter without effect.
  private func checkEditsBesideTheGraph(_ pipeline: inout ToyPipeline, _ lab: Lab) throws {
    try Step(
      name: "a file outside the cache",
      edit: { _, lab in try Data("8\n".utf8).write(to: URL(fileURLWithPath: lab.folder + "/seven.txt")) },
      runs: [
        "file": [.fileChanged(path: "seven.txt", old: "", new: "")], "total": [inputChanged("more")],
      ]
    ).check(&pipeline, lab)
    try Step(
      name: "a parameter that changes no result",
      edit: { pipeline, _ in pipeline.setAll("cores", .integer(2)) },
      runs: [:]
    ).check(&pipeline, lab)
  }

  /// Its last steps, which build on the values of the first: back, forth again, and two edits at once.
  private func checkEditsBackAndForth(_ pipeline: inout ToyPipeline, _ lab: Lab) throws {
    try Step(
      name: "back to an earlier value",
      edit: { pipeline, _ in pipeline["total"].parameters["offset"] = .integer(0) },
      runs: ["total": [.parameterChanged(name: "offset", old: "1", new: "0")]]
    ).check(&pipeline, lab)
    try Step(
      name: "and forth again: that is known",
      edit: { pipeline, _ in pipeline["total"].parameters["offset"] = .integer(1) },
      runs: [:]
    ).check(&pipeline, lab)
    try Step(
      name: "two at once",
      edit: { pipeline, _ in
        pipeline["base"].parameters["value"] = .integer(12)
        pipeline["train"].parameters["offset"] = .integer(3)
      },
      runs: [
        "base": [.parameterChanged(name: "value", old: "11", new: "12")],
        "train[repeat=0]": [.parameterChanged(name: "offset", old: "0", new: "3"), inputChanged("terms")],
        "train[repeat=1]": [.parameterChanged(name: "offset", old: "0", new: "3"), inputChanged("terms")],
        "train[repeat=2]": [.parameterChanged(name: "offset", old: "0", new: "3"), inputChanged("terms")],
        "total": [inputChanged("terms")],
      ]
    ).check(&pipeline, lab)
  }

  @Test func aStageVersionRerunsItsNodes() throws {
    let lab = try Lab()
    var pipeline = try study(lab)
    try first().check(&pipeline, lab)
    let version = RunReason.stageVersionChanged(old: "1", new: "2")
    try Step(
      name: "version 2 of sum, same numbers", registry: toyStagesVersion2, edit: { _, _ in },
      runs: [
        "train[repeat=0]": [version], "train[repeat=1]": [version],
        "total": [version, inputChanged("terms")],
      ]
    ).check(&pipeline, lab)
  }

  @Test func equalContentStopsTheWave() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("cutoff")
    pipeline.add("a", "number", ["value": .integer(10)])
    pipeline.add("half", "sum", ["divisor": .integer(4)], from: [("terms", ["a"])])
    pipeline.add("b", "sum", from: [("terms", ["half"])])
    pipeline.add("c", "sum", from: [("terms", ["b"])])
    try lab.run(pipeline)
    try Step(
      name: "10 and 11 are the same when divided by 4",
      edit: { pipeline, _ in pipeline["a"].parameters["value"] = .integer(11) },
      runs: [
        "a": [.parameterChanged(name: "value", old: "10", new: "11")], "half": [inputChanged("terms")],
      ], cutOff: 2
    ).check(&pipeline, lab)
    try Step(
      name: "a label changes no content at all",
      edit: { pipeline, _ in pipeline["a"].parameters["label"] = .string("x") },
      runs: ["a": [.parameterChanged(name: "label", old: "\"\"", new: "\"x\"")]], cutOff: 3
    ).check(&pipeline, lab)
  }

  @Test func aHitOnTheWantedNodeNeedsNothingUpstream() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    for node in studyNodes where node != "total" {
      try FileManager.default.removeItem(atPath: lab.artifact(pipeline, node))
    }
    #expect(try lab.run(pipeline, ["total"]).ran.isEmpty)
    #expect(try lab.run(pipeline, ["total"]).fresh == 1)
    let summary = try lab.run(pipeline)
    #expect(Set(summary.ran.map(\.node)) == Set(studyNodes).subtracting(["total"]))
    #expect(summary.ran.allSatisfy { $0.reasons == [.artifactMissing] })
  }

  @Test func aRunThatChangesNothingWritesNothing() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    let before = lab.listing()
    #expect(try lab.run(pipeline).ran.isEmpty)
    #expect(try lab.run(pipeline, ["total"]).ran.isEmpty)
    #expect(lab.listing() == before)
    #expect(!before.isEmpty)
  }

  @Test func twoPipelinesShareWhatIsTheSame() throws {
    let lab = try Lab()
    let pipeline = try study(lab)
    try lab.run(pipeline)
    var other = ToyPipeline("other", folder: lab.folder)
    other.add("start", "number", ["value": .integer(10)])
    other.add("end", "sum", ["offset": .integer(5)], from: [("terms", ["start"])])
    let summary = try lab.run(other)
    #expect(summary.ran.map(\.node) == ["end"])
    #expect(summary.fresh == 1)
    #expect(try lab.value(other, "end") == 15)
  }

  @Test func oneKeyRunsOnceInAPlan() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("twins")
    pipeline.add("a", "number", ["value": .integer(1)], axes: [("i", [0, 1, 2, 3])])
    pipeline.add("b", "sum", axes: [("i", [0, 1, 2, 3])], from: [("terms", ["a"])])
    pipeline.add("total", "sum", from: [("terms", ["b"])])
    pipeline.setAll("log", .string(lab.log))
    let summary = try lab.run(pipeline)
    #expect(lab.executions().values.reduce(0, +) == 3)
    #expect(summary.ran.count == 3 && summary.cutOff + summary.fresh == 6)
    #expect(try lab.value(pipeline, "total") == 4)
  }

  @Test func aNodeMaySeeOneInputTwice() throws {
    let lab = try Lab()
    var pipeline = ToyPipeline("double")
    pipeline.add("a", "number", ["value": .integer(3)], axes: [("i", [0, 1])])
    pipeline.add("b", "sum", from: [("terms", ["a"]), ("more", ["a"])])
    #expect(try lab.run(pipeline).failures.isEmpty)
    #expect(try lab.value(pipeline, "b") == 12)
  }
}
