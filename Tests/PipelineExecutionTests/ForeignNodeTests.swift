// When a run looks at what other processes are making: soon enough, and seldom.

import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct ForeignNodeTests {
  private func nodes(lease: Double = 30, seed: UInt64 = 1) -> ForeignNodes {
    ForeignNodes(lease: lease, random: SeededGenerator(state: seed))
  }

  /// The times of all looks at one node that another process makes for some seconds.
  private func looks(_ seconds: Double, lease: Double = 30, seed: UInt64 = 1) -> [Double] {
    var waiting = nodes(lease: lease, seed: seed)
    var (now, times) = (0.0, [Double]())
    waiting.add(NodeID(3), now: now)
    while !waiting.isEmpty {
      now += waiting.pause(now: now, atMost: 0.25)
      waiting.look(now: now) { _ in
        times.append(now)
        return now < seconds
      }
    }
    return times
  }

  @Test(arguments: [0.001, 0.1, 1, 10, 100, 3600]) func theEndIsNoticedSoon(_ seconds: Double) throws {
    for seed in 1...20 {
      let late = try #require(looks(seconds, seed: UInt64(seed)).last) - seconds
      #expect(late <= 0.06 + min(5.3, 0.3 * seconds), "\(late) s after \(seconds) s")
    }
  }

  @Test func longWaitsCostFewLooks() {
    #expect(looks(60).count <= 45)
    // From then on a look each 2.5 to 5 s.
    #expect(looks(3600).count - looks(60).count <= 1500)
  }

  /// A lease that is silent for its duration is taken over, which takes looks within that duration.
  @Test(arguments: [1.0, 2, 8]) func shortLeasesAreLookedAtWithinTheirDuration(_ lease: Double) {
    let times = looks(100, lease: lease)
    #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= lease / 4 + 0.26 })
  }

  @Test func processesThatWaitTogetherDoNotLookTogether() {
    let (one, other) = (looks(60, seed: 1), looks(60, seed: 2))
    let near = one.filter { time in other.contains { abs($0 - time) < 0.005 } }
    #expect(near.count < one.count / 2)
  }

  @Test func aRoundIsShortAndPassesNoneOver() {
    var waiting = nodes()
    for index in 0..<100 { waiting.add(NodeID(index), now: 0) }
    var (now, seen) = (0.0, Set<NodeID>())
    for _ in 0..<40 {
      var count = 0
      now += waiting.pause(now: now, atMost: 0.25)
      waiting.look(now: now) { id in
        seen.insert(id)
        count += 1
        return id.index % 2 == 0
      }
      #expect(count <= 32)
    }
    #expect(seen.count == 100 && Set(waiting.ids.map(\.index)) == Set(stride(from: 0, to: 100, by: 2)))
  }
}
