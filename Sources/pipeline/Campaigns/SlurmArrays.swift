// Pilots as array jobs of SLURM: one array for each class of resources, each task of it a pilot.

import PipelineCore
import PipelineExecution
import Programs

/// Nodes that pilots of one size can do.
struct ResourceClass: Equatable {
  /// Memory of a pilot, in bytes.
  var memory: Int
  /// Devices of a pilot, by counter.
  var counters: [String: Int] = [:]
  /// How many nodes are of this class.
  var nodes = 0
  /// Nodes that need no more than so many bytes are of another class; nil for the common one.
  var beyond: Int?

  /// A run uses this share of what it has.
  private static let usable = 0.8
  /// No more classes, and so no more array jobs, than this.
  private static let most = 20

  /// The classes of some nodes.
  ///
  /// What fits a pilot of the size asked for is the common class. Larger ones get pilots of twice, four times, … the
  /// memory, and those that need devices pilots with as many. Cores are no class: a node takes what it gets.
  static func classes(of needs: [Resources], memory: Int) -> [ResourceClass] {
    let room = Int(Double(memory) * usable)
    var classes = [ResourceClass(memory: memory)]
    func put(_ each: ResourceClass) {
      if let known = classes.firstIndex(where: { $0.memory == each.memory && $0.counters == each.counters }) {
        classes[known].nodes += 1
      } else {
        classes.append(each)
      }
    }
    for need in needs {
      var size = memory
      while Int(Double(size) * usable) < need.memory { size *= 2 }
      let isCommon = size == memory && need.counters.isEmpty
      put(ResourceClass(memory: size, counters: need.counters, nodes: 1, beyond: isCommon ? nil : room))
    }
    let extra = classes.dropFirst().sorted { ($0.memory, $0.nodes) < ($1.memory, $1.nodes) }
    let common = classes[0].nodes > 0 ? [classes[0]] : []
    guard common.count + extra.count > most else { return common + extra }
    // Too many: one pilot that can do all of them.
    var all = extra[0]
    for each in extra.dropFirst() {
      all.memory = max(all.memory, each.memory)
      all.nodes += each.nodes
      all.counters.merge(each.counters, uniquingKeysWith: max)
    }
    return common + [all]
  }
}

/// What an array job of pilots is made of.
struct SlurmArray {
  var campaign: Campaign
  var command: PilotCommandLine
  var folder: String
  var pilots: Int
  var cpus: Int
  /// Seconds; nil for the partition's limit.
  var time: Double?
  var partition: String?
  /// Further options of sbatch, as they are.
  var arguments: [String]

  /// The batch script of a class. The pilot takes the place of the shell, so that signals reach it.
  func script(_ size: ResourceClass) -> String {
    var lines = [
      "#!/bin/sh", "#SBATCH --job-name=\(campaign.id)",
      "#SBATCH --array=1-\(min(pilots, max(1, size.nodes)))",
      "#SBATCH --cpus-per-task=\(cpus)", "#SBATCH --mem=\(size.memory >> 20)M",
      "#SBATCH --output=\(campaign.outputFolder)/%A_%a.log", "#SBATCH --open-mode=append",
      "#SBATCH --requeue", "#SBATCH --chdir=\(folder)",
    ]
    if let time { lines.append("#SBATCH --time=\(Int((time / 60).rounded(.up)))") }
    if let partition { lines.append("#SBATCH --partition=\(partition)") }
    if let gpus = size.counters["gpus"] { lines.append("#SBATCH --gpus-per-task=\(gpus)") }
    lines += arguments.map { "#SBATCH \($0)" }
    var command = command
    if let time { command.options += ["--time", "\(Int(time))s"] }
    if let beyond = size.beyond { command.options += ["--beyond", String(beyond)] }
    for (name, count) in size.counters.sorted(by: { $0.key < $1.key }) where name != "gpus" {
      command.options += ["--resource", "\(name)=\(count)"]
    }
    return (lines + ["exec \(command.text)", ""]).joined(separator: "\n")
  }

  /// Submits a class; returns the job's number.
  func submit(_ size: ResourceClass) throws -> String {
    var program = Program(["sbatch", "--parsable"], input: .pipe, output: .pipe)
    program.directory = folder
    let child = try program.start()
    let (ending, output, _) = child.communicate(Array(script(size).utf8))
    let answer = String(decoding: output, as: UTF8.self).prefix { $0 != ";" && !$0.isNewline }
    guard ending.isSuccess, !answer.isEmpty else {
      throw RoadError(description: "sbatch refused the job; it said why above")
    }
    return String(answer)
  }

  /// How many jobs of a campaign SLURM still has, waiting or at work; nil where it does not answer.
  static func jobs(of campaign: Campaign) -> Int? {
    // Not asked in vain: without its server it takes long to say so.
    guard campaign.batches().contains(where: { $0.via == "slurm" }), Program.find("squeue") != nil,
      let child = try? Program(
        ["squeue", "-h", "-r", "--name", campaign.id, "-o", "%i"], output: .pipe, errors: .nothing
      )
      .start()
    else { return 0 }
    let (ending, output, _) = child.communicate()
    return ending.isSuccess ? output.count { $0 == 0x0A } : nil
  }

  /// Takes a campaign's jobs away.
  static func cancel(_ campaign: Campaign) {
    if Program.find("scancel") != nil { _ = try? Program(["scancel", "--name", campaign.id]).run() }
  }
}
