// The nodes that other processes are making, and when to look at each again.

import PipelineCore

/// Nodes whose leases other processes hold.
///
/// Each look costs calls on a folder that many processes may share, perhaps over a network. So the pause before a node's
/// next look grows with the time that it has been waited for, by a share that is drawn anew each time, so that processes
/// that began to wait together do not look together; and few nodes are looked at in one round.
package struct ForeignNodes {
  private struct Wait {
    var id: NodeID
    var pause: Double
    var due: Double
  }

  /// The pause before the first look, in seconds.
  private let first: Double
  /// How many nodes are looked at in one round.
  private let perRound: Int

  /// No pause is longer, in seconds.
  private let longest: Double
  private var random: any RandomNumberGenerator
  private var waits: [Wait] = []

  /// - Parameters:
  ///   - lease: The duration of a lease in seconds. A silent one is found by looking several times within it.
  ///   - first: The pause before the first look, in seconds.
  package init(
    lease: Double, first: Double = 0.05, longest: Double = 5, perRound: Int = 32,
    random: any RandomNumberGenerator = SystemRandomNumberGenerator()
  ) {
    self.first = first
    self.longest = min(longest, lease / 4)
    self.perRound = perRound
    self.random = random
  }

  /// Those of a pilot. It hears of results by news and looks only in case their maker is gone; and of pilots there are many.
  package static func ofPilot(lease: Double) -> ForeignNodes {
    ForeignNodes(lease: lease, first: 1, longest: 20, perRound: 8)
  }

  package var isEmpty: Bool { waits.isEmpty }
  /// The nodes in no order.
  package var ids: [NodeID] { waits.map(\.id) }

  mutating func removeAll() { waits = [] }

  /// Waits for a node from now on, a time in seconds.
  package mutating func add(_ id: NodeID, now: Double) {
    let pause = min(first, longest)
    waits.append(Wait(id: id, pause: pause, due: now + jitter(pause)))
  }

  /// Looks at the nodes that are due, those first that have waited the longest for it.
  ///
  /// - Parameter isElsewhere: Looks at one, and says whether it is still another process's.
  package mutating func look(now: Double, _ isElsewhere: (NodeID) -> Bool) {
    let due = waits.indices.filter { waits[$0].due <= now }.sorted { waits[$0].due < waits[$1].due }
    var gone: Set<NodeID> = []
    for index in due.prefix(perRound) {
      if isElsewhere(waits[index].id) {
        // A quarter longer each time: whoever waits for an hour notices the end at most some seconds late, and whoever
        // waits for a second some tenths.
        waits[index].pause = min(longest, waits[index].pause * 1.25)
        waits[index].due = now + jitter(waits[index].pause)
      } else {
        gone.insert(waits[index].id)
      }
    }
    waits.removeAll { gone.contains($0.id) }
  }

  /// The seconds until a node is due, at most some.
  package func pause(now: Double, atMost limit: Double) -> Double {
    max(0.01, min(limit, (waits.map(\.due).min() ?? .infinity) - now))
  }

  /// Half of a pause to all of it.
  private mutating func jitter(_ pause: Double) -> Double {
    pause * Double.random(in: 0.5...1, using: &random)
  }
}
