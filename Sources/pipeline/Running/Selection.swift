// Which nodes a run or a dry run is about, beyond those that are named.

import ArgumentParser
import PipelineCore
import PipelineExecution
import Wording

/// Chooses nodes.
struct SelectionOptions: ParsableArguments {
  @Argument(
    help: "Nodes, stages or patterns, such as 'fit[data=alpha,seed<3]' (default: all).",
    completion: Complete.nodes)
  var nodes: [String] = []

  @Option(
    help: ArgumentHelp("Of these nodes, those that stand on this one, and itself.", valueName: "node"),
    completion: Complete.nodes)
  var from: [String] = []

  @Option(
    help: ArgumentHelp("Of these nodes, those that this one stands on, and itself.", valueName: "node"),
    completion: Complete.nodes)
  var until: [String] = []

  @Flag(help: "Runs no other nodes; their inputs must be there.")
  var only = false

  @Flag(
    help: "Makes the nodes again, though their results are there, and says whether they come to the same.")
  var force = false

  @Flag(help: "Of these nodes, those whose last attempt failed, and what stands on them.")
  var retryFailed = false

  /// Whether this is about all nodes, in the ordinary way.
  var isAll: Bool {
    nodes.isEmpty && from.isEmpty && until.isEmpty && !only && !force && !retryFailed
  }

  func validate() throws {
    if force, nodes.isEmpty, from.isEmpty, until.isEmpty {
      throw ValidationError("--force takes the nodes that are to be made again, such as a stage's name")
    }
    if force, retryFailed {
      throw ValidationError(
        "--force is for results that are there, and --retry-failed for those that are not")
    }
  }

  /// The nodes in the plan's order, each once. A name of none, and an input that --only can't have, end the program.
  func wanted(_ session: Session) throws -> [NodeID] {
    let plan = session.plan
    var isWanted = [Bool](repeating: false, count: plan.nodes.count)
    for id in try session.nodes(nodes) { isWanted[id.index] = true }
    func keep(_ marks: [Bool]) {
      for index in isWanted.indices where !marks[index] { isWanted[index] = false }
    }
    if !from.isEmpty { keep(plan.downstream(of: try session.nodes(from))) }
    if !until.isEmpty { keep(plan.upstream(of: try session.nodes(until))) }
    if retryFailed {
      keep(plan.downstream(of: failed(session)))
    }
    let wanted = plan.ids.filter { isWanted[$0.index] }
    if wanted.isEmpty, !retryFailed {
      printError("error: of the nodes that are named, none lies \(way)")
      throw Exit.wrongFile
    }
    if only { try checkInputs(of: wanted, isWanted, session) }
    return wanted
  }

  /// The nodes whose last attempt failed. One whose parameters were changed since has another key, under which nothing has
  /// failed: there the history tells, by the node's name.
  private func failed(_ session: Session) -> [NodeID] {
    let plan = session.plan
    let standings = Resolution(plan: plan, keys: session.keys, cache: session.cache).standings()
    let stale = plan.ids.filter { standings[$0.index] == .stale }
    let failedBefore = RunHistory(cache: session.cache).lastFailed(of: plan, among: stale)
    return plan.ids.filter { id in
      if case .failed = standings[id.index] { true } else { failedBefore.contains(id) }
    }
  }

  /// Says that --retry-failed has found nothing, and what it has left.
  func tellThatNothingFailed(_ session: Session) {
    let resolution = Resolution(plan: session.plan, keys: session.keys, cache: session.cache)
    let open = session.plan.ids.count { resolution.artifact($0) == nil }
    printError(
      open == 0
        ? "nothing has failed"
        : "nothing has failed; not up to date: \(counted(open, "node")), for a run without --retry-failed")
  }

  private var way: String {
    let parts =
      (from.isEmpty ? [] : ["from \(from.joined(separator: ", "))"])
      + (until.isEmpty ? [] : ["until \(until.joined(separator: ", "))"])
    return parts.joined(separator: " ")
  }

  private func checkInputs(of wanted: [NodeID], _ isWanted: [Bool], _ session: Session) throws {
    let plan = session.plan
    let resolution = Resolution(
      plan: plan, keys: session.keys, cache: session.cache, wanted: wanted, forced: force ? wanted : [])
    let missing = plan.ids.filter { id in
      switch resolution.decisions[id.index] {
      case .runs, .follows, .waits: !isWanted[id.index]
      case .fresh, .unchanged, .ignores: false
      }
    }
    guard let first = missing.first else { return }
    let more = missing.count > 1 ? ", and \(missing.count - 1) more" : ""
    printError("error: inputs are not up to date, and --only runs nothing else: \(plan[first].name)\(more)")
    printError("  note: leave out --only, and they run first")
    throw Exit.unavailable
  }
}
