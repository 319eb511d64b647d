// A table of what there is so far, while the nodes that it gathers still run.

import FoundationEssentials
import Glibc
import PipelineCore
import PipelineExecution
import ResultTables
import Stages

/// A table that is not up to date, made of those of its inputs that are.
struct PartialTable {
  var grid: TableGrid
  /// How many of its inputs are there.
  var there: Int
  /// How many it is to have.
  var all: Int

  /// The stage types of which this makes sense: each row of theirs stands by itself.
  private static func stage(_ name: String) -> (any Stage.Type)? {
    switch name {
    case TableStage.declaration.name: TableStage.self
    case DifferencesStage.declaration.name: DifferencesStage.self
    default: nil
    }
  }

  /// Makes the table, outside of the cache. Nil for other nodes, where nothing is there yet, and where what is there makes
  /// no table, as differences without a pair.
  ///
  /// - Parameter artifacts: The artifacts of the plan's nodes that are up to date.
  init?(_ id: NodeID, of plan: Plan, _ artifacts: [Artifact?], in cache: CacheStore) {
    let declaration = plan.stage(of: id).declaration
    guard artifacts[id.index] == nil, let stage = Self.stage(declaration.name) else { return nil }
    let node = plan[id]
    all = plan.predecessors(of: id).count
    let (inputs, gathers) = cache.taskInputs(of: id, in: plan) { artifacts[$0.index] }
    there = inputs.values.reduce(0) { $0 + $1.count }
    guard there > 0, let folder = Self.temporaryFolder() else { return nil }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let task = StageTask(
      node: node.name, stage: declaration.name, stageVersion: declaration.version, key: Digest(of: []),
      parameters: node.parameters, axes: node.axes, streamKey: plan.streamKey(of: id), inputs: inputs,
      gathers: gathers, output: "\(folder)/table.h5", scratch: "\(folder)/scratch", files: [],
      downloads: cache.downloads, cache: cache.root, threads: 1, memory: 1 << 28)
    guard (try? stage.run(task, SilentContext())) != nil,
      let report = try? TableReport(file: task.output, parameters: node.parameters, nodes: [])
    else { return nil }
    grid = report.grid
  }

  private static func temporaryFolder() -> String? {
    var template = Array((FileManager.default.temporaryDirectory.path + "/" + "pipeline-XXXXXX").utf8CString)
    return template.withUnsafeMutableBufferPointer { buffer in
      mkdtemp(buffer.baseAddress!).map { String(cString: $0) }
    }
  }
}

/// Nobody listens.
private struct SilentContext: StageContext {
  func progress(_ fraction: Double, _ message: String) {}
  func log(_ message: String) {}
  func note(_ name: String, _ value: String) {}
  func section(_ name: String, of identity: [String]) -> any CacheSection {
    preconditionFailure("a table keeps nothing between runs")
  }
}
