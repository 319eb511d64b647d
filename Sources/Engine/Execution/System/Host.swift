// This host and its processes: names that tell boots and namespaces apart, clocks, and the ending of sessions.

import Glibc
import PipelineCore

extension POSIX {
  /// Kills all processes of some sessions but one. A program may leave its process group, as those that
  /// Foundation starts do, and its parent may be gone; the session still tells whose it is.
  static func killSessions(_ sessions: Set<pid_t>, sparing own: pid_t = 0) {
    // Again, as long as there are some: one may have been starting another.
    for _ in 0..<10 where signalSessions(sessions, SIGKILL, sparing: own) == 0 { return }
  }

  /// Sends a signal to all living processes of some sessions but one; returns how many there were.
  @discardableResult
  static func signalSessions(_ sessions: Set<pid_t>, _ signal: Int32, sparing own: pid_t = 0) -> Int {
    guard !sessions.isEmpty else { return 0 }
    return list("/proc").count { name in
      guard let process = pid_t(name), process != own,
        let bytes = (try? read("/proc/\(process)/stat")) ?? nil, let end = bytes.lastIndex(of: 0x29)
      else { return false }
      // After the name: state, parent, group, session.
      let fields = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ", maxSplits: 4)
      guard fields.count > 4, fields[0] != "Z", let session = pid_t(fields[3]), sessions.contains(session)
      else { return false }
      return kill(process, signal) == 0
    }
  }

  static let hostName: String = {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, 255)
    return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }()

  /// Where a process number means anything: one boot of one machine, and one process namespace in it. Two
  /// containers may well share a host name.
  static let scope: String = {
    let boot = ((try? read("/proc/sys/kernel/random/boot_id")) ?? nil) ?? []
    var buffer = [UInt8](repeating: 0, count: 64)
    let length = buffer.withUnsafeMutableBytes {
      readlink("/proc/self/ns/pid", $0.baseAddress!.assumingMemoryBound(to: CChar.self), 64)
    }
    return String(Digest(of: Array(hostName.utf8) + boot + buffer.prefix(max(0, length))).hex.prefix(12))
  }()

  /// This boot of this host; a constant where the system does not tell boots apart.
  static let boot = Digest(of: ((try? read("/proc/sys/kernel/random/boot_id")) ?? nil) ?? [])

  /// Seconds on a clock that nobody sets.
  static var monotonicSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Universal time as `2026-11-23T17:02:19Z`.
  static func timestamp(_ seconds: Int = time(nil)) -> String {
    var seconds = time_t(seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func pad(_ number: Int32, _ width: Int = 2) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    return "\(pad(parts.tm_year + 1900, 4))-\(pad(parts.tm_mon + 1))-\(pad(parts.tm_mday))"
      + "T\(pad(parts.tm_hour)):\(pad(parts.tm_min)):\(pad(parts.tm_sec))Z"
  }
}

/// The machine that this process runs on.
public enum Machine {
  /// The name of its processor, as Linux tells it; nil where it does not.
  public static let processor: String? = {
    // Of the first core: the list of all is long on a large machine.
    guard let file = fopen("/proc/cpuinfo", "re") else { return nil }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 512)
    while fgets(&buffer, Int32(buffer.count), file) != nil {
      let line = buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      if line == "\n" { return nil }
      guard line.hasPrefix("model name"), let colon = line.firstIndex(of: ":") else { continue }
      return line[line.index(after: colon)...].split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    return nil
  }()
}
