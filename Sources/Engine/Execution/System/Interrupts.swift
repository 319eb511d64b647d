// Ctrl-C and SIGTERM as bytes in a pipe, so that the run loop meets them where it waits.

import Glibc

// A signal handler can reach nothing but globals; this one is written once, before the handlers are
// installed.
nonisolated(unsafe) private var interruptPipe: Int32 = -1

/// The signals that ask a run to stop.
struct Interrupts {
  /// Readable once a signal has come.
  let descriptor: Int32

  private static let shared: Interrupts = {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return Interrupts(descriptor: -1) }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    interruptPipe = ends[1]
    return Interrupts(descriptor: ends[0])
  }()

  static func install() -> Interrupts {
    openStandardStreams()
    let interrupts = shared
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let previous = signal(number) { number in
        let reason = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(interruptPipe, &byte, 1)
        errno = reason
      }
      // Whoever started the run with `nohup` means it.
      if unsafeBitCast(previous, to: Int.self) == 1 { signal(number, SIG_IGN) }
    }
    // A parent may have started this process from a thread that blocks signals.
    var blocked = sigset_t()
    sigemptyset(&blocked)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&blocked, number) }
    pthread_sigmask(SIG_UNBLOCK, &blocked, nil)
    // A reader that went away (`| head`) must not kill the run. A handler, not "ignore", which workers would
    // inherit.
    signal(SIGPIPE) { _ in }
    return interrupts
  }

  /// Gives a standard stream that the caller has closed to /dev/null; otherwise the next file opened would
  /// get its number, and progress or a library's message would be written into an artifact or a pipe.
  static func openStandardStreams() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
      // The lowest free number is this one, as those below are open.
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// Whether a signal has come since the last call.
  func taken() -> Bool {
    var bytes = [UInt8](repeating: 0, count: 64)
    var any = false
    while read(descriptor, &bytes, bytes.count) > 0 { any = true }
    return any
  }
}
