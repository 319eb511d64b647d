// `pipeline cache push`, `cache pull`, `import` and `export --closure`: results that travel between machines.

import ArgumentParser
import PipelineCore
import PipelineExecution
import Wording

/// What the commands share.
enum Transfers {
  static let help: ArgumentHelp =
    "Where: a folder, ssh:HOST:FOLDER, s3:BUCKET/PATH or rclone:REMOTE:PATH (both by the program rclone)."

  static func wrongAddress(_ text: String) -> ValidationError {
    ValidationError(
      "a remote is a folder, ssh:HOST:FOLDER, s3:BUCKET/PATH or rclone:REMOTE:PATH, not '\(text)'")
  }

  /// Looks for results of a run elsewhere. What can't be had is a miss: it is said once, and the run makes it.
  static func pullBefore(_ session: Session, _ wanted: [NodeID], from address: String) {
    do {
      var transfer = try CacheTransfer(session.cache, RemoteAddress(address)!)
      defer { tell(transfer.summary, "pulled") }
      try transfer.pull(for: wanted, of: session.plan, session.keys)
    } catch {
      printError("warning: nothing more comes from \(address): \(error)")
    }
  }

  static func tell(_ summary: TransferSummary, _ verb: String) {
    printError(
      "\(verb) \(counted(summary.copied, "result")), \(formatBytes(summary.bytes)); \(summary.present) were there"
    )
    for problem in summary.refused { printError("refused: \(problem)") }
    if summary.differs {
      printError(
        """
          note: a node that does not come to the same each time has a result of its own in each cache, and no cache takes two; \
        to have the other's, pull into a cache without one (--cache NEW-FOLDER), or push to another remote
        """)
    }
  }
}

/// With which cache results are exchanged, and which.
struct ExchangeOptions: ParsableArguments {
  @Argument(help: Transfers.help) var remote: String
  @Argument(
    help: "Pipelines (default: all results that there are).", completion: .custom(completePipelines))
  var names: [String] = []
  @Option(name: .customLong("set"), help: ArgumentHelp("As that of 'run'.", valueName: "key=value"))
  var overrides: [String] = []
  @OptionGroup var cache: CacheOptions

  func validate() throws { if RemoteAddress(remote) == nil { throw Transfers.wrongAddress(remote) } }

  /// The plan keys of the pipelines; nil if none is named.
  func keys() throws -> [Digest]? {
    if names.isEmpty { return nil }
    return try names.flatMap { name in
      var options = PipelineOptions()
      options.name = name
      options.overrides = overrides
      return try Session(options, cache).keys.nodes
    }
  }

  /// Does something with the remote; what it can't do ends the program with exit code 66.
  func withRemote(
    sends: Bool = false, _ body: (inout CacheTransfer) throws -> Void
  ) throws -> TransferSummary {
    var isUnderWay = false
    do {
      var transfer = try CacheTransfer(cache.cache, RemoteAddress(remote)!, sends: sends)
      isUnderWay = true
      try body(&transfer)
      return transfer.summary
    } catch let error as NotACache {
      printError("error: \(error)")
      throw Exit.wrongUsage
    } catch {
      // Nothing goes on where the remote was not there to begin with.
      let rest = isUnderWay ? "; what was copied stays, and the same command goes on" : ""
      printError("error: \(error)\(rest)")
      throw Exit.unavailable
    }
  }
}

struct PushCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "push", abstract: "Sends results to another cache, as far as it lacks them.",
    discussion:
      "A result that is there with other bytes stays as it is. This one's is named, and what stands on it is not sent either."
  )
  @OptionGroup var exchange: ExchangeOptions

  func run() throws {
    let keys = try exchange.keys() ?? CacheTransfer.allKeys(in: exchange.cache.cache)
    let summary = try exchange.withRemote(sends: true) { try $0.push(keys) }
    Transfers.tell(summary, "pushed")
    if !summary.refused.isEmpty { throw Exit.failed }
  }
}

struct PullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetches results from another cache, as far as this one lacks them.",
    discussion: """
      Each is compared with the SHA-256 in its record before it is taken; one that differs is refused. So is one that was made \
      of a result that this cache has with other bytes.
      """)
  @OptionGroup var exchange: ExchangeOptions

  func run() throws {
    let keys = try exchange.keys()
    let summary = try exchange.withRemote { try $0.pull(keys ?? $0.remoteKeys) }
    Transfers.tell(summary, "pulled")
    if !summary.refused.isEmpty { throw Exit.failed }
  }
}

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Takes the results of a file that 'export --closure' wrote into the cache.",
    discussion: """
      The whole file is checked before anything is written, and each result again before it is believed. A file that names \
      anything but results is refused.
      """)
  @Argument(help: "The file.", completion: .file()) var file: String
  @Option(help: ArgumentHelp("The digest that the export has printed.", valueName: "sha256")) var digest:
    String?
  @OptionGroup var cache: CacheOptions

  func validate() throws {
    if let digest, Digest(hex: digest) == nil {
      throw ValidationError("--digest takes 64 hexadecimal digits, not '\(digest)'")
    }
  }

  func run() throws {
    do {
      let outcome = try ClosureReader.take(
        file, into: cache.cache, expecting: digest.flatMap { Digest(hex: $0) })
      print(
        "\(outcome.pipeline): \(counted(outcome.taken, "result")) taken, \(outcome.present) were there  \(outcome.digest.hex)"
      )
    } catch let error as NotACache {
      printError("error: \(error)")
      throw Exit.wrongUsage
    } catch {
      printError("error: \(error)")
      throw Exit.unavailable
    }
  }
}

extension Session {
  /// Writes the results of nodes, and of all that these stand on, as one file.
  func writeClosure(_ path: String, _ chosen: [NodeID], first command: String) throws {
    let resolution = Resolution(plan: plan, keys: keys, cache: cache)
    let needed = plan.upstream(of: chosen)
    let ids = plan.ids.filter { needed[$0.index] }
    let missing = ids.filter { resolution.artifact($0) == nil || cache.plan(keys[$0]) == nil }
    if let node = missing.first {
      let more = missing.count > 1 ? ", and \(missing.count - 1) more" : ""
      printError("error: not up to date: \(plan[node].name)\(more); first: \(command)")
      throw Exit.failed
    }
    do {
      let written = try ClosureWriter.write(
        ids.map { (name: plan[$0].name, key: keys[$0]) }, of: plan.name, in: cache, to: path)
      print("\(counted(written.artifacts, "result")) in \(path)  \(written.digest.hex)")
    } catch {
      printError("error: \(error)")
      throw Exit.failed
    }
  }
}
