// The nodes that run once more in the same run, and how often they may.

import PipelineCore

/// The nodes that run once more in the same run.
struct Repeats {
  /// How often each consumer has found an input unusable.
  private var damages: [NodeID: Int] = [:]
  /// How often a signal has ended a node.
  private var interruptions: [NodeID: Int] = [:]
  /// Why nodes run again whose artifacts a consumer found unusable.
  private var reasons: [NodeID: RunReason] = [:]
  /// What happens more often than so is a failure.
  private static let limit = 3

  /// Whether a consumer may have an input made again.
  mutating func mayHeal(for consumer: NodeID) -> Bool {
    damages[consumer, default: 0] += 1
    return damages[consumer]! <= Self.limit
  }

  /// Whether a node that a signal has ended may run again.
  mutating func mayStartAgain(_ id: NodeID) -> Bool {
    interruptions[id, default: 0] += 1
    return interruptions[id]! <= Self.limit
  }

  /// A node is to run again for this reason.
  mutating func expect(_ id: NodeID, _ reason: RunReason) { reasons[id] = reason }

  /// Why a node runs again; nil if it does for other reasons.
  mutating func takeReason(for id: NodeID) -> RunReason? { reasons.removeValue(forKey: id) }
}
