// `extends` and `--set`: several texts become one.

import PipelineCore

/// Reads a file, those that it extends, and the `--set` options over them.
struct Loader {
  let problems: Problems
  let stages: [String: StageDeclaration]
  let readFile: (String) throws -> String
  /// The folder of the first file; no file that is extended may lie outside.
  let root: String
  /// The files so far, nearest first, with the digests of their bytes.
  private(set) var files: [ExternalFile] = []

  /// The longest chain of `extends`.
  private static let longestChain = 32

  init(
    problems: Problems, stages: [String: StageDeclaration], root: String,
    readFile: @escaping (String) throws -> String
  ) {
    self.problems = problems
    self.stages = stages
    self.root = root
    self.readFile = readFile
  }

  /// Reads a file and merges it over those that it extends. `path` is relative to the root folder.
  mutating func load(path: String, text: String) -> FileSyntax? {
    var chain: [FileSyntax] = []
    var paths = [path]
    var text = text
    while true {
      let digest = Digest(of: text.utf8)
      // A byte-order mark is no part of the text, and would indent its first line.
      if text.unicodeScalars.first == "\u{FEFF}" { text = String(text.unicodeScalars.dropFirst()) }
      let display = FilePath.join(root, paths[paths.count - 1])
      files.append(ExternalFile(path: display, digest: digest))
      let source = problems.add(SourceText(name: display, text: text))
      guard let file = read(text, source: source) else { return nil }
      chain.append(file)
      guard let extends = file.extends else { break }
      guard let next = next(extends, after: paths) else { return nil }
      do {
        text = try readFile(FilePath.join(root, next))
      } catch {
        problems.report("can't read '\(FilePath.join(root, next))': \(error)", at: extends.place)
        return nil
      }
      paths.append(next)
    }
    var merged = FileSyntax(place: chain[0].place)
    for file in chain.reversed() { merge(file, over: &merged, isBase: file.extends == nil) }
    return merged
  }

  private func read(_ text: String, source: Int) -> FileSyntax? {
    let before = problems.count
    guard let root = YAMLReader.read(text, source: source, problems: problems) else {
      if problems.count == before {
        problems.report(
          "the file is empty", at: Place(source: source, line: 1, column: 1),
          notes: ["a pipeline file has at least 'stages:' or 'extends:'"])
      }
      return nil
    }
    return FileSyntaxReader(problems: problems).read(root)
  }

  /// The path, relative to the root folder, of the file that the last of `paths` extends.
  private func next(_ extends: Name, after paths: [String]) -> String? {
    let folder = FilePath.folder(of: paths[paths.count - 1])
    guard !extends.text.hasPrefix("/"), let next = FilePath.within(FilePath.join(folder, extends.text)) else {
      problems.report(
        "'extends: \(extends.text.shortened)' leads out of the folder of the pipeline", at: extends.place,
        notes: ["a pipeline extends files of its own folder and of folders within"])
      return nil
    }
    if let start = paths.firstIndex(of: next) {
      let path = (paths[start...] + [next]).map { FilePath.join(root, $0) }
      problems.report("cycle of 'extends': \(path.joined(separator: " → "))", at: extends.place)
      return nil
    }
    guard paths.count < Self.longestChain else {
      problems.report("more than \(Self.longestChain) files extend one another", at: extends.place)
      return nil
    }
    return next
  }

  /// Lays a file over what it extends: parameters, axes and stages by name, a stage's parameters and inputs by
  /// name too, everything else whole.
  private func merge(_ file: FileSyntax, over merged: inout FileSyntax, isBase: Bool) {
    merged.place = file.place
    merged.description = file.description ?? merged.description
    merged.stagesPlace = file.stagesPlace ?? merged.stagesPlace
    for (name, value) in file.parameters.entries { merged.parameters.set(name, value) }
    for (name, value) in file.axes.entries {
      if !value.isNull {
        merged.axes.set(name, value)
      } else if !merged.axes.remove(name.text) {
        reportNothingToRemove("axis", name, among: merged.axes.names, isBase: isBase)
      }
    }
    for (name, stage) in file.stages.entries {
      if let stage {
        merge(stage, over: &merged.stages)
      } else if !merged.stages.remove(name.text) {
        reportNothingToRemove("stage", name, among: merged.stages.names, isBase: isBase)
      }
    }
  }

  private func merge(_ stage: StageSyntax, over stages: inout OrderedEntries<StageSyntax?>) {
    let base = (stages[stage.name.text] ?? nil) ?? StageSyntax(name: stage.name)
    var merged = base
    merged.type = stage.type ?? base.type
    merged.axes = stage.axes ?? base.axes
    merged.timeout = stage.timeout ?? base.timeout
    for (name, value) in stage.parameters.entries { merged.parameters.set(name, value) }
    for (name, value) in stage.inputs.entries {
      if !value.isNull {
        merged.inputs.set(name, value)
      } else if !merged.inputs.remove(name.text) {
        problems.report(
          "there is no input '\(name.text.shortened)' of stage '\(stage.name.text)' to remove",
          at: name.place,
          notes: [suggestion(for: name.text, among: merged.inputs.names, of: "inputs")])
      }
    }
    stages.set(base.name, merged)
  }

  private func reportNothingToRemove(_ what: String, _ name: Name, among names: [String], isBase: Bool) {
    let note =
      isBase
      ? "an empty \(what) removes that of a file that is extended, and this file extends none"
      : suggestion(for: name.text, among: names, of: what == "axis" ? "axes" : "stages")
    problems.report("there is no \(what) '\(name.text)' to remove", at: name.place, notes: [note])
  }
}
