// Signals to a run as bytes in a pipe, so that the run loop meets them where it waits.

import Glibc

// A signal handler can reach nothing but globals; this one is written once, before the handlers are
// installed.
nonisolated(unsafe) private var interruptPipe: Int32 = -1

/// The signals by which a user or a batch system asks something of a run.
package struct Interrupts {
  /// What is asked.
  enum Request: Comparable {
    /// Ctrl-Z: stand still with all that runs, until a SIGCONT.
    case suspend
    /// SIGUSR1, by which batch systems say that time is nearly up: start nothing more.
    case finish
    /// SIGTERM: end now, or, as a pilot, soon.
    case terminate
    /// SIGINT, SIGHUP: end now.
    case stop

    init(signal: Int32) {
      switch signal {
      case SIGTSTP: self = .suspend
      case SIGUSR1: self = .finish
      case SIGTERM: self = .terminate
      default: self = .stop
      }
    }
  }

  /// Readable once a signal has come.
  let descriptor: Int32

  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGTSTP]

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
    for number in signals { _ = catchSignal(number) }
    unblock(signals)
    // A reader that went away (`| head`) must not kill the run. A handler, not "ignore", which workers would
    // inherit.
    signal(SIGPIPE) { _ in }
    return interrupts
  }

  /// Lets signals that ask for the end be read from the descriptor that `body` is given, and end nothing. Then all is as
  /// before.
  package static func meeting<R>(_ body: (_ descriptor: Int32) throws -> R) rethrows -> R {
    let descriptor = shared.descriptor
    let before = [SIGINT, SIGTERM, SIGHUP].map { ($0, catchSignal($0)) }
    unblock(before.map(\.0))
    defer { for (number, handler) in before { signal(number, handler) } }
    return try body(descriptor)
  }

  /// Turns a signal into a byte in the pipe; returns what was done with it before.
  private static func catchSignal(_ number: Int32) -> __sighandler_t? {
    let previous = signal(number) { number in
      let reason = errno
      var byte = UInt8(truncatingIfNeeded: number)
      _ = write(interruptPipe, &byte, 1)
      errno = reason
    }
    // Whoever started the run with `nohup` means it, and a shell without job control ignores Ctrl-Z.
    if unsafeBitCast(previous, to: Int.self) == 1 { signal(number, SIG_IGN) }
    return previous
  }

  /// A parent may have started this process from a thread that blocks signals.
  private static func unblock(_ signals: [Int32]) {
    var blocked = sigset_t()
    sigemptyset(&blocked)
    for number in signals { sigaddset(&blocked, number) }
    pthread_sigmask(SIG_UNBLOCK, &blocked, nil)
  }

  /// Gives a standard stream that the caller has closed to /dev/null; otherwise the next file opened would
  /// get its number, and progress or a library's message would be written into an artifact or a pipe.
  static func openStandardStreams() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(stream, F_GETFD) < 0 {
      // The lowest free number is this one, as those below are open.
      _ = open("/dev/null", O_RDWR)
    }
  }

  /// The most urgent of what was asked since the last call.
  func taken() -> Request? {
    var bytes = [UInt8](repeating: 0, count: 64)
    var most: Request?
    while true {
      let got = read(descriptor, &bytes, bytes.count)
      guard got > 0 else { return most }
      for byte in bytes[..<got] {
        let request = Request(signal: Int32(byte))
        most = most.map { max($0, request) } ?? request
      }
    }
  }
}
