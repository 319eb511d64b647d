// Starts a program with exactly the arguments and environment given, without a shell.

import Glibc
import PipelineCore

/// How a program ended.
struct ProgramEnding {
  /// The exit status, if it exited.
  var status: Int32?
  /// The signal, if one ended it.
  var signal: Int32?
}

/// Runs a program to its end. Its output goes where this process's standard error goes; its input is empty.
///
/// The program stays in the worker's process group, so that whoever ends the worker ends the program too.
func runProgram(_ arguments: [String], environment: [String: String], directory: String) throws
  -> ProgramEnding
{
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)

  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  // A worker ignores these; a program is used to their default.
  var defaults = sigset_t()
  sigemptyset(&defaults)
  sigaddset(&defaults, SIGINT)
  sigaddset(&defaults, SIGPIPE)
  posix_spawnattr_setsigdefault(&attributes, &defaults)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))

  // A worker runs one task at a time and has no other use for its folder.
  guard chdir(directory) == 0 else {
    throw StageFailure("can't enter \(directory): \(String(cString: strerror(errno)))")
  }
  defer { _ = chdir("/") }

  let argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
  let envp: [UnsafeMutablePointer<CChar>?] =
    environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") } + [nil]
  defer { (argv + envp).forEach { free($0) } }
  var id: pid_t = 0
  let code = posix_spawnp(&id, arguments[0], &actions, &attributes, argv, envp)
  guard code == 0 else {
    throw StageFailure("can't start \(arguments[0]): \(String(cString: strerror(code)))", kind: .unavailable)
  }
  var status: Int32 = 0
  while waitpid(id, &status, 0) < 0, errno == EINTR {}
  let signal = status & 0x7F
  return signal == 0 ? ProgramEnding(status: status >> 8 & 0xFF) : ProgramEnding(signal: signal)
}
