// Runs the PyTorch peer program and reads its rates.

import Foundation

/// A Python with PyTorch and the script that trains with it.
struct Peer {
  let python: String
  let script: String

  init?(python: String?, script: String?) {
    guard let python, let script else { return nil }
    self.python = python
    self.script = script
  }

  /// The sum over `processes` simultaneous runs of the rate in the output line that starts with `match`.
  func rate(_ arguments: [String], processes: Int, match: String) -> Double? {
    if arguments.isEmpty { return nil }
    var running: [(Process, Pipe)] = []
    for _ in 0..<processes {
      let process = Process()
      let pipe = Pipe()
      process.executableURL = URL(filePath: python)
      process.arguments = [script] + arguments
      process.standardOutput = pipe
      guard (try? process.run()) != nil else { return nil }
      running.append((process, pipe))
    }
    var total = 0.0
    for (process, pipe) in running {
      let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      guard
        let line = output.split(separator: "\n").first(where: { $0.hasPrefix(match) }),
        let words = line.split(separator: ": ").last?.split(separator: " "),
        let rate = words.first.flatMap({ Double($0) })
      else { return nil }
      total += rate
    }
    return total
  }
}
