// A folder in which single stages run on hand-made inputs, as a worker would run them.

import Artifacts
import FileTree
import Foundation
import HDF5
import PipelineCore
import PipelineExecution
import Stages
import Synchronization

/// What a stage says while it runs is not looked at; what it keeps stands in a cache, and its notes with the workshop.
package struct SilentContext: StageContext {
  package let cache: CacheStore
  fileprivate let notes = Notes()

  fileprivate final class Notes: Sendable {
    let all = Mutex<[String: String]>([:])
  }

  package func progress(_ fraction: Double, _ message: String) {}
  package func log(_ message: String) {}
  package func note(_ name: String, _ value: String) { notes.all.withLock { $0[name] = value } }
  package func section(_ name: String, of identity: [String]) -> any CacheSection {
    cache.section(name, of: identity)
  }
}

/// Runs stages in a folder that goes away with it.
package final class Workshop {
  package let folder: String
  /// The digest that the program of the next command has in the key.
  package var program: Digest?
  /// What the last stage has noted.
  package private(set) var notes: [String: String] = [:]
  private var cache: CacheStore { CacheStore(root: folder + "/cache") }

  package init() throws {
    folder = NSTemporaryDirectory() + "stages-test-" + UUID().uuidString
    for path in [folder, copies] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
  }

  deinit { for path in [folder, copies] { try? FileManager.default.removeItem(atPath: path) } }

  /// Where the stages' copies of files go.
  private var copies: String { folder + "-copies" }

  /// A path of its own in the folder.
  package func path() -> String { folder + "/" + UUID().uuidString }

  /// Runs a stage with its defaults and the given parameters; returns its artifact as an input of others.
  package func run(
    _ type: String, _ parameters: [String: Value] = [:], _ inputs: [String: [TaskInput]] = [:],
    gathers: Set<String> = [], axes: [AxisValue] = [], streamKey: UInt64 = 7
  ) throws -> TaskInput {
    guard let stage = allStages.stages[type] else { throw StageFailure("there is no stage '\(type)'") }
    return try run(stage, parameters, inputs, gathers: gathers, axes: axes, streamKey: streamKey)
  }

  /// The same for a stage that need not be registered.
  package func run(
    _ stage: (some Stage).Type, _ parameters: [String: Value] = [:], _ inputs: [String: [TaskInput]] = [:],
    gathers: Set<String> = [], axes: [AxisValue] = [], streamKey: UInt64 = 7
  ) throws -> TaskInput {
    let declaration = stage.declaration
    let values = try ParameterValues(parameters, of: declaration)
    if let problem = declaration.check(values) { throw StageFailure(problem.message) }
    let output = path()
    let files = try declaration.externalFiles(values).map { name in
      // Beside the folder, which may itself be what is copied.
      let (source, copy) = (
        name.hasPrefix("/") ? name : folder + "/" + name, copies + "/" + UUID().uuidString
      )
      return TaskFile(
        path: name, digest: Digest(try FileTree.copy(source, to: copy)), source: source, copy: copy)
    }
    let task = StageTask(
      node: declaration.name, stage: declaration.name, stageVersion: declaration.version, key: Digest(of: []),
      parameters: values, axes: axes, streamKey: streamKey, inputs: inputs, gathers: gathers,
      output: output, scratch: path(), files: files, downloads: folder + "/cache/downloads",
      cache: cache.root,
      threads: 1, memory: 1 << 30, program: program)
    let content: Digest
    let context = SilentContext(cache: cache)
    defer { notes = context.notes.all.withLock { $0 } }
    do {
      content = try stage.run(task, context)
    } catch let failure as StageFailure {
      throw task.namingSources(failure)
    }
    return try input(declaration.name, at: output, content: content, axes: axes)
  }

  /// A table artifact as text and other formats, rendered with parameters that differ from the defaults.
  package func report(_ table: TaskInput, _ parameters: [String: Value] = [:], nodes: [[String]] = []) throws
    -> TableReport
  {
    guard let stage = allStages.declaration(table.stage) else {
      throw StageFailure("there is no stage '\(table.stage)'")
    }
    return try TableReport(file: table.path, parameters: ParameterValues(parameters, of: stage), nodes: nodes)
  }

  /// An artifact of plain values, as an input with a label and axis values.
  package func write<Layout: ArtifactLayout & Field>(
    _ layout: Layout.Type, _ value: Layout.Value, stage: String, label: String, axes: [AxisValue]
  ) throws -> TaskInput {
    guard let declaration = allStages.declaration(stage) else {
      throw StageFailure("there is no stage '\(stage)'")
    }
    let output = path()
    let task = StageTask(
      node: label, stage: stage, stageVersion: declaration.version, key: Digest(of: []),
      parameters: try ParameterValues([:], of: declaration), axes: axes, streamKey: 0, inputs: [:],
      output: output, scratch: path(), files: [], downloads: folder, cache: cache.root,
      threads: 1,
      memory: 1 << 30)
    var made = try input(stage, at: output, content: task.write(layout, value), axes: axes)
    made.label = label
    return made
  }

  /// A hand-made artifact.
  package func artifact(_ stage: String, _ write: (inout FileWriter) throws -> Void) throws -> TaskInput {
    let path = path()
    var file = try FileWriter(at: path)
    try write(&file)
    try file.close()
    return try input(stage, at: path, content: nil, axes: [])
  }

  private func input(_ stage: String, at path: String, content: Digest?, axes: [AxisValue]) throws
    -> TaskInput
  {
    let digest = Digest(of: try Data(contentsOf: URL(fileURLWithPath: path)))
    return TaskInput(
      label: stage, node: stage, stage: stage, axes: axes, path: path, content: content ?? digest,
      fileDigest: digest)
  }

  // MARK: Commands

  /// Writes a file of the project.
  package func write(_ text: String, to name: String) throws {
    let url = URL(fileURLWithPath: folder + "/" + name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: false, encoding: .utf8)
  }

  /// Runs a program.
  package func command(
    _ argv: [String], outputs: [String], inputs: [String: [TaskInput]] = [:], gathers: Set<String> = [],
    files: [String] = [], more: [String: Value] = [:]
  ) throws -> TaskInput {
    let lists = ["argv": argv, "outputs": outputs, "files": files].mapValues {
      Value.list($0.map(Value.string))
    }
    return try run("command", lists.merging(more) { $1 }, inputs, gathers: gathers)
  }

  /// A file in the artifact of a command.
  package func text(_ name: String, of artifact: TaskInput) throws -> String {
    String(decoding: try FileReader(at: artifact.path).read("/files/" + name, as: UInt8.self), as: UTF8.self)
  }

  /// Features of images 100, 101, … as an artifact.
  package func features(_ values: [Float], rows: Int) throws -> TaskInput {
    try artifact("features") { file in
      try file.write("/features", values, shape: [rows, values.count / rows])
      try file.write("/indices", (0..<rows).map { Int64(100 + $0) })
    }
  }

  /// Distances of images 100, 101, … as an artifact.
  package func neighbours(_ distances: [Double]) throws -> TaskInput {
    try artifact("neighbours") { file in
      try file.write("/reference", Int64(-1))
      try file.write("/distances", distances)
      try file.write("/order", distances.indices.sorted { distances[$0] < distances[$1] }.map { Int64($0) })
      try file.write("/indices", distances.indices.map { Int64(100 + $0) })
      try file.setAttribute("metric", to: "euclidean")
    }
  }

  /// 240 noisy images of 10 classes, each class a bright bar at its own row; the same for the test split.
  package static let images: (pixels: [UInt8], labels: [UInt8]) = {
    var noise = Noise(70)
    var pixels = (0..<240 * 784).map { _ in UInt8(64 * noise.uniform()) }
    let labels = (0..<240).map { UInt8($0 % 10) }
    for i in 0..<240 {
      for column in 4..<24 { pixels[i * 784 + (4 + 2 * Int(labels[i])) * 28 + column] = 230 }
    }
    return (pixels, labels)
  }()

  /// Those images as an artifact of `load-images`.
  package func images() throws -> TaskInput {
    try artifact("load-images") { file in
      for split in ["train", "test"] {
        try file.write("/\(split)/images", Self.images.pixels, shape: [240, 28, 28])
        try file.write("/\(split)/labels", Self.images.labels)
      }
      try file.setAttribute("dataset", to: "folder")
    }
  }

  /// Those images as four IDX files in the folder.
  package func writeIDX() throws {
    func header(_ sizes: [Int]) -> [UInt8] {
      [0, 0, 8, UInt8(sizes.count)]
        + sizes.flatMap { size in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: size >> $0) } }
    }
    for split in ["train", "t10k"] {
      for (kind, bytes) in [
        ("images-idx3", header([240, 28, 28]) + Self.images.pixels),
        ("labels-idx1", header([240]) + Self.images.labels),
      ] {
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/\(split)-\(kind)-ubyte"))
      }
    }
  }
}

/// SplitMix64: the same numbers everywhere.
package struct Noise {
  private var state: UInt64

  package init(_ seed: UInt64) { state = seed }

  package mutating func uniform() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }

  /// About normal: the sum of 12 uniform numbers less 6.
  package mutating func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + uniform() } }
}
