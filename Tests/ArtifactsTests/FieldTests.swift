// Layouts, writers and readers made of fields: the file holds what is declared, and nothing else passes.

import Artifacts
import Foundation
import HDF5
import PipelineCore
import Testing

/// A layout with a field of each sort.
private struct SampleArtifact: ArtifactLayout {
  let size = Number<Int>("/size", "one value")
  let names = List<String>("/names", "n", "texts")
  let marks = List<Bool>("/marks", "n", "flags")
  let grid = Grid<Float>("/grid", "n,2", "an array")
  let lists = Lists("/lists", "n,w", "lists of different lengths")
  let extra = Maybe(List<Double>("/extra", "k", "sometimes there"))
  let axes = Family(List<String>("/axes/AXIS", "n", "any number"))
  let isSound = Attribute<Bool>("sound", "a flag")
  let rate = Attribute<Double>("rate", "a number")
}

/// A task that writes into a folder.
func sampleTask(in folder: String) throws -> StageTask {
  let stage = StageDeclaration(
    name: "sample", version: 3, summary: "a sample",
    parameters: [Parameter("a", .integer(0...), default: 0, "a number")])
  return StageTask(
    node: "sample", stage: stage.name, stageVersion: stage.version, key: Digest(of: [1]),
    parameters: try ParameterValues(["a": .integer(1)], of: stage), axes: [], streamKey: 0, inputs: [:],
    output: folder + "/file.h5", scratch: folder + "/scratch", files: [], downloads: folder,
    cache: folder,
    threads: 1, memory: 1 << 30)
}

@Suite struct FieldTests {
  private let folder: String
  private let task: StageTask

  init() throws {
    folder = NSTemporaryDirectory() + "artifacts-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    task = try sampleTask(in: folder)
  }

  /// Writes a whole sample of two rows.
  private func writeSample(extra: [Double]? = nil) throws -> Digest {
    var artifact = try ArtifactWriter<SampleArtifact>(task)
    try artifact.write(\.size, -7)
    try artifact.write(\.names, ["a", "bé"])
    try artifact.write(\.marks, [true, false])
    try artifact.write(\.grid, Block([1, 2, 3, 4], 2, 2))
    try artifact.write(\.lists, [[5], [0, 6, 7]])
    try artifact.write(\.extra, extra)
    try artifact.write(\.axes["size"], ["10", ""])
    try artifact.write(\.axes["repeat"], ["0", "1"])
    try artifact.write(\.isSound, true)
    try artifact.write(\.rate, 0.5)
    return try artifact.finish()
  }

  @Test func whatIsWrittenIsRead() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let digest = try writeSample(extra: [0.25])
    let artifact = try ArtifactReader<SampleArtifact>(at: task.output)
    #expect(try artifact.read(\.size) == -7)
    #expect(try artifact.read(\.names) == ["a", "bé"])
    #expect(try artifact.read(\.marks) == [true, false])
    #expect(try artifact.read(\.grid) == Block([1, 2, 3, 4], 2, 2))
    #expect(try artifact.read(\.lists) == [[5], [0, 6, 7]])
    #expect(try artifact.read(\.extra) == [0.25])
    #expect(try artifact.read(\.axes) == ["size": ["10", ""], "repeat": ["0", "1"]])
    #expect(try artifact.read(\.isSound))
    #expect(try artifact.read(\.rate) == 0.5)
    #expect(try artifact.stage() == "sample")
    #expect(try artifact.parameters() == ["a": .integer(1)])
    #expect(try contentHash(ofFileAt: task.output, excluding: ArtifactIdentity.names) == digest.hex)
  }

  @Test func anOptionalFieldMayBeAbsent() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try writeSample()
    let artifact = try ArtifactReader<SampleArtifact>(at: task.output)
    #expect(try artifact.read(\.extra) == nil)
    // Fields of another kind of artifact are looked for, not assumed.
    let other = try ArtifactReader<GroupArtifact>(at: task.output)
    #expect(try other.find(\.kind) == nil)
    #expect(try other.find(\.indices) == nil)
    #expect(throws: HDF5Error.self) { try other.read(\.kind) }
  }

  @Test func theFileHoldsWhatTheLayoutSays() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try writeSample(extra: [1])
    #expect(
      SampleArtifact.datasets.map { "\($0.name) \($0.type): \($0.summary)" } == [
        "/size i64: one value", "/names string [n]: texts", "/marks u8 [n]: flags",
        "/grid f32 [n,2]: an array",
        "/lists i64 [n,w]: lists of different lengths", "/extra f64 [k]: sometimes there",
        "/axes/AXIS string [n]: any number",
      ])
    #expect(SampleArtifact.attributes.map { "\($0.name) \($0.type)" } == ["sound int", "rate float"])
    let file = try FileReader(at: task.output)
    #expect(
      try file.datasets().map { "\($0.path) \($0.type) \($0.shape)" } == [
        "/axes/repeat string[1] [2]", "/axes/size string[2] [2]", "/extra f64 [1]", "/grid f32 [2, 2]",
        "/lists i64 [2, 3]", "/marks u8 [2]", "/names string[3] [2]", "/size i64 []",
      ])
    #expect(try file.read("/lists", as: Int64.self) == [5, -1, -1, 0, 6, 7])
    #expect(try file.attribute("sound") == .integer(1))
    #expect(try file.attribute("rate") == .real(0.5))
  }

  /// Each file breaks the layout in one way.
  @Test(arguments: ["missing", "type", "rank", "number", "name"]) func whatIsNotAsDeclaredIsRefused(
    how: String
  ) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var file = try FileWriter(at: task.output)
    try file.write("/names", ["a", "b"])
    switch how {
    case "missing": break
    case "type": try file.write("/grid", [1, 2, 3, 4] as [Double], shape: [2, 2])
    case "rank": try file.write("/grid", [1, 2, 3, 4] as [Float])
    case "number": try file.write("/grid", [1, 2, 3, 4] as [Float], shape: [4, 1])
    default: try file.write("/grid", [1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])
    }
    try file.close()
    let artifact = try ArtifactReader<SampleArtifact>(at: task.output)
    #expect(try artifact.read(\.names) == ["a", "b"])
    #expect(throws: HDF5Error.self) { try artifact.read(\.grid) }
  }

  @Test func anIncompleteArtifactIsNeverFinished() async {
    await #expect(processExitsWith: .signal(SIGILL)) {
      let folder = NSTemporaryDirectory() + "artifacts-test-" + UUID().uuidString
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      var artifact = try ArtifactWriter<GroupArtifact>(sampleTask(in: folder))
      try artifact.write(\.indices, [1, 2])
      _ = try artifact.finish()
    }
  }

  @Test func aWholeArtifactIsOneValue() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let group = Group(indices: [2, 5, 9], parts: [0, 1, 0], poolSize: 40, kind: "random")
    _ = try task.write(GroupArtifact.self, group)
    #expect(try ArtifactReader<GroupArtifact>(at: task.output).read(\.self) == group)
    #expect(group.complement(in: 11) == [0, 1, 3, 4, 6, 7, 8, 10])
  }
}
