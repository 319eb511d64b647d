// Runs another program that measures itself, and reads its figures.

import Foundation

/// A program that prints images a second by size.
struct Peer {
  let name: String
  let command: [String]

  /// Images a second by side in pixels, out of lines like `name 56px (17 tokens): 203.4 images/s`.
  func measure() -> [Int: Double] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    let pipe = Pipe()
    process.standardOutput = pipe
    do {
      try process.run()
    } catch {
      fail("\(name): \(command[0]) does not start: \(error.localizedDescription)")
    }
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    var rates: [Int: Double] = [:]
    for line in text.matches(of: #/ ([0-9]+)px .*: ([0-9.]+) images\/s/#) {
      if let pixels = Int(line.1), let rate = Double(line.2) { rates[pixels] = rate }
    }
    guard process.terminationStatus == 0, !rates.isEmpty else {
      fail(
        "\(name): \(command.joined(separator: " ")) exited with \(process.terminationStatus) and no figures")
    }
    return rates
  }
}
