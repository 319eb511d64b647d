// A pipeline that is watched by what its cache says: what a page alive shows of it.

import FoundationEssentials
import Glibc
import PipelineCore
import PipelineExecution
import PipelineFile
import Stages

/// Watches a pipeline. It reads the cache only, and takes no lock.
public final class LiveView {
  private let load: () throws -> PipelineDocument
  private let cache: CacheStore
  private let overrides: [String]
  private let words: String
  private let history: RunHistory
  private var document: PipelineDocument?
  private var keys: PlanKeys?
  /// The pipeline files as they were when they were read.
  private var stamps: [String: Date] = [:]
  private var problem: String?
  private var parts: [String: LivePart] = [:]
  private var activity: Int?
  private var artifacts: [Artifact?] = []
  private var running: [(id: NodeID, owner: String)] = []
  private var costs: [String: Double] = [:]
  private var gathered: [Int: Int] = [:]
  private var heard: (stamp: String, at: Double)?
  private var known: [String: (size: Int, run: RunRecord)] = [:]
  private var dueStates = 0.0
  private var dueTables = 0.0
  private var dueCosts = 0.0

  /// A view of a pipeline.
  ///
  /// - Parameters:
  ///   - load: Reads its file.
  ///   - overrides: The `--set` options with which it does so.
  ///   - words: The words by which commands name it, quoted for a shell.
  public init(
    cache: CacheStore, overrides: [String], words: String, load: @escaping () throws -> PipelineDocument
  ) {
    (self.cache, self.overrides, self.words, self.load) = (cache, overrides, words, load)
    history = RunHistory(cache: cache)
  }

  /// The report, alive.
  ///
  /// - Throws: What is wrong with the pipeline file, or `HDF5Error` for a result that can't be read.
  public func page(origin: ReportOrigin, events: String, home: String) throws -> String {
    let document = try load()
    take(document)
    let parts = look(now: Self.now)
    return try Report(
      [ReportedPipeline(document: document, cache: cache, words: words)], origin: origin
    ).html(live: LivePage(events: events, home: home, parts: parts))
  }

  /// Seconds on a clock that nobody sets.
  public static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private func take(_ document: PipelineDocument) {
    self.document = document
    keys = document.plan.planKeys()
    problem = nil
    stamps = Dictionary(uniqueKeysWithValues: document.files.map { ($0.path, Self.modified($0.path)) })
    (activity, gathered, dueStates, dueTables) = (nil, [:], 0, 0)
  }

  private static func modified(_ path: String) -> Date {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.modificationDate] as? Date ?? .distantPast
  }

  /// Reads the file anew where it has changed.
  private func reload() {
    if document != nil, stamps.allSatisfy({ Self.modified($0.key) == $0.value }) { return }
    do {
      take(try load())
    } catch {
      problem = "\(error)"
      // As long as nothing changes it is no use to read it again.
      for path in stamps.keys { stamps[path] = Self.modified(path) }
    }
  }

  // MARK: A look

  /// All messages, as they are now; costs nothing where nothing has happened.
  ///
  /// - Parameter now: Seconds on a clock that nobody sets.
  public func look(now: Double) -> [LivePart] {
    reload()
    guard let document, let keys else { return Array(parts.values) }
    let runs = cache.liveRuns().filter { $0.record.pipeline == document.plan.name }
    let isBusy = runs.contains { !$0.isGone && $0.record.overrides == overrides }
    let latest = latestRun(of: document.plan.name, isBusy: isBusy)
    // What a kill has left of an earlier run is of no interest any more.
    let own = runs.filter { run in
      run.record.overrides == overrides
        && !(run.isGone
          && latest.map { $0.owner != run.record.owner && $0.time >= run.record.started } ?? false)
    }.max { ($0.isGone ? 0 : 1, $0.record.started) < ($1.isGone ? 0 : 1, $1.record.started) }
    if heard?.stamp != own?.stamp { heard = own.map { ($0.stamp, now) } }
    lookAtStates(document.plan, keys, own, now)
    lookAtTables(document.plan, now)
    var section = LiveSection(run: own, silence: heard.map { now - $0.at } ?? 0)
    if let own {
      if now >= dueCosts {
        costs = history.costs(of: document.plan.name)
        dueCosts = now + 10
      }
      if !own.isGone { section.timeLeft = own.record.timeLeft(costs: costs) }
    } else {
      section.latest = latest.map(Self.words)
    }
    section.others = runs.filter { $0.record.overrides != overrides }
    let atWork = own?.isGone == false ? own?.record.nodes.map(\.name) ?? [] : []
    section.logs = logs(of: atWork, document.plan)
    put("live-head", (problem.map(Self.complaint) ?? "") + section.head)
    put("live-nodes", section.nodes(running.map { (document.plan[$0.id].name, $0.owner) }))
    return parts.values.sorted { $0.id < $1.id }
  }

  private func put(_ id: String, _ html: String) { parts[id] = LivePart(id: id, html: html) }

  private static func complaint(_ problem: String) -> String {
    var html = HTML()
    html.element("p", ["class": "warning"], text: "The pipeline file has changed, and is wrong now:")
    html.element("pre", text: problem)
    return html.source
  }

  /// The latest run with these options that has recorded a node. Each record is read again only when it has grown, and not
  /// as long as its live record tells more.
  private func latestRun(of name: String, isBusy: Bool) -> RunRecord? {
    for id in history.ids(of: name).prefix(5) {
      let size = history.size(id)
      if known[id] == nil || known[id]!.size != size && !isBusy {
        known[id] = history.run(id).map { (size, $0) }
      }
      if let run = known[id]?.run, run.overrides == overrides { return run }
    }
    return nil
  }

  private static func words(_ run: RunRecord) -> String {
    let nodes = run.nodes.count
    return "The latest (\(run.time)): \(run.ending), \(nodes) \(nodes == 1 ? "node" : "nodes") in "
      + duration(run.seconds)
  }

  /// The states of the nodes, where a run has done something since.
  private func lookAtStates(_ plan: Plan, _ keys: PlanKeys, _ run: LiveRun?, _ now: Double) {
    var hasher = Hasher()
    hasher.combine(cache.activity(of: plan))
    hasher.combine(run?.record.done)
    hasher.combine(run?.isGone)
    let activity = hasher.finalize()
    guard activity != self.activity, now >= dueStates else { return }
    self.activity = activity
    let start = Self.now
    let resolution = Resolution(plan: plan, keys: keys, cache: cache)
    let standings = resolution.standings()
    artifacts = plan.ids.map { resolution.artifact($0) }
    actions = { resolution.actionKey($0) }
    running = []
    var failures: [(name: String, message: String, log: String)] = []
    var states: [UInt8] = []
    for (id, standing) in zip(plan.ids, standings) {
      let state: Snapshot.State
      switch standing {
      case .fresh: state = .fresh
      case .stale: state = .stale
      case .running(let host, let process):
        state = .running
        running.append((id, "process \(process) on \(host)"))
      case .failed(let message):
        state = .failed
        let log =
          cache.failedAction(keys[id]).flatMap { cache.keptLog($0) }.map { LogTail.lines(of: $0) } ?? ""
        failures.append((plan[id].name, message, log))
      }
      states.append(UInt8(ascii: "0") + UInt8(state.rawValue))
    }
    parts["states"] = LivePart(states: String(decoding: states, as: UTF8.self))
    parts["version"] = LivePart(version: version(plan))
    put("live-failures", LiveSection.failures(failures))
    // A graph of many nodes takes time: no more than a fifth of one core.
    dueStates = now + max(0.5, 5 * (Self.now - start))
  }

  private var actions: (NodeID) -> Digest? = { _ in nil }

  /// Changes with each result that the page shows, and with the pipeline file.
  private func version(_ plan: Plan) -> String {
    var text = document?.files.map(\.digest.hex).joined() ?? ""
    for id in plan.ids where ReportSections.resultStages.contains(plan.stage(of: id).declaration.name) {
      text += artifacts[id.index]?.fileDigest.hex ?? "-"
    }
    return String(Digest(of: text.utf8).hex.prefix(16))
  }

  private func lookAtTables(_ plan: Plan, _ now: Double) {
    guard now >= dueTables, artifacts.count == plan.nodes.count else { return }
    let start = Self.now
    var tables: [(name: String, table: PartialTable)] = []
    var gathered: [Int: Int] = [:]
    for id in plan.ids
    where artifacts[id.index] == nil && TableReport.stages.contains(plan.stage(of: id).declaration.name) {
      gathered[id.index] = plan.predecessors(of: id).count { artifacts[$0.index] != nil }
    }
    guard gathered != self.gathered || parts["live-tables"] == nil else { return }
    self.gathered = gathered
    for index in gathered.keys.sorted() {
      let id = NodeID(index)
      if let table = PartialTable(id, of: plan, artifacts, in: cache) {
        tables.append((plan[id].name, table))
      }
    }
    put("live-tables", LiveSection.tables(tables))
    dueTables = now + max(2, 10 * (Self.now - start))
  }

  private func logs(of names: [String], _ plan: Plan) -> [String: String] {
    guard !names.isEmpty else { return [:] }
    let wanted = Set(names)
    var logs: [String: String] = [:]
    for (index, node) in plan.nodes.enumerated() where wanted.contains(node.name) {
      if let live = actions(NodeID(index)).flatMap({ cache.liveLog($0) }) {
        logs[node.name] = LogTail.lines(of: live)
      }
    }
    return logs
  }
}
