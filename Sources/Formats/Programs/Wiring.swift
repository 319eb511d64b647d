// The three standard streams of a program that is being started, and which descriptors are whose.

import CGlibc
import Glibc

/// The descriptors of one start. Those that only the program needs are closed after it; the far ends of pipes stay if
/// it was started.
struct Wiring {
  var actions = posix_spawn_file_actions_t()
  private var theirs: [Int32] = []
  private var ours: [Int32] = []

  init() { posix_spawn_file_actions_init(&actions) }

  /// Our end of a pipe to the program's standard input, or -1.
  mutating func connect(_ source: Program.Source, of program: String) throws(ProgramError) -> Int32 {
    switch source {
    case .nothing: posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    case .file(let path): posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, path, O_RDONLY, 0)
    case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, STDIN_FILENO)
    case .pipe:
      let ends = try makePipe(for: program)
      posix_spawn_file_actions_adddup2(&actions, ends.read, STDIN_FILENO)
      theirs.append(ends.read)
      ours.append(ends.write)
      return ends.write
    }
    return -1
  }

  /// Our end of a pipe from one of the program's outputs, or -1.
  mutating func connect(
    _ sink: Program.Sink, to stream: Int32, of program: String
  ) throws(ProgramError) -> Int32 {
    switch sink {
    case .nothing: posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0)
    case .file(let path):
      posix_spawn_file_actions_addopen(&actions, stream, path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, stream)
    // Standard output is connected first.
    case .likeOutput: posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, stream)
    case .pipe:
      let ends = try makePipe(for: program)
      posix_spawn_file_actions_adddup2(&actions, ends.write, stream)
      theirs.append(ends.write)
      ours.append(ends.read)
      return ends.read
    }
    return -1
  }

  /// Closed on exec from the start: a program that another thread starts at this moment must not hold it open.
  private func makePipe(for program: String) throws(ProgramError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else {
      throw ProgramError(program, "no pipe: \(String(cString: strerror(errno)))", code: errno)
    }
    return (ends[0], ends[1])
  }

  /// The program runs: our ends are its `Child`'s from now on.
  mutating func keep() { ours = [] }

  mutating func close() {
    for descriptor in theirs + ours { _ = Glibc.close(descriptor) }
    posix_spawn_file_actions_destroy(&actions)
  }
}
