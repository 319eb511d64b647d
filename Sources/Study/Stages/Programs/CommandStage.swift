// The stage `command`: any external program as a cached node, in a folder of its own.

import Artifacts
import Foundation
import Glibc
import PipelineCore
import Programs
import Synchronization

/// Runs a program on files and keeps the files that it makes.
public enum CommandStage: Stage {
  static let argv = Parameter(
    "argv", .list(.string), "the program and its arguments; no shell is involved unless it is named here")
  static let environment = Parameter(
    "environment", .map(.string), default: [:],
    "variables besides PATH, HOME, LANG=C.UTF-8 and OMP_NUM_THREADS")
  static let files = Parameter(
    "files", .list(.string), default: [],
    "files beside the pipeline file that the program reads, such as its script; found at the same relative path"
  )
  static let outputs = Parameter("outputs", .list(.string), "the files that it makes, relative to its folder")
  static let cores = Parameter(
    "cores", .integer(1...4096), default: 1, changesResult: false, "how many cores it can use")
  static let memory = Parameter(
    "memory", .integer(1...(1 << 30)), default: 256, changesResult: false, "how much memory it needs, in MB")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "command", version: 1,
    summary: "runs an external program and keeps the files that it makes",
    parameters: [argv, environment, files, outputs, cores, memory],
    takesAnyInput: true,
    datasets: CommandArtifact.datasets, attributes: CommandArtifact.attributes,
    resources: { Resources(cores: $0[cores], memory: $0[memory] << 20) },
    externalFiles: { $0[files] },
    check: { parameters in
      if parameters[argv].isEmpty {
        return ParameterProblem(argv, "'argv' needs at least the program")
      }
      if parameters[outputs].isEmpty {
        return ParameterProblem(outputs, "'outputs' needs at least one file, or nothing would be kept")
      }
      for path in parameters[outputs] where !isInside(path) {
        return ParameterProblem(outputs, "'\(path)' is not a relative path inside the program's folder")
      }
      return nil
    })

  /// Runs the program in `task.scratch`, where inputs stand under `inputs/SLOT`.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let folder = task.scratch
    try makeFolder(folder)
    for (slot, inputs) in task.inputs {
      for input in inputs {
        let place = inputs.count == 1 ? "inputs/\(slot)" : "inputs/\(slot)/\(input.node)"
        try lay(input, at: folder + "/" + place)
      }
    }
    for path in task.parameters[files] {
      try makeParent(of: folder + "/" + path)
      try FileManager.default.copyItem(atPath: task.file(path), toPath: folder + "/" + path)
    }
    for path in task.parameters[outputs] { try makeParent(of: folder + "/" + path) }

    var environment = ["LANG": "C.UTF-8", "OMP_NUM_THREADS": String(task.threads)]
    for name in ["PATH", "HOME"] { environment[name] = getenv(name).map { String(cString: $0) } }
    environment.merge(task.parameters[Self.environment]) { _, declared in declared }
    let arguments = task.parameters[argv]
    try Program(arguments, environment: .exactly(environment), directory: folder).runWell()

    var artifact = try ArtifactWriter<CommandArtifact>(task)
    for path in task.parameters[outputs].sorted() {
      guard let bytes = FileManager.default.contents(atPath: folder + "/" + path) else {
        throw StageFailure("\(arguments[0]) exited well but did not make its output \(path)")
      }
      try artifact.write(\.files.all[path], [UInt8](bytes))
    }
    return try artifact.finish()
  }

  /// Puts an input in its place: the files of another command as files, any other artifact as the HDF5 file itself.
  private static func lay(_ input: TaskInput, at place: String) throws {
    guard input.stage == declaration.name else {
      try makeParent(of: place)
      return try FileManager.default.createSymbolicLink(atPath: place, withDestinationPath: input.path)
    }
    if let last = lastFiles.withLock({ $0 }), last.artifact == input.fileDigest {
      for file in last.files { try lay(file, of: input, in: place) }
      return
    }
    let artifact = try ArtifactReader<CommandArtifact>(atChecked: input.path)
    let sizes = try artifact.sizes(of: \.files.all)
    let isSmall = sizes.values.reduce(0, +) <= 1 << 20
    var files: [KeptFile] = []
    for path in sizes.keys.sorted() {
      let file = KeptFile(path: path, bytes: try artifact.read(\.files.all[path]))
      try lay(file, of: input, in: place)
      if isSmall { files.append(file) }
    }
    if isSmall { lastFiles.withLock { $0 = (input.fileDigest, files) } }
  }

  /// The files of the small artifact that this process has read last: many nodes often take the same one.
  private static let lastFiles = Mutex<(artifact: Digest, files: [KeptFile])?>(nil)

  private static func lay(_ file: KeptFile, of input: TaskInput, in place: String) throws {
    // The artifact was checked against its record, but where it writes is checked all the same.
    guard isInside(file.path) else {
      throw StageFailure("\(input.path) holds a file outside its folder: \(file.path)")
    }
    try makeParent(of: place + "/" + file.path)
    try write(file.bytes, to: place + "/" + file.path)
  }

  /// Writes a file of the program's folder. Foundation would wait for the disk, for a file that is gone in a moment.
  private static func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("create", path) }
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        defer { close(descriptor) }
        throw failure("write", path)
      }
      done += count
    }
    guard close(descriptor) == 0 else { throw failure("write", path) }
  }

  private static func failure(_ operation: String, _ path: String) -> StageFailure {
    StageFailure("can't \(operation) \(path): \(String(cString: strerror(errno)))")
  }

  private static func makeParent(of path: String) throws {
    if let slash = path.lastIndex(of: "/") { try makeFolder(String(path[..<slash])) }
  }

  /// Makes a folder and those above it.
  private static func makeFolder(_ path: String) throws {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    guard errno == ENOENT else { throw failure("create the folder", path) }
    try makeParent(of: path)
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw failure("create the folder", path) }
  }

  /// Whether a relative path stays in the folder that it is relative to.
  static func isInside(_ path: String) -> Bool {
    let (dot, slash) = (UInt8(ascii: "."), UInt8(ascii: "/"))
    return !path.utf8.contains(0)
      && path.utf8.split(separator: slash, omittingEmptySubsequences: false).allSatisfy { part in
        part.count > 2 || part.contains { $0 != dot }
      }
  }
}
