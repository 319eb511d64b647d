// The plan keys of all pipelines of the project: however a pipeline is written, its results keep their names.

import Foundation
import PipelineCore
import PipelineFile
import Stages
import Testing

@Suite struct PlanKeyTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  private static let root = folder.appending(path: "../../..").standardizedFileURL.path

  /// The stage types, each as if at version 1: a new version is meant to give new keys, and is not the file's doing.
  private static let types = allStages.declarations.mapValues { declaration in
    var declaration = declaration
    declaration.version = 1
    return declaration
  }

  /// `name nodes digest` of a pipeline; the digest is of its sorted plan keys.
  private static func line(_ path: String) throws -> String {
    // A program that a pipeline brings along counts by its name here: what it holds may change, the pipeline not.
    let plan = try PipelineFile.load(path: root + "/pipelines/" + path, stages: types) { path in
      Digest(of: path.replacing(root, with: "").utf8)
    }.plan
    let keys = Set(plan.planKeys().nodes.map(\.hex)).sorted().joined(separator: "\n")
    return "\(plan.name) \(plan.nodes.count) \(Digest(of: keys.utf8))"
  }

  /// The list was written by the files that came before the present ones, which said the same at twice the length.
  /// A pipeline that is meant to ask for something else gets the line that this test prints.
  @Test func pipelinesKeepTheirKeys() throws {
    let folder = FileManager.default.enumerator(atPath: Self.root + "/pipelines")
    let paths = (folder?.compactMap { $0 as? String } ?? []).filter {
      $0.hasSuffix(".yaml") && !$0.hasPrefix("fragments/")
    }
    let found = try paths.map(Self.line).sorted()
    let stored = try String(
      contentsOfFile: Self.root + "/Tests/StagesTests/Pipelines/plan-keys.txt", encoding: .utf8
    )
    .split(separator: "\n").map(String.init)
    for line in Set(found).symmetricDifference(stored).sorted() {
      Issue.record(
        "\(found.contains(line) ? "found, and not in plan-keys.txt" : "in plan-keys.txt, and not found"): \(line)"
      )
    }
  }
}
