// The cores and the memory of the machine that a run may use, and how much of them is in use.

import PipelineCore

/// What a run has of the machine.
struct Budgets {
  /// A share of it.
  struct Share {
    var cores: Int
    /// In bytes, by the stage's declaration.
    var memory: Int
  }

  private let cores: Int
  private let memory: Int
  private let memorySource: String?
  private var used = Share(cores: 0, memory: 0)

  init(_ options: RunOptions) {
    cores = options.jobs
    memory = options.memory
    memorySource = options.memorySource
  }

  var hasFreeCore: Bool { used.cores < cores }
  var freeMemory: Int { memory - used.memory }

  /// What a node gets: a lone one all the cores that it can use; where others are ready, they share.
  func share(for needs: Resources, otherReady: Int) -> Share {
    Share(cores: max(1, min(needs.cores, (cores - used.cores) / (otherReady + 1))), memory: needs.memory)
  }

  mutating func take(_ share: Share) {
    used.cores += share.cores
    used.memory += share.memory
  }

  mutating func giveBack(_ share: Share) {
    used.cores -= share.cores
    used.memory -= share.memory
  }

  /// Why a node can never run within the budget; nil if it can.
  func excess(of needs: Resources, node: String) -> BudgetError? {
    guard needs.memory > memory else { return nil }
    return BudgetError(
      description: "\(node) needs \(formatBytes(needs.memory)) of memory and the budget is "
        + "\(formatBytes(memory))\(memorySource.map { ", \($0)" } ?? ""); give more with --memory or lower the "
        + "stage's own needs")
  }
}
