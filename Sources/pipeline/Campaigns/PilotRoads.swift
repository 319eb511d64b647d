// How pilots are started on this machine and over ssh: as programs in sessions of their own, which outlive the submit.

import FoundationEssentials
import PipelineExecution
import Programs

/// Where pilots are started.
enum PilotRoad {
  /// So many on this machine.
  case local(Int)
  /// One on each of these hosts.
  case ssh([String])
  case slurm
  /// Nowhere: the command is printed.
  case none

  init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    switch (parts.first, parts.count) {
    case ("local", 2):
      guard let count = Int(parts[1]), (1...10_000).contains(count) else { return nil }
      self = .local(count)
    case ("ssh", 2):
      let hosts = parts[1].split(separator: ",").map(String.init)
      // One that begins with a dash would be an option of ssh.
      guard !hosts.isEmpty, hosts.allSatisfy({ !$0.hasPrefix("-") }) else { return nil }
      self = .ssh(hosts)
    case ("slurm", 1): self = .slurm
    case ("none", 1): self = .none
    default: return nil
    }
  }
}

/// The command of a pilot.
struct PilotCommandLine {
  let campaign: String
  let cache: String
  var options: [String] = []

  var words: [String] {
    [PilotCommand.executable, "run", "--campaign", campaign, "--cache", cache] + options
  }

  /// As a shell takes it.
  var text: String { words.map(PipelineOptions.quoted).joined(separator: " ") }
}

/// Starts pilots on this machine.
enum LocalPilots {
  /// Starts some and returns without waiting for them.
  static func start(_ count: Int, _ command: PilotCommandLine, output: String) throws {
    for number in 1...count {
      let file = "\(output)/local-\(number)-\(UUID().uuidString.prefix(8)).log"
      // The shell ends at once: so no pilot is a child of this process, which may go on to wait.
      let program = Program(
        ["/bin/sh", "-c", "\"$@\" &", "sh"] + command.words, output: .file(file), errors: .likeOutput,
        leadsSession: true)
      let ending = try program.run()
      if !ending.isSuccess { throw RoadError(description: "can't start a pilot: /bin/sh failed") }
    }
  }
}

/// Starts pilots on other hosts, which see the same folders under the same paths.
enum RemotePilots {
  /// What the shell of a host is told.
  static func script(_ command: PilotCommandLine, folder: String, output: String) -> String {
    let file = PipelineOptions.quoted(output)
    return
      "cd \(PipelineOptions.quoted(folder)) && { setsid nohup \(command.text) </dev/null >>\(file) 2>&1 & }"
  }

  /// Starts one on each host; returns those that could not be reached.
  static func start(_ hosts: [String], _ command: PilotCommandLine, folder: String, output: String) throws
    -> [String]
  {
    try hosts.filter { host in
      let name = host.filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
      let script = script(
        command, folder: folder, output: "\(output)/ssh-\(name)-\(UUID().uuidString.prefix(8)).log")
      return try !Program(["ssh", "-o", "BatchMode=yes", host, script]).run().isSuccess
    }
  }
}

/// A road on which no pilot could be sent.
struct RoadError: Error, CustomStringConvertible {
  var description: String
}
