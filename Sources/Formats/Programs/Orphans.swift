// What the programs that this process has started leave behind when they end.

import CGlibc
import Glibc

/// Programs that outlive the one that was waited for.
public enum Orphans {
  /// From now on whatever a program leaves behind becomes this process's child, even if it leads a session of its own.
  public static func adopt() { _ = process_adopt_orphans() }

  /// From now on this process goes on, should it be stopped, when its parent dies.
  public static func goOnWithoutParent() { _ = process_signal_of_parents_death(SIGCONT) }

  /// Ends all children of this process, and theirs, and waits for them. Nobody else may be waiting for one.
  ///
  /// - Returns: How many were still alive. One system call where there are none.
  @discardableResult
  public static func end() -> Int {
    var ended: Set<pid_t> = []
    // Those of a child become ours as it ends. What does not end by a kill (it waits for a dead disk) is left.
    for _ in 0..<1000 {
      var status: Int32 = 0
      let child = waitpid(-1, &status, WNOHANG)
      if child > 0 { continue }
      if child < 0 { break }
      for child in children() where kill(child, SIGKILL) == 0 { ended.insert(child) }
      usleep(200)
    }
    return ended.count
  }

  /// The processes that a process has started, and those that they have, as far as they have not lost their parent.
  static func descendants(of process: pid_t) -> [pid_t] {
    var found: [pid_t] = []
    var open = [process]
    while let next = open.popLast() {
      let inner = children(of: String(next)).filter { !found.contains($0) }
      found += inner
      open += inner
    }
    return found
  }

  /// The children of all threads of a process, `self` for this one.
  private static func children(of process: String = "self") -> [pid_t] {
    guard let threads = opendir("/proc/\(process)/task") else { return [] }
    defer { closedir(threads) }
    var found: [pid_t] = []
    while let entry = readdir(threads) {
      let thread = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard thread.first != ".", let file = fopen("/proc/\(process)/task/\(thread)/children", "re") else {
        continue
      }
      defer { fclose(file) }
      var text = [CChar](repeating: 0, count: 1 << 14)
      while fgets(&text, Int32(text.count), file) != nil {
        let line = text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        found += line.split(separator: " ").compactMap { pid_t($0) }
      }
    }
    return found
  }
}
