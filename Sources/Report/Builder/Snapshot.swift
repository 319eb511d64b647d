// A pipeline as the cache stands now: the state of each node, and how its artifact was made.

import PipelineCore
import PipelineExecution
import PipelineFile

/// A pipeline that is to be reported.
public struct ReportedPipeline: Sendable {
  /// Its file, read.
  public var document: PipelineDocument
  /// Where its results are.
  public var cache: CacheStore
  /// The words by which commands name it: its name and its `--set` options, quoted for a shell.
  public var words: String

  /// A pipeline, by the words that name it.
  public init(document: PipelineDocument, cache: CacheStore, words: String) {
    self.document = document
    self.cache = cache
    self.words = words
  }
}

/// What the cache says of a pipeline at one moment. It reads only.
struct Snapshot {
  /// How a node stands, by the numbers that the page's data and style know.
  enum State: Int, CaseIterable {
    case fresh, stale, running, failed

    var name: String {
      switch self {
      case .fresh: "up to date"
      case .stale: "stale"
      case .running: "running"
      case .failed: "failed"
      }
    }
  }

  let document: PipelineDocument
  let cache: CacheStore
  let words: String
  let keys: PlanKeys
  let states: [State]
  /// The artifacts of the nodes that are up to date.
  let artifacts: [Artifact?]
  /// How they were made.
  let made: [ActionRecord?]
  /// Why each ran.
  let reasons: [String]
  /// The messages of the nodes whose last attempt failed.
  let failures: [(node: NodeID, message: String)]
  var plan: Plan { document.plan }

  init(_ pipeline: ReportedPipeline) {
    document = pipeline.document
    cache = pipeline.cache
    words = pipeline.words
    let (plan, cache) = (document.plan, cache)
    keys = plan.planKeys()
    let resolution = Resolution(plan: plan, keys: keys, cache: cache)
    let standings = resolution.standings()
    let artifacts = plan.ids.map { resolution.artifact($0) }
    self.artifacts = artifacts
    let records = inParts(artifacts.count) { [keys] part in
      part.map { index -> (made: ActionRecord?, reasons: String) in
        guard let artifact = artifacts[index] else { return (nil, "") }
        return (cache.action(artifact.action), cache.plan(keys[NodeID(index)])?.reasons ?? "")
      }
    }
    made = records.map(\.made)
    reasons = records.map(\.reasons)
    states = standings.map { standing in
      switch standing {
      case .fresh: .fresh
      case .stale: .stale
      case .running: .running
      case .failed: .failed
      }
    }
    failures = zip(plan.ids, standings).compactMap { id, standing in
      if case .failed(let message) = standing { (id, message) } else { nil }
    }
  }

  /// The nodes of a stage type that are up to date, each with its artifact's file, its bytes checked. A damaged file is
  /// left out: the next run makes it again.
  func files(of types: Set<String>) -> [(node: NodeID, path: String)] {
    plan.ids.compactMap { id in
      guard types.contains(plan.stage(of: id).declaration.name), let artifact = artifacts[id.index],
        let path = cache.checkedFile(of: artifact)
      else { return nil }
      return (id, path)
    }
  }

  /// The nodes of a stage type that are not up to date.
  func missing(of types: Set<String>) -> [NodeID] {
    plan.ids.filter { types.contains(plan.stage(of: $0).declaration.name) && artifacts[$0.index] == nil }
  }

  /// The last lines that a node printed in its last failed attempt; empty where it printed nothing.
  func lastLines(of node: NodeID) -> String {
    cache.failedAction(keys[node]).flatMap { cache.keptLog($0) }.map { LogTail.lines(of: $0) } ?? ""
  }

  /// How many nodes are in each state.
  func count(_ state: State) -> Int { states.count { $0 == state } }

  /// A command of the program about a node; nothing in it is taken by a shell for its own.
  func command(_ name: String, _ id: NodeID? = nil) -> String {
    "pipeline \(name) \(words)" + (id.map { " '" + plan[$0].name.replacing("'", with: "'\\''") + "'" } ?? "")
  }

  /// Seconds of a core that the artifact of a node took; nil where it is not known.
  func cost(_ index: Int) -> Double? { made[index].map { $0.seconds * Double($0.threads) } }
}
