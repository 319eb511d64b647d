// The parameters of the stage `command`, and what can be wrong with them before anything runs.

import PipelineCore

extension CommandStage {
  static let argv = Parameter(
    "argv", .list(.string), "the program and its arguments; no shell is involved unless it is named here")
  static let environment = Parameter(
    "environment", .map(.string), default: [:],
    "variables besides PATH, HOME, LANG=C.UTF-8 and OMP_NUM_THREADS")
  static let pass = Parameter(
    "pass", .list(.string), default: [], changesResult: false,
    "names of variables of the caller that reach the program; their values are kept nowhere")
  static let files = Parameter(
    "files", .list(.string), default: [],
    "files and folders of the project that the program reads, such as its script; copied to the same relative path"
  )
  static let outputs = Parameter(
    "outputs", .list(.string),
    "what it makes, relative to its folder: files, folders (`plots/`), patterns (`*.csv`)")
  static let optional = Parameter(
    "optional", .list(.string), default: [], "like `outputs`, but what is not there is no failure")
  static let metrics = Parameter(
    "metrics", .optional(.string), default: nil,
    "the file of `outputs` with figures by name: a JSON object, or CSV of a header and a row")
  static let stdout = Parameter(
    "stdout", .optional(.string), default: nil, "the file of `outputs` that takes its standard output")
  static let stdin = Parameter(
    "stdin", .optional(.string), default: nil,
    "the file that is its standard input: an input or one of `files`")
  static let retries = Parameter(
    "retries", .integer(0...100), default: 0, changesResult: false,
    "how often it is tried again after it failed")
  static let cores = Parameter(
    "cores", .integer(1...4096), default: 1, changesResult: false, "how many cores it can use")
  static let memory = Parameter(
    "memory", .integer(1...(1 << 30)), default: 256, changesResult: false, "how much memory it needs, in MB")

  static let track = Parameter(
    "track", TrackedProgram.form, default: [], changesResult: false,
    "what decides the result, too: `program`, the file of the program itself, and programs with arguments whose words do: [[python3, --version]]"
  )
  static let resources = Parameter(
    "resources", .map(.integer(0...1_000_000)), default: [:], changesResult: false,
    "how many it needs of what the machine has a number of, by name, such as `gpus: 1`")

  /// What is wrong with a node's parameters, each of which is of its type.
  static func problem(_ parameters: ParameterValues) -> ParameterProblem? {
    do {
      _ = try ProgramOrder(parameters)
      return nil
    } catch {
      guard let problem = error as? ParameterProblem else { preconditionFailure("\(error)") }
      return problem
    }
  }
}

/// What is to be run on what, and what is to come of it: the parameters of a node, checked against each other.
struct ProgramOrder {
  let arguments: [String]
  let environment: [String: String]
  let pass: [String]
  let files: [ProgramPath]
  /// `outputs` and `optional`.
  let outputs: [OutputPattern]
  let stdin: ProgramPath?
  let stdout: ProgramPath?
  let metrics: ProgramPath?
  let retries: RetryRule
  /// Seconds after which a try is ended; nil for never.
  let limit: Double?

  init(_ parameters: ParameterValues) throws {
    arguments = try Self.arguments(parameters[CommandStage.argv])
    environment = parameters[CommandStage.environment]
    pass = parameters[CommandStage.pass]
    retries = try RetryRule(parameters)
    limit = parameters[CommandStage.attemptTimeout]
    try Self.checkVariables(environment, pass)
    try Self.checkTracked(parameters[CommandStage.track])
    try Self.checkCounters(parameters[CommandStage.resources])
    files = try Self.files(parameters[CommandStage.files])
    outputs = try Self.outputs(parameters)
    try Self.checkApart(outputs, files)
    stdout = try Self.file(parameters[CommandStage.stdout], CommandStage.stdout)
    if let stdout, !outputs.contains(where: { $0.kind != .pattern && $0.path.contains(stdout) }) {
      throw ParameterProblem(CommandStage.stdout, "'\(stdout.text)' is none of 'outputs'; add it there")
    }
    stdin = try Self.file(parameters[CommandStage.stdin], CommandStage.stdin)
    if let stdin, !stdin.isInput, !files.contains(where: { $0.contains(stdin) }) {
      throw ParameterProblem(
        CommandStage.stdin,
        "'\(stdin.text)' can't be there: it is neither below \(ProgramPath.inputs)/ nor one of 'files'")
    }
    metrics = try Self.file(parameters[CommandStage.metrics], CommandStage.metrics)
    if let metrics { try Self.checkMetrics(metrics, outputs) }
  }

  private static func arguments(_ arguments: [String]) throws -> [String] {
    guard let program = arguments.first else {
      throw ParameterProblem(CommandStage.argv, "it needs at least the program")
    }
    if program.isEmpty { throw ParameterProblem(CommandStage.argv, "the program's name is empty") }
    if let position = arguments.firstIndex(where: { $0.utf8.contains(0) }) {
      throw ParameterProblem(
        CommandStage.argv, "argument \(position) has a NUL byte in it, which would end it for the program")
    }
    return arguments
  }

  private static func checkVariables(_ declared: [String: String], _ passed: [String])
    throws
  {
    func check(_ name: String, _ parameter: some DeclaredParameter) throws {
      guard !name.isEmpty, !name.utf8.contains(0), !name.utf8.contains(UInt8(ascii: "=")) else {
        throw ParameterProblem(parameter, "'\(name)' can't be the name of a variable")
      }
    }
    for (name, value) in declared.sorted(by: { $0.key < $1.key }) {
      try check(name, CommandStage.environment)
      if value.utf8.contains(0) {
        throw ParameterProblem(CommandStage.environment, "the value of '\(name)' has a NUL byte in it")
      }
    }
    for name in passed {
      try check(name, CommandStage.pass)
      if declared[name] != nil {
        throw ParameterProblem(CommandStage.pass, "'\(name)' has its value from 'environment' already")
      }
    }
  }

  private static func checkTracked(_ tracked: [TrackedProgram]) throws {
    for case .words(let command) in tracked where command.first?.isEmpty != false {
      throw ParameterProblem(CommandStage.track, "each of its lists needs at least the program")
    }
    guard tracked.count(where: { $0 == .itself }) <= 1 else {
      throw ParameterProblem(CommandStage.track, "'\(TrackedProgram.word)' stands twice; once is enough")
    }
  }

  private static func checkCounters(_ counters: [String: Int]) throws {
    for name in counters.keys.sorted() {
      func isLetter(_ byte: UInt8) -> Bool { byte < 0x80 && Character(UnicodeScalar(byte)).isLetter }
      func isPart(_ byte: UInt8) -> Bool { isLetter(byte) || (0x30...0x39).contains(byte) || byte == 0x5F }
      guard name.utf8.allSatisfy(isPart), name.utf8.first.map(isLetter) == true else {
        throw ParameterProblem(
          CommandStage.resources,
          "'\(name)' can't name a resource; a name is a letter, then letters, digits and _")
      }
    }
  }

  private static func files(_ texts: [String]) throws -> [ProgramPath] {
    var paths: [ProgramPath] = []
    for text in texts {
      let path = try path(text, CommandStage.files, ProgramPath.init(ofFile:))
      if path.isInput {
        throw ParameterProblem(
          CommandStage.files, "'\(text)' would stand among the node's inputs; give its folder another name")
      }
      paths.append(path)
    }
    try checkOverlaps(paths, CommandStage.files)
    return paths
  }

  private static func outputs(_ parameters: ParameterValues) throws -> [OutputPattern] {
    guard !parameters[CommandStage.outputs].isEmpty else {
      throw ParameterProblem(CommandStage.outputs, "it needs at least one file, or nothing would be kept")
    }
    var outputs: [OutputPattern] = []
    for (parameter, isOptional) in [(CommandStage.outputs, false), (CommandStage.optional, true)] {
      for text in parameters[parameter] {
        outputs.append(try pattern(text, isOptional: isOptional, parameter))
      }
      try checkOverlaps(outputs.map(\.path), parameter) {
        $0.steps.contains(where: OutputPattern.hasWildcard)
      }
    }
    return outputs
  }

  /// Reads the path of a file that may not be named at all.
  private static func file(
    _ text: String?, _ parameter: some DeclaredParameter
  ) throws -> ProgramPath? {
    guard let text else { return nil }
    let path = try path(text, parameter)
    guard !path.isFolder else {
      throw ParameterProblem(parameter, "'\(text)' is a folder, and a file is wanted")
    }
    return path
  }

  private static func path(
    _ text: String, _ parameter: some DeclaredParameter,
    _ read: (String) throws -> ProgramPath = { try ProgramPath($0) }
  ) throws -> ProgramPath {
    do {
      return try read(text)
    } catch let problem as ProgramPath.Problem {
      throw ParameterProblem(parameter, "'\(text)' \(problem.message)")
    }
  }

  private static func pattern(
    _ text: String, isOptional: Bool, _ parameter: some DeclaredParameter
  ) throws -> OutputPattern {
    do {
      return try OutputPattern(text, isOptional: isOptional)
    } catch let problem as ProgramPath.Problem {
      throw ParameterProblem(parameter, "'\(text)' \(problem.message)")
    }
  }

  private static func checkOverlaps(
    _ paths: [ProgramPath], _ parameter: some DeclaredParameter,
    isPattern: (ProgramPath) -> Bool = { _ in false }
  ) throws {
    guard let (outer, inner) = paths.overlap(isPattern: isPattern) else { return }
    let isSame = outer.steps.count == inner.steps.count
    throw ParameterProblem(
      parameter,
      isSame
        ? "'\(inner.text)' is named twice; once is enough"
        : "'\(inner.text)' lies in '\(outer.text)', which is named too; take one of them out")
  }

  /// What is an output must not have been laid there: the program might have left it as it was.
  private static func checkApart(_ outputs: [OutputPattern], _ files: [ProgramPath]) throws {
    for output in outputs where output.kind != .pattern {
      guard let file = files.first(where: { $0.contains(output.path) || output.path.contains($0) }) else {
        continue
      }
      throw ParameterProblem(
        output.isOptional ? CommandStage.optional : CommandStage.outputs,
        "'\(output.path.description)' and '\(file.text)' of 'files' are in one place; "
          + "a file that the program reads is no output of it")
    }
  }

  private static func checkMetrics(_ path: ProgramPath, _ outputs: [OutputPattern]) throws {
    guard outputs.contains(where: { $0.kind == .file && !$0.isOptional && $0.path.contains(path) }) else {
      throw ParameterProblem(
        CommandStage.metrics, "'\(path.text)' is none of the files of 'outputs'; add it there")
    }
    guard MetricsFile.Format(path) != nil else {
      throw ParameterProblem(CommandStage.metrics, "'\(path.text)' is neither a .json nor a .csv file")
    }
  }
}
