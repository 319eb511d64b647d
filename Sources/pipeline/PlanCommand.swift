// `pipeline plan`, `explain` and `path`: what the cache holds of a pipeline, without changing anything.

import ArgumentParser
import PipelineCore
import PipelineExecution
import Wording

struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Says which nodes would run and why. Runs nothing and writes nothing.")

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var selection: SelectionOptions
  @OptionGroup var cache: CacheOptions
  @Flag(help: "Prints JSON.") var json = false

  private struct Entry: Encodable {
    var node: String
    /// `runs`, or `waits` where it depends on what an input turns out to contain.
    var decision: String
    var category: String
    var reasons: [String]
    /// The node with the same key that runs in its place.
    var sameAs: String?
    /// What a node of its stage took in earlier runs; nil where none is known.
    var coreSeconds: Double?
  }

  func run() throws {
    let session = try Session(pipeline, cache)
    let wanted = try selection.wanted(session)
    let forced = selection.force ? wanted : []
    let resolution = Resolution(
      plan: session.plan, keys: session.keys, cache: session.cache, wanted: wanted, forced: forced)
    let costs = RunHistory(cache: session.cache).costs(of: session.plan.name)
    let isForced = Set(forced)
    let explainer = Explainer(plan: session.plan, keys: session.keys, cache: session.cache)
    var entries: [Entry] = []
    var lookedAt = 0
    for id in session.plan.ids where resolution.decisions[id.index] != .ignores {
      lookedAt += 1
      let decision: String
      var sameAs: String?
      switch resolution.decisions[id.index] {
      case .fresh, .unchanged, .ignores: continue
      case .runs: decision = "runs"
      case .waits: decision = "waits"
      case .follows(let other): (decision, sameAs) = ("follows", session.plan[other].name)
      }
      let reasons = explainer.reasons(for: id) + (isForced.contains(id) ? [.forced] : [])
      entries.append(
        Entry(
          node: session.plan[id].name, decision: decision,
          category: reasons.first?.category ?? "input changed", reasons: reasons.map(\.description),
          sameAs: sameAs, coreSeconds: costs[session.plan.stage(of: id).family]))
    }
    if json { return try printJSON(entries) }
    let runs = entries.filter { $0.sameAs == nil }
    let rest = runs.count < entries.count ? "; the same as one of them: \(entries.count - runs.count)" : ""
    print("\(session.plan.name): \(runs.count) of \(counted(lookedAt, "node")) would run\(rest)")
    let counts = Dictionary(runs.map { ($0.category, 1) }, uniquingKeysWith: +)
    for (category, count) in counts.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
      print("  \(count)  \(category)")
    }
    if let cost = cost(of: runs) { print("  \(cost)") }
    for omission in session.plan.omissions { print("  \(omission)") }
    if !entries.isEmpty { print("") }
    for entry in entries {
      // What was never built has nothing to be the same as.
      let mayStay = entry.decision == "waits" && entry.category != RunReason.neverBuilt.category
      let decision =
        entry.sameAs.map { " (the same as \($0))" }
        ?? (mayStay ? " (unless its inputs turn out the same)" : "")
      print("  \(entry.node): \(entry.reasons.joined(separator: "; "))\(decision)")
    }
  }
}

extension PlanCommand {
  /// `about 12 min of one core, from past runs; nothing is known of fit`: what the nodes took in earlier runs, if none
  /// turns out unchanged. Nil where nothing would run.
  private func cost(of entries: [Entry]) -> String? {
    guard !entries.isEmpty else { return nil }
    let known = entries.compactMap(\.coreSeconds)
    var stages: [String] = []
    for entry in entries where entry.coreSeconds == nil {
      let stage = String(entry.node.prefix { $0 != "[" })
      if !stages.contains(stage) { stages.append(stage) }
    }
    let more = stages.count > 5 ? ", …" : ""
    let unknown = "nothing is known of \(stages.prefix(5).joined(separator: ", "))\(more)"
    guard !known.isEmpty else { return "cost: " + unknown + ", which has not run yet" }
    let cost = "cost: about \(duration(known.reduce(0, +))) of one core, from past runs"
    return stages.isEmpty ? cost : cost + "; " + unknown
  }
}

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "Names the field that changed, old → new, back to the root cause.")

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A node, such as 'retrain[size=500,repeat=3]'.", completion: Complete.nodes) var node:
    String
  @Flag(help: "Prints JSON.") var json = false

  private struct Answer: Encodable {
    struct Level: Encodable {
      var node: String
      var depth: Int
      var reasons: [String]
    }
    struct Cause: Encodable {
      var node: String
      var change: String
    }
    var node: String
    var upToDate: Bool
    var lastReasons: String?
    var madeBy: MadeBy?
    var levels: [Level]
    var rootCauses: [Cause]
    /// Why parameters of the node have their values, by parameter.
    var notes: [String: String]
  }

  func run() throws {
    let session = try Session(pipeline, cache)
    let id = try session.node(node)
    let (levels, causes) = Explainer(plan: session.plan, keys: session.keys, cache: session.cache).explain(id)
    let last = levels.isEmpty ? session.cache.plan(session.keys[id]) : nil
    let record = last.flatMap { session.cache.action($0.artifact.action) }
    // One field of a stage is one cause, however many of its nodes it changes.
    var roots: [(cause: Explainer.Cause, nodes: Int)] = []
    for cause in causes {
      if let known = roots.firstIndex(where: {
        $0.cause.stage == cause.stage && $0.cause.reason == cause.reason
      }) {
        roots[known].nodes += 1
      } else {
        roots.append((cause, 1))
      }
    }
    if json {
      return try printJSON(
        Answer(
          node: session.plan[id].name, upToDate: levels.isEmpty, lastReasons: last?.reasons,
          madeBy: MadeBy(record),
          levels: levels.map {
            .init(node: $0.node, depth: $0.depth, reasons: $0.reasons.map(\.description))
          },
          rootCauses: roots.map { .init(node: $0.cause.node, change: $0.cause.reason.description) },
          notes: session.document.notes(of: session.plan.stage(of: id))))
    }
    guard !levels.isEmpty else {
      print("\(session.plan[id].name) is up to date")
      if let last, let record {
        print("  made \(record.created) in \(duration(record.seconds)) for \(record.pipeline)/\(record.node)")
        if let program = MadeBy(record) { print("  by \(program.text)") }
        if !last.reasons.isEmpty { print("  because: \(last.reasons)") }
      }
      printNotes(of: id, session)
      return
    }
    for level in levels {
      let indent = String(repeating: "  ", count: level.depth)
      print("\(indent)\(level.node)")
      for reason in level.reasons { print("\(indent)  \(reason.description)") }
    }
    print("root cause:")
    for (cause, nodes) in roots {
      let count = nodes > 1 ? "  (and \(counted(nodes - 1, "more node")) of that stage)" : ""
      print("  \(describe(cause))\(count)")
    }
    printNotes(of: id, session)
  }

  private func printNotes(of id: NodeID, _ session: Session) {
    for (name, note) in session.document.notes(of: session.plan.stage(of: id)).sorted(by: { $0.key < $1.key })
    {
      let value = session.plan[id].parameters.values[name]?.plainText ?? ""
      print("  \(name) is \(value): \(note)")
    }
  }

  /// `train.learning_rate: 0.1 → 0.01`.
  private func describe(_ cause: Explainer.Cause) -> String {
    switch cause.reason {
    case .parameterChanged: "\(cause.stage).\(cause.reason.description)"
    default: "\(cause.node): \(cause.reason.description)"
    }
  }
}

struct PathCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "path", abstract: "Prints the file of a node's current artifact; exits 1 if there is none.")

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A node, such as 'retrain[size=500,repeat=3]'.", completion: Complete.nodes) var node:
    String

  func run() throws {
    let session = try Session(pipeline, cache)
    let id = try session.node(node)
    let resolution = Resolution(
      plan: session.plan, keys: session.keys, cache: session.cache, wanted: [id])
    guard let artifact = resolution.artifact(id) else {
      let advice = "pipeline explain \(pipeline.words) \(PipelineOptions.quoted(node))"
      printError("\(session.plan[id].name) has no current artifact; see: \(advice)")
      throw Exit.failed
    }
    print(try session.file(of: id, artifact))
  }
}

/// Prints rows in aligned columns.
func printColumns(_ rows: [[String]], rightAlignedFrom firstRight: Int = .max) {
  guard let count = rows.map(\.count).max() else { return }
  let widths = (0..<count).map { column in rows.map { $0.count > column ? $0[column].count : 0 }.max()! }
  for row in rows {
    let cells = row.enumerated().map { column, cell in
      let padding = String(repeating: " ", count: widths[column] - cell.count)
      return column >= firstRight ? padding + cell : column == row.count - 1 ? cell : cell + padding
    }
    print(cells.joined(separator: "  "))
  }
}
