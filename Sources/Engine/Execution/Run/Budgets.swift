// The cores, the memory and the devices of the machine that a run may use, and how much of them is in use.

import PipelineCore

/// What a run has of the machine.
struct Budgets {
  /// A share of it.
  struct Share {
    var cores: Int
    /// In bytes, by the stage's declaration.
    var memory: Int
    /// Names of devices, by counter.
    var devices: [String: [String]] = [:]
  }

  private let options: RunOptions
  private var used = Share(cores: 0, memory: 0)
  /// The devices that no node has, by counter, in the order in which they are handed out.
  private var free: [String: [String]]

  init(_ options: RunOptions) {
    self.options = options
    free = options.devices
  }

  var hasFreeCore: Bool { used.cores < options.jobs }

  /// Whether what a node needs is free now, a core aside.
  func hasRoom(for needs: Resources) -> Bool {
    needs.memory <= options.memory - used.memory
      && needs.counters.allSatisfy { name, count in count <= free[name]?.count ?? 0 }
  }

  /// What a node gets: a lone one all the cores that it can use; where others are ready, they share.
  func share(for needs: Resources, otherReady: Int) -> Share {
    Share(
      cores: max(1, min(needs.cores, (options.jobs - used.cores) / (otherReady + 1))), memory: needs.memory,
      devices: Dictionary(
        uniqueKeysWithValues: needs.counters.map { name, count in
          (name, Array((free[name] ?? []).prefix(count)))
        }))
  }

  mutating func take(_ share: Share) {
    used.cores += share.cores
    used.memory += share.memory
    for (name, devices) in share.devices { free[name]?.removeAll { devices.contains($0) } }
  }

  mutating func giveBack(_ share: Share) {
    used.cores -= share.cores
    used.memory -= share.memory
    for (name, devices) in share.devices {
      let kept = (free[name] ?? []) + devices
      free[name] = options.devices[name, default: []].filter(kept.contains)
    }
  }

  /// Why a node can never run within the budget; nil if it can.
  func excess(of needs: Resources, node: String) -> BudgetError? {
    for (name, count) in needs.counters.sorted(by: { $0.key < $1.key }) {
      let there = options.devices[name]?.count ?? 0
      guard count > there else { continue }
      return BudgetError(
        description:
          "\(node) needs \(count) of the resource '\(name)', and there are \(there); say how many there are "
          + "with --resource \(name)=\(count), or lower the stage's own needs")
    }
    guard needs.memory > options.memory else { return nil }
    let source = options.memorySource.map { ", \($0)" } ?? ""
    return BudgetError(
      description: "\(node) needs \(formatBytes(needs.memory)) of memory and the budget is "
        + "\(formatBytes(options.memory))\(source); give more with --memory or lower the stage's own needs")
  }
}
