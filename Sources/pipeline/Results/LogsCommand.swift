// `pipeline logs`: what a node printed, kept with its action, or as it comes.

import ArgumentParser
import FoundationEssentials
import Glibc
import PipelineCore
import PipelineExecution

struct LogsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Prints what a node printed: now, or in its last attempt.",
    discussion: """
      Standard output and standard error stand in one text, in the order in which they came. Of a very long one \
      the beginning and the end are kept. Exits 1 if the node has never run.
      """)

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var cache: CacheOptions
  @Argument(help: "A node, such as 'retrain[size=500,repeat=3]'.", completion: Complete.nodes) var node:
    String
  @Flag(name: .shortAndLong, help: "Goes on as long as the node runs; if it is still to run, waits for it.")
  var follow = false
  @Flag(help: "Prints the path of the file instead.") var path = false

  func validate() throws {
    if follow, path { throw ValidationError("--path prints a path, and so there is nothing to follow") }
  }

  func run() throws {
    let session = try Session(pipeline, cache)
    let id = try session.node(node)
    if follow {
      return try LogFollower(session: session, node: id, advice: pipeline.runCommand(cache)).follow()
    }
    guard let file = try NodeLogFile(of: id, in: session, advice: pipeline.runCommand(cache)) else {
      printError("\(session.plan[id].name) printed nothing, or its log is gone")
      return
    }
    if let note = file.note { printError(note) }
    if path { return print(file.path) }
    // As the file says it: a log that is very long has its mark.
    guard let log = KeptLog(path: file.path) else { return }
    StandardOutput.put(log.text(after: 0))
  }
}

/// The file that has the log of a node.
private struct NodeLogFile {
  let path: String
  /// What the reader should know of it.
  var note: String?

  /// Finds it; nil where the node has run and nothing is kept. A node that has never run ends the program with exit
  /// code 1, and with the command that runs it.
  init?(of id: NodeID, in session: Session, advice: String) throws {
    let (cache, name) = (session.cache, session.plan[id].name)
    let resolution = Resolution(plan: session.plan, keys: session.keys, cache: cache, wanted: [id])
    let action = resolution.actionKey(id)
    if let action, let live = cache.liveLog(action) {
      path = live
      note = cache.isBeingMade(action) ? "\(name) is running" : "the run of \(name) was killed"
      return
    }
    let isDone = resolution.artifact(id) != nil
    if !isDone, let failed = cache.failedAction(session.keys[id]) {
      guard let kept = cache.keptLog(failed) else { return nil }
      path = kept
      return
    }
    if let action, let kept = cache.keptLog(action) {
      path = kept
      if !isDone { note = "the last attempt of \(name) did not come to its end" }
      return
    }
    if isDone { return nil }
    guard let past = Self.lastAttempt(of: name, in: session) else {
      printError("\(name) has not run yet; first: \(advice)")
      throw Exit.failed
    }
    guard let kept = past.key.flatMap({ cache.keptLog($0) }) else { return nil }
    path = kept
    note = "\(name) is not up to date; this is the log of its attempt of \(past.time)"
  }

  private static func lastAttempt(of node: String, in session: Session) -> NodeRun? {
    let history = RunHistory(cache: session.cache)
    for id in history.ids(of: session.plan.name) {
      if let past = history.run(id)?.nodes.last(where: { $0.node == node }) { return past }
    }
    return nil
  }
}

/// Prints the log of a node as it grows.
private struct LogFollower {
  let session: Session
  let node: NodeID
  /// The command that runs the node.
  let advice: String
  private static let pause: UInt32 = 200_000

  /// Ends with the node's attempt; without one, with the runs of the pipeline that are in progress.
  func follow() throws {
    var action = resolve().action
    while action.map({ !session.cache.isBeingMade($0) }) ?? true, session.cache.isInProgress(session.plan) {
      usleep(Self.pause)
      let now = resolve()
      action = now.action
      if now.isSettled { break }
    }
    guard let action, session.cache.isBeingMade(action) else {
      // It has ended, or nobody is about to run it.
      guard let file = try NodeLogFile(of: node, in: session, advice: advice) else { return }
      if let note = file.note { printError(note) }
      StandardOutput.put(KeptLog(path: file.path)?.text(after: 0) ?? [])
      return
    }
    var position = 0
    while session.cache.isBeingMade(action) {
      if let live = session.cache.liveLog(action) { show(live, from: &position) }
      usleep(Self.pause)
    }
    if let kept = session.cache.keptLog(action) { show(kept, from: &position) }
  }

  private func show(_ path: String, from position: inout Int) {
    guard let log = KeptLog(path: path), log.printed > position else { return }
    StandardOutput.put(log.text(after: position))
    position = log.printed
  }

  /// The node's action, and whether it has come to an end.
  private func resolve() -> (action: Digest?, isSettled: Bool) {
    let resolution = Resolution(
      plan: session.plan, keys: session.keys, cache: session.cache, wanted: [node])
    let hasFailed = session.cache.failedAction(session.keys[node]).map { $0 == resolution.actionKey(node) }
    return (resolution.actionKey(node), resolution.artifact(node) != nil || hasFailed == true)
  }
}
