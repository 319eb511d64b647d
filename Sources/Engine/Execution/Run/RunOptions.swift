// What a run may use, how it ended, and what it refuses before it starts.

import PipelineCore

/// How a run is to be carried out.
public struct RunOptions: Sendable {
  /// Cores in use at any time, at most.
  public var jobs: Int
  /// Memory in use at any time by declared needs, in bytes, at most.
  public var memory: Int
  /// Where that figure comes from, in words, unless a user gave it.
  public var memorySource: String?
  /// Whether nodes that don't depend on a failed one still run.
  public var keepGoing: Bool
  /// Seconds after which another process's silent lease may be taken over.
  public var lease: Double
  /// Seconds of work from which on a result is brought to the disk before it is recorded; 0 for all.
  ///
  /// A kill loses nothing that was published, synced or not: the kernel has it, and writes it within half a
  /// minute. A power cut may take what was not synced; that reads as absent, by its size, its record's digest
  /// or its content's, and is made again. A sync waits for all that other nodes wrote meanwhile (a thousand
  /// small results: 6 s), so it is worth its time only for what takes longer to make again.
  public var syncAfter: Double
  /// Whether the folder of a node that fails stays.
  public var keepsScratch: Bool
  /// The devices of each counter that nodes may name as `resources`, such as the numbers of GPUs.
  public var devices: [String: [String]] = [:]
  /// The `--set` options that made the plan, for the run's record.
  public var overrides: [String] = []

  /// Budgets and manners of a run.
  public init(
    jobs: Int, memory: Int, keepGoing: Bool = false, lease: Double = 30, syncAfter: Double = 10,
    keepsScratch: Bool = false
  ) {
    precondition(jobs > 0 && lease > 0, "a run needs a core, and a lease some time")
    self.jobs = jobs
    self.memory = memory
    self.keepGoing = keepGoing
    self.lease = lease
    self.syncAfter = syncAfter
    self.keepsScratch = keepsScratch
  }
}

/// How a run ended.
public struct RunSummary: Sendable {
  /// A failed node.
  public struct Failure: Sendable {
    /// The node.
    public var node: String
    /// Its failure.
    public var failure: StageFailure
    /// The file of all that it printed; nil if it printed nothing.
    public var log: String?
  }
  /// A node that was made once more, though its result was there.
  public struct MadeAgain: Sendable {
    /// The node.
    public var node: NodeID
    /// Whether its result has the same content as before.
    public var isSame: Bool
    /// A second name of its former file, for who compares the two and then removes it; nil where it is the same, and
    /// where the file system has no second names.
    public var former: String?
  }
  /// Nodes that were made once more.
  public var madeAgain: [MadeAgain] = []
  /// Nodes that ran, in the order in which they finished, with their reasons.
  public var ran: [(node: String, reasons: [RunReason])] = []
  /// Nodes whose plan key had an artifact.
  public var fresh = 0
  /// Nodes that need not run after all: their inputs have the contents of an earlier result, or another
  /// process made theirs meanwhile.
  public var cutOff = 0
  /// Nodes that failed.
  public var failures: [Failure] = []
  /// Nodes that failed in other pilots of the campaign.
  public var failedElsewhere: [String] = []
  /// Nodes that could not run because of a failed one.
  public var blocked: [String] = []
  /// How many nodes were left as they were, because the run was interrupted or stopped at the first failure.
  public var notStarted = 0
  /// Whether a signal ended the run.
  public var interrupted = false
  /// Wall time in seconds.
  public var seconds = 0.0

  /// A run that did nothing.
  public init() {}
}

/// A need that the machine's budget can't meet, found before anything runs.
public struct BudgetError: Error, Sendable, CustomStringConvertible {
  /// What needs how much, what there is, and what to do.
  public var description: String
}

/// Bytes as a person reads them: `512 MB`.
public func formatBytes(_ bytes: Int) -> String {
  var value = Double(bytes)
  for unit in ["B", "kB", "MB", "GB"] {
    if value < 1024 || unit == "GB" {
      let tenths = (value * 10).rounded() / 10
      return tenths == tenths.rounded() || tenths >= 100
        ? "\(Int(tenths.rounded())) \(unit)" : "\(tenths) \(unit)"
    }
    value /= 1024
  }
  return "\(bytes) B"
}
