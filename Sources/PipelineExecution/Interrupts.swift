// Ctrl-C and SIGTERM as bytes in a pipe, so that the run loop meets them where it waits.

import Glibc

// A signal handler can reach nothing but globals; this one is written once, before the handlers are installed.
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
    let interrupts = shared
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { number in
        var byte = UInt8(truncatingIfNeeded: number)
        _ = write(interruptPipe, &byte, 1)
      }
    }
    // A reader that went away (`| head`) must not kill the run.
    signal(SIGPIPE, SIG_IGN)
    return interrupts
  }

  /// Whether a signal has come since the last call.
  func taken() -> Bool {
    var byte: UInt8 = 0
    return read(descriptor, &byte, 1) == 1
  }
}
