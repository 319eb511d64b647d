// From the text of a pipeline file to a checked plan.

import PipelineCore

/// Everything that is wrong with a pipeline file, as far as it can be found in one go, sorted by place.
public struct PipelineFileErrors: Error, CustomStringConvertible {
  /// The errors; at least one.
  public var diagnostics: [Diagnostic]

  /// The errors' texts, a line break between them.
  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}

/// A pipeline file that has been read and found right.
public struct PipelineDocument: Sendable {
  /// The expanded pipeline. Its name is the file's without its ending, its base directory the file's folder.
  public var plan: Plan
  /// The `description` of the file, or of the nearest file that it extends and that has one.
  public var description: String?
  /// The file and those that it extends, nearest first, with the digests of the bytes that were read.
  public var files: [ExternalFile]
  /// The values of the file's own parameters, `--set` options applied.
  public var parameters: [String: Value]
  /// Why values of its parameters and axes are what they are, by name.
  public var notes: [String: String]
  /// What a run leaves in folders of the user's.
  public var publications: [Publication]
  /// Where the values of its parameters and axes are written.
  public var places: ParameterPlaces
  /// What is right and yet may not be meant, sorted by place.
  public var warnings: [Diagnostic]
}

/// Reads pipeline files. `docs/pipeline-file.md` describes the format.
public enum PipelineFile {
  /// Reads a pipeline file and those that it extends, applies `--set` options and plans.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - stages: The stage types by name.
  ///   - overrides: `KEY=VALUE` options; of two with one key, the later one holds.
  ///   - hashFile: Gives the digest of an external file that some stage reads. Its argument is a path that can be
  ///     opened: the folder of the pipeline file, a slash, and the path as the file writes it.
  ///   - ask: Answers what a stage tracks; without it each answer is empty.
  /// - Throws: All errors that can be found.
  public static func load(
    path: String, stages: [String: StageDeclaration], overrides: [String] = [],
    hashFile: (String) throws -> Digest,
    ask: (TrackedQuestion) throws -> TrackedOutput = {
      TrackedOutput(command: [$0.program], said: "")
    }
  ) throws(PipelineFileErrors) -> PipelineDocument {
    let text: String
    do {
      text = try FileReading.text(of: path)
    } catch {
      throw PipelineFileErrors(diagnostics: [Diagnostic("can't read '\(path)': \(error)", at: nil)])
    }
    let home = FileHome(of: path, workingDirectory: FileReading.workingDirectory())
    return try plan(
      text: text, home: home, stages: stages, overrides: overrides, readFile: FileReading.text(of:),
      hashFile: hashFile, ask: ask)
  }

  /// Plans from a text. The same as `load`, with files read by a closure.
  public static func parse(
    text: String, name: String, stages: [String: StageDeclaration], overrides: [String] = [],
    readFile: (String) throws -> String, hashFile: (String) throws -> Digest,
    ask: (TrackedQuestion) throws -> TrackedOutput = {
      TrackedOutput(command: [$0.program], said: "")
    }
  ) throws(PipelineFileErrors) -> PipelineDocument {
    try plan(
      text: text, home: FileHome(of: name), stages: stages, overrides: overrides, readFile: readFile,
      hashFile: hashFile, ask: ask)
  }

  private static func plan(
    text: String, home: FileHome, stages: [String: StageDeclaration], overrides: [String],
    readFile: (String) throws -> String, hashFile: (String) throws -> Digest,
    ask: (TrackedQuestion) throws -> TrackedOutput
  ) throws(PipelineFileErrors) -> PipelineDocument {
    let problems = Problems()
    let document = withoutActuallyEscaping(readFile) { readFile in
      withoutActuallyEscaping(hashFile) { hashFile in
        withoutActuallyEscaping(ask) { ask in
          read(
            text, home, stages, overrides, problems, readFile: readFile, hashFile: hashFile,
            ask: ask)
        }
      }
    }
    guard let document, problems.isEmpty else { throw problems.errors }
    return document
  }

  /// What a pipeline is called: the file's name without folders and its last ending.
  public static func name(ofFile path: String) -> String { FilePath.baseName(of: path) }

  /// The JSON Schema (draft 2020-12) of pipeline files with these stage types. It knows nothing of names, so a
  /// file that it accepts may yet be wrong; a file that it refuses is refused by `load`, apart from a bare
  /// `${name}` within `{…}`, which other readers of YAML do not know.
  public static func schema(stages: [String: StageDeclaration]) -> String {
    SchemaWriter(stages: stages.values.sorted { $0.name < $1.name }).schema().value.indented() + "\n"
  }

  private static func read(
    _ text: String, _ home: FileHome, _ types: [String: StageDeclaration], _ overrides: [String],
    _ problems: Problems, readFile: @escaping (String) throws -> String,
    hashFile: @escaping (String) throws -> Digest, ask: @escaping (TrackedQuestion) throws -> TrackedOutput
  ) -> PipelineDocument? {
    let folder = FilePath.folder(of: home.given)
    var loader = Loader(problems: problems, stages: types, home: home, readFile: readFile)
    guard var merged = loader.load(text: text) else { return nil }
    loader.apply(overrides, to: &merged)
    var scope = Scope(merged, problems)
    let rules = AxisRules(merged, scope: &scope, problems)

    let syntax = merged.stages.entries.compactMap { $0.value }
    if syntax.isEmpty, problems.isEmpty {
      problems.report("the pipeline has no stages", at: merged.stagesPlace ?? merged.place)
    }
    reportUnknownDefaults(merged, types, problems)
    reportUnknownNotes(merged, problems)
    let families = FamilyResolver(syntax, types: types, scope: scope, problems).result
    var binder = StageBinder(problems: problems, families: families, defaults: merged.defaults, scope: scope)
    binder.bind(types: types)
    let order = StageOrder(binder.stages, problems).order
    // Before anything is allocated for each node.
    guard let presence = Presence(binder.stages, order: order, rules: rules, scope: scope, problems),
      Expansion.fits(binder.stages, order: order, scope: scope, presence, problems)
    else { return nil }
    var evaluator = ParameterEvaluator(
      problems: problems, scope: binder.scope, presence: presence, home: home, baseDirectory: folder,
      hashFile: hashFile,
      ask: ask)
    let parameters = binder.stages.enumerated().map { index, stage in
      stage.flatMap { evaluator.evaluate($0, index) }
    }
    guard problems.isEmpty, hasNodes(presence, merged, problems) else { return nil }
    let stages = binder.stages.compactMap { $0 }
    for stage in stages { stage.warnOfIdleAxes(scope, problems) }
    var expansion = Expansion(
      problems: problems, scope: scope, stages: stages, order: order,
      parameters: parameters.compactMap { $0 },
      presence: presence)
    let plan = expansion.plan(name: FilePath.baseName(of: home.path), baseDirectory: folder)
    let publications = Publication.read(merged.publish, of: plan, problems)
    return PipelineDocument(
      plan: plan, description: merged.description?.text, files: loader.files,
      parameters: scope.parameters.compactMapValues { $0 },
      notes: Dictionary(uniqueKeysWithValues: merged.notes.entries.map { ($0.text, $1.text ?? "") }),
      publications: publications,
      places: ParameterPlaces(merged, stages, scope, problems), warnings: problems.warnings)
  }

  /// A plan of nothing is a slip; reports it.
  private static func hasNodes(_ presence: Presence, _ file: FileSyntax, _ problems: Problems) -> Bool {
    guard presence.points.indices.contains(where: presence.hasNodes) else {
      problems.report(
        "no node is left", at: file.stagesPlace ?? file.place,
        notes: presence.omissions.prefix(8).map(\.description))
      return false
    }
    return true
  }

  /// A note on what the file does not have is a slip.
  private static func reportUnknownNotes(_ file: FileSyntax, _ problems: Problems) {
    let known = Set(file.parameters.names + file.defaults.names + file.axes.names)
    for (name, _) in file.notes.entries where !known.contains(name.text) {
      problems.report(
        "there is no parameter or axis '\(name.text.shortened)' to note anything of", at: name.place,
        notes: [suggestion(for: name.text, among: known.sorted(), of: "names")])
    }
  }

  /// A default that no type of stage has a parameter for is a slip; one that no stage of the file takes is not.
  private static func reportUnknownDefaults(
    _ file: FileSyntax, _ types: [String: StageDeclaration], _ problems: Problems
  ) {
    let known = Set(types.values.flatMap { $0.parameters.map(\.name) })
    for (name, _) in file.defaults.entries where !known.contains(name.text) {
      problems.report(
        "no type of stage has a parameter '\(name.text)', so it can't be among the defaults", at: name.place,
        notes: [suggestion(for: name.text, among: known.sorted(), of: "parameters")])
    }
  }
}
