// What a stage type itself says of parameters that are each of the right type, and the files that they name.

import PipelineCore

extension ParameterEvaluator {
  /// All parameters of a node by the declaration; nil after reporting.
  ///
  /// - Parameters:
  ///   - varying: The values that differ between the nodes of the stage.
  ///   - shared: Those that all of its nodes have.
  ///   - former: Another node of the stage, whose shared values need not be looked at again.
  func complete(
    _ varying: [(name: String, value: Value)], _ shared: [String: Value], after former: ParameterValues?,
    of stage: BoundStage, at point: [String: Value]
  ) -> ParameterValues? {
    if let former { return former.replacing(varying) }
    do throws(ParameterProblem) {
      let given = shared.merging(varying.map { ($0.name, $0.value) }) { $1 }
      return try ParameterValues(given, of: stage.declaration)
    } catch {
      report(error, of: stage, at: point)
      return nil
    }
  }

  /// The nodes of a stage by the stage's own check, and their external files; nil after reporting.
  mutating func check(
    _ nodes: [ParameterValues], of stage: BoundStage, at points: StagePoints
  ) -> [NodeSettings]? {
    let check = stage.declaration.check
    let wrong = inParts(nodes.count) { part in
      part.first { check(nodes[$0]) != nil }.map { [$0] } ?? []
    }.first
    var settings: [NodeSettings] = []
    settings.reserveCapacity(nodes.count)
    for (rank, values) in nodes.enumerated() {
      if rank == wrong, let problem = check(values) {
        report(problem, of: stage, at: points[rank])
        return nil
      }
      guard let files = externalFiles(values, settings.last?.files, of: stage),
        let tracked = tracked(values, of: stage)
      else { return nil }
      settings.append(NodeSettings(parameters: values, files: files, tracked: tracked))
    }
    return settings
  }

  private func report(_ problem: ParameterProblem, of stage: BoundStage, at point: [String: Value]) {
    let given = stage.parameters.first { $0.declaration.name == problem.parameter }
    let axes =
      given?.template.references.compactMap { name in point[name.text].map { (name.text, $0) } } ?? []
    problems.report(
      "\(problem)", at: given?.node.place ?? stage.name.place,
      notes: axes.prefix(4).map { "at \($0)=\($1.plainText.shortened)" })
  }

  /// What decides the result beyond files, each asked once; nil after reporting.
  private mutating func tracked(_ values: ParameterValues, of stage: BoundStage) -> [TrackedOutput]? {
    var outputs: [TrackedOutput] = []
    for question in stage.declaration.tracked(values) {
      if answers[question] == nil {
        do {
          answers[question] = .some(try ask(question))
        } catch {
          answers[question] = .some(nil)
          problems.report(
            "can't \(question.verb) '\(question.text.shortened)': \(error)",
            at: place(of: question.program, in: stage, values))
        }
      }
      guard let answer = answers[question] ?? nil else { return nil }
      outputs.append(answer)
    }
    return outputs.sorted { $0.field < $1.field }
  }

  /// The files outside of the cache that a node reads, by path; nil after reporting.
  private mutating func externalFiles(
    _ values: ParameterValues, _ former: [ExternalFile]?, of stage: BoundStage
  ) -> [ExternalFile]? {
    let paths = stage.declaration.externalFiles(values).sorted()
    if let former, paths.elementsEqual(former, by: { $0 == $1.path }) { return former }
    guard areApart(paths, of: stage, values) else { return nil }
    var files: [ExternalFile] = []
    for path in paths {
      let place = place(of: path, in: stage, values)
      guard isInProject(path) || stage.declaration.allowsOutsideFiles else {
        let what = home.levels > 0 ? "project" : "folder of the pipeline file"
        problems.report(
          "the file '\(path.shortened)' lies outside of the \(what)", at: place,
          notes: [
            home.levels > 0
              ? "\(stage.declaration.name) reads files of the project, by paths relative to the folder of the pipeline file"
              : "\(stage.declaration.name) reads files by paths relative to that folder, without leaving it"
          ])
        return nil
      }
      guard let digest = digest(path, at: place) else { return nil }
      files.append(ExternalFile(path: path, digest: digest))
    }
    return files
  }

  /// Whether a path leads to a place below the project's root.
  private func isInProject(_ path: String) -> Bool {
    if FilePath.within(path) != nil { return true }
    return FilePath.climb(path).map { $0.levels <= home.levels } ?? false
  }

  /// Whether no file is named twice and none lies within another; reports the first that is or does.
  private func areApart(_ paths: [String], of stage: BoundStage, _ values: ParameterValues) -> Bool {
    // With a slash at its end the path of a folder starts those of all that lies in it, and sorts just before.
    let forms = paths.map { (form: (FilePath.within($0) ?? $0) + "/", path: $0) }.sorted { $0.form < $1.form }
    for (first, second) in zip(forms, forms.dropFirst()) where second.form.hasPrefix(first.form) {
      problems.report(
        second.form == first.form
          ? "the file '\(second.path.shortened)' stands twice"
          : "the file '\(second.path.shortened)' lies within '\(first.path.shortened)', which stands here too",
        at: place(of: second.path, in: stage, values), notes: ["a folder is read with all that is in it"])
      return false
    }
    return true
  }

  private mutating func digest(_ path: String, at place: Place) -> Digest? {
    if let known = digests[path] { return known }
    do {
      let digest = try hashFile(FilePath.join(baseDirectory, path))
      digests[path] = .some(digest)
      return digest
    } catch {
      digests[path] = .some(nil)
      problems.report("can't read the file '\(path.shortened)': \(error)", at: place)
      return nil
    }
  }

  /// Where a path is written: the scalar of that value, or else the parameter that holds it.
  private func place(of path: String, in stage: BoundStage, _ values: ParameterValues) -> Place {
    for parameter in stage.parameters {
      if let place = parameter.node.place(of: .string(path)) { return place }
    }
    for parameter in stage.parameters where values[parameter.declaration].contains(.string(path)) {
      return parameter.node.place
    }
    return stage.name.place
  }
}

extension SyntaxNode {
  /// The place of a scalar of some value, here or within.
  func place(of wanted: Value) -> Place? {
    switch content {
    case .scalar(let value): value == wanted ? place : nil
    case .list(let nodes): nodes.lazy.compactMap { $0.place(of: wanted) }.first
    case .map(let entries): entries.lazy.compactMap { $0.value.place(of: wanted) }.first
    }
  }
}

extension Value {
  /// Whether a value is this one or somewhere within.
  fileprivate func contains(_ wanted: Value) -> Bool {
    switch self {
    case .list(let values): values.contains { $0.contains(wanted) }
    case .map(let values): values.values.contains { $0.contains(wanted) }
    default: self == wanted
    }
  }
}
