// What a shell offers for a word: pipelines, nodes, axes with their values, and keys of --set.

import ArgumentParser
import PipelineCore
import PipelineFile
import Stages

/// Completions of the words of a command line; a file that can't be read offers nothing.
enum Complete {
  /// The stages of the pipeline that the command names; after a bracket its nodes.
  static let nodes = CompletionKind.custom { words, _, prefix in
    // Brackets want quotes, and some shells hand them on.
    let prefix = prefix.filter { !"\"'\\".contains($0) }
    guard let plan = document(words)?.plan else { return [] }
    if prefix.contains("[") { return plan.nodes.map(\.name).filter { $0.hasPrefix(prefix) } }
    return plan.stages.map(\.name)
  }

  /// `KEY=` for parameters, axes and the parameters of stages; after `AXIS=` the axis's values.
  static let overrides = CompletionKind.custom { words, _, prefix in
    guard let document = document(words) else { return [] }
    let plan = document.plan
    if let equals = prefix.firstIndex(of: "=") {
      let key = prefix[..<equals]
      let values = plan.nodes.lazy.flatMap(\.axes).filter { $0.axis == key }.map(\.value.plainText)
      return Set(values).sorted().map { "\(key)=\($0)" }
    }
    let axes = Set(plan.nodes.flatMap { $0.axes.map(\.axis) })
    let own = plan.stages.flatMap { stage in
      stage.declaration.parameters.map { "\(stage.name).\($0.name)=" }
    }
    return (document.parameters.keys.map { $0 + "=" } + axes.map { $0 + "=" }).sorted() + own
  }

  /// The pipeline that a half-written command line names: the first word that is one.
  private static func document(_ words: [String]) -> PipelineDocument? {
    let folder = PipelineFolder()
    // The program and its subcommand come first.
    for word in words.dropFirst(2) where !word.hasPrefix("-") {
      guard let path = PipelineFolder.isPath(word) ? word : folder.paths[word]?.first else { continue }
      return try? PipelineFile.load(
        path: path, stages: allStages.declarations, hashFile: { _ in Digest(of: []) })
    }
    return nil
  }
}
