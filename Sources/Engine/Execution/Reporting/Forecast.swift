// How long a run will go on, from what nodes of each stage took.

/// Reckons the time that is left: by the mean cost of the stage's nodes in this run, else by how far one of them says it
/// is, else by earlier runs.
struct Forecast {
  private let jobs: Int
  /// Core-seconds a node in earlier runs, by stage.
  private let earlier: [String: Double]
  /// Core-seconds and count of the nodes that are finished, by stage.
  private var finished: [String: (sum: Double, count: Int)] = [:]
  /// Nodes that have not started, by stage.
  private var remaining: [String: Int] = [:]

  /// A node at work.
  struct Running {
    var stage: String
    /// Core-seconds so far.
    var spent: Double
    /// How far it says it is, from 0 to 1; 0 if it does not say.
    var fraction: Double
  }

  init(jobs: Int, earlier: [String: Double]) {
    self.jobs = jobs
    self.earlier = earlier
  }

  mutating func expect(_ stages: [String]) { for stage in stages { remaining[stage, default: 0] += 1 } }

  mutating func leave(_ stage: String) { remaining[stage]? -= 1 }

  mutating func learn(_ stage: String, cost: Double) {
    let known = finished[stage] ?? (0, 0)
    finished[stage] = (known.sum + cost, known.count + 1)
  }

  /// `about 3 min left`, or `more than` that where nothing is known of some stage. Nil in the first seconds, and where
  /// nothing is known at all.
  func timeLeft(_ running: [Running], after seconds: Double) -> String? {
    guard seconds > 3 else { return nil }
    var expected = earlier.merging(finished.mapValues { $0.sum / Double($0.count) }) { $1 }
    var left = 0.0
    var isComplete = true
    for node in running {
      let whole = node.fraction > 0.02 ? node.spent / node.fraction : expected[node.stage]
      guard let whole else {
        isComplete = false
        continue
      }
      if expected[node.stage] == nil { expected[node.stage] = whole }
      left += max(0, whole - node.spent)
    }
    for (stage, count) in remaining where count > 0 {
      guard let cost = expected[stage] else {
        isComplete = false
        continue
      }
      left += Double(count) * cost
    }
    left /= Double(max(1, jobs))
    // That it is more than some milliseconds says nothing.
    guard isComplete || left >= 1 else { return nil }
    return "\(isComplete ? "about" : "more than") \(duration(left)) left"
  }
}

extension RunHistory {
  /// What a node of each stage took in the latest runs of a pipeline, in core-seconds, by the stage's name.
  public func costs(of pipeline: String) -> [String: Double] {
    var sums: [String: (sum: Double, count: Int)] = [:]
    for node in ids(of: pipeline).prefix(5).compactMap(run).flatMap(\.nodes) where node.failure == nil {
      guard let seconds = node.seconds else { continue }
      let stage = String(node.node.prefix { $0 != "[" })
      let known = sums[stage] ?? (0, 0)
      sums[stage] = (known.sum + seconds * Double(node.threads ?? 1), known.count + 1)
    }
    return sums.mapValues { $0.sum / Double($0.count) }
  }
}
