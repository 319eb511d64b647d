// The past of a cache: its run records, read back, whatever state a kill has left them in.

import Glibc
import PipelineCore

/// One run as its record tells it.
public struct RunRecord: Sendable {
  /// The record's name: time, pipeline and a unique part.
  public var id: String
  /// The pipeline.
  public var pipeline: String
  /// What happened, in order; the first is `start` unless that line was damaged.
  public var events: [RunEvent]

  /// What ran, what failed.
  public var nodes: [NodeRun] {
    events.compactMap { if case .node(let node) = $0 { node } else { nil } }
  }

  private var start: RunStart? {
    events.lazy.compactMap { if case .start(let start) = $0 { start } else { nil } }.first
  }
  private var end: RunEnd? {
    events.reversed().lazy.compactMap { if case .end(let end) = $0 { end } else { nil } }.first
  }

  /// When it started, in universal time.
  public var time: String { events.first?.time ?? "" }
  /// The parameters by stage.
  public var parameters: [String: [String: String]] { start?.parameters ?? [:] }
  /// The cores that it might use.
  public var jobs: Int? { start?.jobs }
  /// The `--set` options.
  public var overrides: [String] { start?.overrides ?? [] }
  /// The processor's name; nil where it is not known.
  public var processor: String? { start?.processor }
  /// Whose run it is; nil in records of old.
  public var owner: RunOwner? { start?.owner }

  /// `done`, `failed` or `interrupted`; without an end, `running` or `killed`.
  public var ending: String { end?.ending ?? (start?.owner?.mayLive == true ? "running" : "killed") }

  /// Wall time in seconds, as far as it is known.
  public var seconds: Double { end?.seconds ?? nodes.compactMap(\.ended).max() ?? 0 }

  /// Nodes that were up to date, and nodes that need not run after all; nil for a run without an end.
  public var passedOver: (fresh: Int, cutOff: Int)? { end.map { ($0.fresh, $0.cutOff) } }

  /// The action keys of what the run made, and of what stood at its end as nobody's input.
  public var keys: [String: Digest] {
    var keys = end?.results ?? [:]
    for node in nodes where node.failure == nil {
      if let key = node.key { keys[node.node] = key }
    }
    return keys
  }
}

/// The runs that a cache remembers.
public struct RunHistory: Sendable {
  private let cache: CacheStore

  /// The history of a cache. It reads only.
  public init(cache: CacheStore) { self.cache = cache }

  private static let ending = CacheLayout.runEnding

  /// A name that sorts by time and that no other run has.
  static func newID(of pipeline: PipelineIdentity) -> String {
    var clock = timespec()
    clock_gettime(CLOCK_REALTIME, &clock)
    let time = POSIX.timestamp(clock.tv_sec).filter { $0 != "-" && $0 != ":" }
    let microseconds = String(1_000_000 + clock.tv_nsec / 1000).dropFirst()
    let unique = String(UInt32.random(in: 1296..<46656), radix: 36)
    return "\(time)-\(pipeline.fileName)-\(microseconds)\(unique)"
  }

  /// The names of all runs, or of those of a pipeline, the latest first.
  public func ids(of pipeline: String? = nil) -> [String] {
    let ids = POSIX.list(cache.layout[.runs]).filter { $0.hasSuffix(Self.ending) }.map {
      String($0.dropLast(Self.ending.count))
    }
    return ids.filter { pipeline == nil || Self.pipeline(of: $0)?.name == pipeline }.reversed()
  }

  /// The pipeline that a run's name tells. Runs of two files of one name are told apart by it.
  static func pipeline(of id: String) -> PipelineIdentity? {
    guard let first = id.firstIndex(of: "-"), let last = id.lastIndex(of: "-"), first < last else {
      return nil
    }
    return PipelineIdentity(fileName: String(id[id.index(after: first)..<last]))
  }

  /// The names of the runs of a plan's file, the latest first. Another file of the same name has runs of its own.
  func ids(of plan: Plan) -> [String] {
    let own = PipelineIdentity(of: plan, in: cache.layout).fileName
    return ids(of: plan.name).filter { Self.pipeline(of: $0)?.fileName == own }
  }

  /// Reads a run; lines that a kill cut or a disk damaged are passed over. Nil without one whole line.
  public func run(_ id: String) -> RunRecord? {
    guard !id.contains("/"), let bytes = (try? POSIX.read(cache.layout.run(id))) ?? nil else {
      return nil
    }
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    let events = inParts(lines.count) { part in
      lines[part].compactMap { RunLog.isWhole($0) ? RunEvent(line: $0) : nil }
    }
    guard !events.isEmpty else { return nil }
    if case .start(let start) = events[0] {
      return RunRecord(id: id, pipeline: start.pipeline, events: events)
    }
    return RunRecord(id: id, pipeline: Self.pipeline(of: id)?.name ?? "", events: events)
  }

  /// The size of a run's record in bytes, by which a reader knows whether it has grown.
  public func size(_ id: String) -> Int { POSIX.facts(cache.layout.run(id))?.size ?? 0 }

  /// All runs of a pipeline, the latest first.
  public func runs(of pipeline: String? = nil) -> [RunRecord] { ids(of: pipeline).compactMap(run) }

  /// The run that a text means: a name or the beginning or end of one, a pipeline (its latest run), or
  /// `NAME~2` (two before its latest). Nil where that is none or more than one.
  public func find(_ text: String) -> RunRecord? {
    var name = text
    var back = 0
    if let tilde = text.lastIndex(of: "~"), let count = Int(text[text.index(after: tilde)...]), count >= 0 {
      name = String(text[..<tilde])
      back = count
    }
    let ofPipeline = ids(of: name)
    if back < ofPipeline.count { return run(ofPipeline[back]) }
    let matching = ids().filter { $0.hasPrefix(text) || $0.hasSuffix("-" + text) }
    return matching.count == 1 || matching.first == text ? run(matching[0]) : nil
  }
}

extension Plan {
  /// How the digest of a user's file is called among the parameters of a stage, before its path.
  public static let contentPrefix = "content of "

  /// The parameters that are in keys, by stage, as text; of one that differs between the nodes of a stage,
  /// all values. Beside them the digests of the files that its nodes read.
  public func parametersByStage() -> [String: [String: String]] {
    var result: [String: [String: String]] = [:]
    for stage in stages {
      var values: [String: String] = [:]
      for parameter in stage.declaration.parameters where parameter.changesResult {
        var seen: Set<Value> = []
        var texts: [String] = []
        for index in stage.nodes {
          let value = nodes[index].parameters[parameter]
          guard seen.insert(value).inserted else { continue }
          if texts.count == 20 {
            texts.append("…")
            break
          }
          texts.append(value.plainText)
        }
        values[parameter.name] = texts.joined(separator: ", ")
      }
      let points = stage.nodes.reduce(into: [String: [String]]()) { points, index in
        for axis in nodes[index].axes where points[axis.axis]?.contains(axis.value.plainText) != true {
          if points[axis.axis, default: []].count < 20 {
            points[axis.axis, default: []].append(axis.value.plainText)
          }
        }
      }
      for index in stage.nodes {
        for file in nodes[index].files { values[Self.contentPrefix + file.path] = file.digest.hex }
      }
      for (axis, texts) in points {
        values["axis \(axis)"] = texts.joined(separator: ", ") + (texts.count == 20 ? ", …" : "")
      }
      result[stage.name] = values
    }
    return result
  }
}
