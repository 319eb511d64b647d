// Starts other programs: exactly the arguments and the environment given, no shell, no descriptor but the three.

import CGlibc
import Glibc

/// A program that is to be started.
///
/// Every program that this package starts is started here, so that each has the same manners: signals at their
/// defaults, no descriptor of ours besides the three standard streams, and a clear error where it can't be found.
public struct Program: Sendable {
  /// Where standard input comes from.
  public enum Source: Sendable {
    /// It is empty.
    case nothing
    case descriptor(Int32)
    case file(String)
    /// `Child.input` writes to it.
    case pipe
  }

  /// Where an output goes.
  public enum Sink: Sendable {
    /// It is dropped.
    case nothing
    case descriptor(Int32)
    /// A file that is made, or emptied if there is one.
    case file(String)
    /// `Child.output` or `Child.errors` reads it.
    case pipe
    /// Standard error only: where standard output goes.
    case likeOutput
  }

  /// The variables that the program sees.
  public enum Environment: Sendable {
    /// This process's own, byte for byte, but for these.
    case own(changing: [String: String] = [:])
    /// These and no others.
    case exactly([String: String])
  }

  /// The program's path, or a name to be looked up on the `PATH` of `environment`; then its arguments.
  public var arguments: [String]
  /// The file that is started, whatever the first of `arguments` says; nil if that tells it.
  public var file: String?
  /// What its environment is.
  public var environment: Environment
  /// Where it starts; nil for this process's folder.
  public var directory: String?
  /// Where its standard input comes from.
  public var input: Source
  /// Where its standard output goes.
  public var output: Sink
  /// Where its standard error goes.
  public var errors: Sink
  /// Whether it leads a session of its own: a terminal's Ctrl-C and Ctrl-Z don't reach it, and all that it starts can
  /// be found by the session's number.
  public var leadsSession: Bool

  /// A program; unless told otherwise nothing is fed to it and both outputs go to this process's standard error.
  public init(
    _ arguments: [String], environment: Environment = .own(), directory: String? = nil,
    input: Source = .nothing,
    output: Sink = .descriptor(STDERR_FILENO), errors: Sink = .descriptor(STDERR_FILENO),
    leadsSession: Bool = false
  ) {
    precondition(!arguments.isEmpty, "a program has a name")
    self.arguments = arguments
    self.environment = environment
    self.directory = directory
    self.input = input
    self.output = output
    self.errors = errors
    self.leadsSession = leadsSession
  }

  /// Starts the program.
  public func start() throws(ProgramError) -> Child {
    guard let path = file ?? found() else {
      throw ProgramError(arguments[0], "there is no such program", code: ENOENT)
    }
    let variables = try variables()
    for text in arguments where text.utf8.contains(0) {
      throw ProgramError(arguments[0], "an argument has a NUL byte in it", code: EINVAL)
    }
    var wiring = Wiring()
    defer { wiring.close() }
    let child = (
      input: try wiring.connect(input, of: arguments[0]),
      output: try wiring.connect(output, to: STDOUT_FILENO, of: arguments[0]),
      errors: try wiring.connect(errors, to: STDERR_FILENO, of: arguments[0])
    )
    // After the streams are in place: what this process has open besides, and others that it links, is not the program's.
    posix_spawn_file_actions_addclosefrom_np(&wiring.actions, STDERR_FILENO + 1)
    if let directory { posix_spawn_file_actions_addchdir_np(&wiring.actions, directory) }
    var attributes = Self.attributes(leadsSession: leadsSession)
    defer { posix_spawnattr_destroy(&attributes) }
    var id: pid_t = 0
    let code = withCStrings(arguments.map { Array($0.utf8) }) { argv in
      withCStrings(variables) { envp in
        Self.whenWritten { posix_spawn(&id, path, &wiring.actions, &attributes, argv, envp) }
      }
    }
    guard code == 0 else { throw ProgramError(arguments[0], String(cString: strerror(code)), code: code) }
    wiring.keep()
    return Child(id: id, input: child.input, output: child.output, errors: child.errors)
  }

  /// Starts the program and waits for its end.
  public func run() throws(ProgramError) -> ProgramEnding { try start().wait() }

  /// Starts the program and waits for its end, for some seconds at most; then it is ended with all that it has started, and
  /// the answer is nil.
  public func run(atMost seconds: Double?) throws(ProgramError) -> ProgramEnding? {
    let child = try start()
    guard let seconds else { return child.wait() }
    return child.wait(atMost: seconds)
  }

  /// Tries once more, for a second, where the program's file is open for writing. What this process has written and closed
  /// is still open for a moment in a program that another thread is starting.
  private static func whenWritten(_ start: () -> Int32) -> Int32 {
    for _ in 0..<200 {
      let code = start()
      if code != ETXTBSY { return code }
      usleep(5_000)
    }
    return start()
  }

  /// Signals at their defaults and none blocked: the calling thread may block some, and this process may ignore some,
  /// both of which children inherit. What the user ignores (`nohup` ignores hang-ups) stays ignored.
  private static func attributes(leadsSession: Bool) -> posix_spawnattr_t {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for number in [SIGINT, SIGPIPE, SIGTSTP] { sigaddset(&defaults, number) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    var flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
    // POSIX_SPAWN_SETSID, which the overlay does not show.
    if leadsSession { flags |= 0x80 }
    posix_spawnattr_setflags(&attributes, flags)
    return attributes
  }

  // MARK: Where it is found

  /// The program's file: its name if that has a slash in it, or else the first on the `PATH` that it is given. Nil if
  /// there is none.
  public func found() -> String? {
    // A path is relative to the folder that the program starts in, so only the start can tell.
    if arguments[0].utf8.contains(UInt8(ascii: "/")) { return arguments[0] }
    return switch environment {
    case .own(let changes):
      Self.find(
        arguments[0], path: changes["PATH"] ?? getenv("PATH").map { String(cString: $0) }, in: directory)
    case .exactly(let variables): Self.find(arguments[0], path: variables["PATH"], in: directory)
    }
  }

  /// The program that a name means on a search path, or that a path means; nil if there is none.
  ///
  /// - Parameter directory: Where the program starts, and where relative folders of the search path begin; nil for this
  ///   process's folder.
  public static func find(
    _ name: String, path: String? = getenv("PATH").map { String(cString: $0) }, in directory: String? = nil
  ) -> String? {
    func isProgram(_ found: String) -> Bool {
      var info = stat()
      let file = found.hasPrefix("/") ? found : (directory ?? ".") + "/" + found
      return stat(file, &info) == 0 && info.st_mode & S_IFMT == S_IFREG && access(file, X_OK) == 0
    }
    if name.utf8.contains(UInt8(ascii: "/")) { return isProgram(name) ? name : nil }
    let folders = (path ?? "/usr/local/bin:/usr/bin:/bin").split(
      separator: ":", omittingEmptySubsequences: false)
    return folders.lazy.map { $0.isEmpty ? "./\(name)" : "\($0)/\(name)" }.first(where: isProgram)
  }

  /// `NAME=VALUE` entries, sorted where the order is ours.
  private func variables() throws(ProgramError) -> [[UInt8]] {
    let declared: [String: String]
    var entries: [[UInt8]] = []
    switch environment {
    case .exactly(let variables): declared = variables
    case .own(let changes):
      declared = changes
      let replaced = Set(changes.keys.map { Array($0.utf8) })
      var entry = environ
      while let variable = entry.pointee {
        entry += 1
        let bytes = Array(UnsafeRawBufferPointer(start: variable, count: strlen(variable)))
        if !replaced.contains(Array(bytes.prefix { $0 != UInt8(ascii: "=") })) { entries.append(bytes) }
      }
    }
    for (name, value) in declared.sorted(by: { $0.key < $1.key }) {
      let bytes = Array("\(name)=\(value)".utf8)
      if bytes.contains(0) || name.isEmpty || name.contains("=") {
        throw ProgramError(
          arguments[0], "the environment variable '\(name)' can't be passed on", code: EINVAL)
      }
      entries.append(bytes)
    }
    return entries
  }
}

/// Why a program could not be started.
public struct ProgramError: Error, Sendable, CustomStringConvertible {
  /// The program.
  public var program: String
  /// What was in the way.
  public var reason: String
  /// `errno`.
  public var code: Int32

  init(_ program: String, _ reason: String, code: Int32) {
    self.program = program
    self.reason = reason
    self.code = code
  }

  /// `can't start gzip: there is no such program`.
  public var description: String { "can't start \(program): \(reason)" }
}

/// How a program ended.
public enum ProgramEnding: Sendable, Hashable {
  case exited(status: Int32)
  case signalled(Int32)

  /// Reads what `waitpid` says.
  init(waitStatus status: Int32) {
    let signal = status & 0x7F
    self = signal == 0 ? .exited(status: status >> 8 & 0xFF) : .signalled(signal)
  }

  /// Whether it was ended by a signal by which a user or a batch system asks for an end, so by no fault of its own.
  public var wasAskedToEnd: Bool {
    guard case .signalled(let signal) = self else { return false }
    return [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2].contains(signal)
  }

  /// Whether it exited with status 0.
  public var isSuccess: Bool { self == .exited(status: 0) }
}

private func withCStrings<R>(
  _ strings: [[UInt8]], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
  let copies: [UnsafeMutablePointer<CChar>?] =
    strings.map { text in
      (text + [0]).withUnsafeBytes { strdup($0.baseAddress!.assumingMemoryBound(to: CChar.self)) }
    }
    + [nil]
  defer { copies.forEach { free($0) } }
  return body(copies)
}
