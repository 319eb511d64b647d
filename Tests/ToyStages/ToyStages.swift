// Stages that add integers and write small text files, so that the engine is tested without any science.

import Foundation
import Glibc
import PipelineCore
import Programs

/// Parameters that all toy stages have: where to write down that they ran, and for how long to work.
private enum Common {
  static let log = Parameter(
    "log", .string, default: "", changesResult: false, "a file that gets a line at start and end")
  static let seconds = Parameter(
    "seconds", .number(0...), default: 0, changesResult: false, "how long to work")
  static let cores = Parameter(
    "cores", .integer(1...64), default: 1, changesResult: false, "cores it can use")
  static let memory = Parameter(
    "memory", .integer(0...), default: 1 << 20, changesResult: false, "memory it needs")

  static let all: [any DeclaredParameter] = [log, seconds, cores, memory]

  static func needs(_ parameters: ParameterValues) -> Resources {
    Resources(cores: parameters[cores], memory: parameters[memory])
  }
}

/// Does what all toy stages do: writes the log, works for a while, writes the value.
private func produce(
  _ task: StageTask, _ context: some StageContext, padding: Int = 0, _ value: () throws -> Int
) throws -> Digest {
  note("start", task)
  defer { note("end", task) }
  let seconds = task.parameters[Common.seconds]
  if seconds > 0 { usleep(UInt32(seconds * 1e6)) }
  let text = "\(try value())\n" + String(repeating: "x", count: padding)
  try Data(text.utf8).write(to: URL(fileURLWithPath: task.output))
  return Digest(of: text.utf8)
}

/// A line `start KEY PID CLOCK THREADS MEMORY NODE`, by one append.
private func note(_ event: String, _ task: StageTask) {
  let path = task.parameters[Common.log]
  guard !path.isEmpty else { return }
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  let clock = Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  let line = "\(event) \(task.key.hex) \(getpid()) \(clock) \(task.threads) \(task.memory) \(task.node)\n"
  let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
  _ = write(descriptor, line, line.utf8.count)
  close(descriptor)
}

/// The integer in the first line of a toy artifact.
public func toyValue(ofFile path: String) throws -> Int {
  let text = try String(contentsOfFile: path, encoding: .utf8)
  guard let value = Int(text.prefix { $0 != "\n" }) else { throw StageFailure("\(path) holds no number") }
  return value
}

private func terms(of task: StageTask) throws -> Int {
  try task.inputs.sorted { $0.key < $1.key }.flatMap(\.value).map { try toyValue(ofFile: $0.path) }.reduce(
    0, &+)
}

/// A number.
public enum NumberStage: Stage {
  private static let value = Parameter("value", .integer, default: 0, "the number")
  private static let label = Parameter("label", .string, default: "", "in the key, not in the content")
  private static let padding = Parameter("padding", .integer(0...), default: 0, "bytes besides")

  /// A value, a label that is in the key and not in the content, and padding.
  public static var declaration: StageDeclaration {
    StageDeclaration(
      name: "number", version: 1, summary: "a number",
      parameters: Common.all + [value, label, padding], fileExtension: "txt", resources: Common.needs)
  }
  /// Writes the number.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    try produce(task, context, padding: task.parameters[padding]) { task.parameters[value] }
  }
}

private let offset = Parameter("offset", .integer, default: 0, "added")
private let divisor = Parameter("divisor", .integer(1...1_000_000), default: 1, "by which it is divided")

private func sumDeclaration(version: Int) -> StageDeclaration {
  StageDeclaration(
    name: "sum", version: version, summary: "the sum of its inputs",
    parameters: Common.all + [offset, divisor],
    inputs: [
      InputDeclaration("terms", accepts: [], .many, "numbers"),
      InputDeclaration("more", accepts: [], .many, "numbers"),
    ], fileExtension: "txt", resources: Common.needs)
}

private func sum(_ task: StageTask, _ context: some StageContext) throws -> Digest {
  try produce(task, context) {
    (try terms(of: task) &+ task.parameters[offset]) / task.parameters[divisor]
  }
}

/// The sum of any number of inputs, divided.
public enum SumStage: Stage {
  /// An offset and a divisor.
  public static var declaration: StageDeclaration { sumDeclaration(version: 1) }
  /// Writes the sum.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    try sum(task, context)
  }
}

/// The same under a raised version.
public enum SumStageVersion2: Stage {
  /// An offset and a divisor.
  public static var declaration: StageDeclaration { sumDeclaration(version: 2) }
  /// Writes the sum.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    try sum(task, context)
  }
}

/// The number in a file outside the cache.
public enum ReadStage: Stage {
  private static let path = Parameter("path", .string, "the file, or a folder")
  private static let inside = Parameter("inside", .string, default: "", "the file in that folder")
  private static let label = Parameter("label", .string, default: "", "in the key, not in the content")
  private static let scribble = Parameter(
    "scribble", .boolean, default: false, "whether it writes to the file")

  /// A path relative to the pipeline file.
  public static var declaration: StageDeclaration {
    StageDeclaration(
      name: "read", version: 1, summary: "the number in a file",
      parameters: Common.all + [path, inside, label, scribble], fileExtension: "txt",
      resources: Common.needs, externalFiles: { [$0[path]] })
  }
  /// Writes the number.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    try produce(task, context) {
      let inside = task.parameters[inside]
      let file = task.file(task.parameters[path]) + (inside.isEmpty ? "" : "/" + inside)
      let value = try toyValue(ofFile: file)
      if task.parameters[scribble] { try Data("scribble".utf8).write(to: URL(fileURLWithPath: file)) }
      return value
    }
  }
}

/// A random number.
public enum RandomStage: Stage {
  /// A seed.
  public static var declaration: StageDeclaration {
    StageDeclaration(
      name: "random", version: 1, summary: "a random number", parameters: Common.all, isRandom: true,
      fileExtension: "txt", resources: Common.needs)
  }
  /// Writes the first number of the node's stream.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    try produce(task, context) { Int(task.streamKey % 1_000_003) }
  }
}

/// A stage that misbehaves until a file exists.
public enum TroubleStage: Stage {
  /// How to misbehave.
  private enum Mode: String, CaseIterable {
    case fail, unavailable, crash, kill, exit, hang, flood, noNewline, long, closeOutput, closeErrors, child
    case partial, nothing, scribble, mutter, mutterAndHang, leave, terminate
  }

  private static let mode = Parameter(
    "mode", .choice(Mode.self), default: .fail, changesResult: false, "how")
  private static let until = Parameter(
    "until", .string, default: "", changesResult: false, "the file that ends the trouble")

  /// A way to misbehave, and its end.
  public static var declaration: StageDeclaration {
    StageDeclaration(
      name: "trouble", version: 1, summary: "misbehaves",
      parameters: Common.all + [mode, until],
      inputs: [InputDeclaration("terms", accepts: [], .many, "numbers")], fileExtension: "txt",
      resources: Common.needs)
  }
  /// Misbehaves, or else writes the sum of its inputs.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let marker = task.parameters[until]
    if marker.isEmpty || access(marker, F_OK) != 0 { try misbehave(task, context) }
    return try produce(task, context) { try terms(of: task) }
  }

  private static func say(_ text: String) { _ = write(STDERR_FILENO, text, text.utf8.count) }

  /// Leaves a program behind that would outlive it, writes down its process identifier, and hangs.
  private static func hangWithChild(_ task: StageTask) throws -> Never {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/bin/sleep")
    child.arguments = ["1000"]
    try child.run()
    let line = "\(child.processIdentifier)\n"
    try Data(line.utf8).write(to: URL(fileURLWithPath: task.parameters[Common.log] + ".child"))
    while true { sleep(100) }
  }

  /// Works well, and writes to what it reads, which no stage may do.
  private static func scribble(_ task: StageTask) throws {
    for input in task.inputs.values.joined() {
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: input.path))
      try file.seekToEnd()
      try file.write(contentsOf: Data("scribble".utf8))
    }
    try Data("0\n".utf8).write(to: URL(fileURLWithPath: task.output))
  }

  private static func misbehave(_ task: StageTask, _ context: some StageContext) throws {
    note("start", task)
    switch task.parameters[mode] {
    case .unavailable: throw StageFailure("the server is down", kind: .unavailable)
    case .crash:
      say("about to crash\n")
      signal(SIGSEGV, SIG_DFL)
      raise(SIGSEGV)
    case .kill: raise(SIGKILL)
    case .exit:
      say("giving up")
      exit(7)
    case .hang: while true { sleep(100) }
    case .flood:
      // More than any pipe holds, on both ways out.
      for index in 0..<20_000 { say("noise \(index) \(String(repeating: ".", count: 50))\n") }
      context.log(String(repeating: "m", count: 3 << 20))
    case .noNewline:
      for _ in 0..<64 { say(String(repeating: "n", count: 1 << 14)) }
    case .long: throw StageFailure(String(repeating: "e", count: 1 << 20))
    case .closeOutput:
      // Every descriptor but standard error: the answers' too.
      for descriptor in 3..<Int32(64) { close(descriptor) }
      while true { sleep(100) }
    case .closeErrors: close(STDERR_FILENO)
    case .child: try hangWithChild(task)
    case .partial:
      try Data("12".utf8).write(to: URL(fileURLWithPath: task.output))
      try Data("34".utf8).write(to: URL(fileURLWithPath: task.scratch + "/half"))
      raise(SIGKILL)
    case .nothing: break
    case .mutter:
      for line in 1...25 { say("line \(line)\n") }
      say("last words")
      throw StageFailure("it was told to fail")
    case .mutterAndHang:
      say("half a line")
      while true { sleep(100) }
    case .leave:
      // A program that outlives its parent, in a session of its own, and speaks when the next node runs.
      let talker =
        "(sleep 0.3; echo I AM STILL HERE >&2; sleep 1000) & echo $! > '\(task.parameters[Common.log]).child'"
      _ = try Program(["sh", "-c", talker], leadsSession: true).run()
    case .terminate: raise(SIGTERM)
    case .scribble: try scribble(task)
    case .fail: throw StageFailure("it was told to fail")
    }
  }
}

/// The toy stage types.
public let toyStages = StageRegistry([
  NumberStage.self, SumStage.self, ReadStage.self, RandomStage.self, TroubleStage.self, MemoryStage.self,
])

/// The same with another version of `sum`.
public let toyStagesVersion2 = StageRegistry([
  NumberStage.self, SumStageVersion2.self, ReadStage.self, RandomStage.self, TroubleStage.self,
  MemoryStage.self,
])
