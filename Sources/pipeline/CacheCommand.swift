// `pipeline cache`: what is kept, whether it is whole, and what can go.

import ArgumentParser
import PipelineCore
import PipelineExecution
import Wording

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache", abstract: "Looks after the cache.",
    subcommands: [
      ListCommand.self, VerifyCommand.self, CollectCommand.self, SizeCommand.self, PushCommand.self,
      PullCommand.self,
    ])

  struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Lists the artifacts, the latest first.")
    @OptionGroup var cache: CacheOptions
    @Flag(help: "Prints JSON.") var json = false

    private struct Row: Encodable {
      var key: String
      var stage: String
      var created: String
      var seconds: Double
      var size: Int
      var path: String
      var variant: String
      var currentFor: [String]
    }

    func run() throws {
      guard let cache = try cache.existing(asJSON: json) else { return }
      let entries = cache.entries()
      if json {
        return try printJSON(
          entries.map {
            Row(
              key: $0.record.artifact.action.hex, stage: $0.record.stage, created: $0.record.created,
              seconds: $0.record.seconds, size: $0.record.artifact.size,
              path: cache.file(of: $0.record.artifact), variant: $0.record.artifact.variant,
              currentFor: $0.references)
          })
      }
      var rows = [["key", "stage", "made", "took", "size", "current for"]]
      for entry in entries {
        let record = entry.record
        let more = entry.references.count > 1 ? " and \(entry.references.count - 1) more" : ""
        rows.append([
          String(record.artifact.action.hex.prefix(12)), record.stage, record.created,
          duration(record.seconds),
          formatBytes(record.artifact.size), (entry.references.first ?? "nothing") + more,
        ])
      }
      printColumns(rows)
    }
  }

  struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify", abstract: "Reads every file and compares it with its record; exits 1 on damage.",
      discussion: """
        Damaged artifacts and records are set aside in the cache's folder 'damaged', which 'gc' empties: the next run \
        that needs them makes them again. Damaged lines of logs are struck out. In a cache that can't be written both \
        are named only.
        """)
    @OptionGroup var cache: CacheOptions
    @Flag(help: "Prints JSON.") var json = false

    private struct Row: Encodable {
      var path: String
      var problem: String
      var nodes: [String]
      var setAside: Bool
    }

    func run() throws {
      guard let cache = try cache.existing(asJSON: json) else { return }
      let audit = try refusing { try CacheAudit(cache) }
      let damage = audit.damage
      let moved = cache.setAside(damage)
      if json {
        try printJSON(
          zip(damage, moved).map { item, isMoved in
            Row(path: item.path, problem: item.problem, nodes: item.nodes, setAside: isMoved)
          })
      } else {
        for item in damage {
          let nodes = item.nodes.isEmpty ? "" : " (\(item.nodes.joined(separator: ", ")))"
          print("\(item.path) \(item.problem)\(nodes)")
        }
        print("\(counted(audit.checked, "file")) checked, \(damage.count) damaged")
        let gone = zip(damage, moved).filter(\.1).map(\.0)
        let lines = gone.count { $0.line != nil }
        if gone.count > lines {
          print("\(gone.count - lines) set aside; the next run that needs them makes them again")
        }
        if lines > 0 { print("\(lines) struck out of logs") }
        let left = damage.count { $0.isReplaceable } - gone.count
        if left > 0 {
          print("\(left) could not be set aside: in use, or \(cache.root) can't be written")
        }
      }
      if !damage.isEmpty { throw Exit.failed }
    }
  }

  struct CollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "gc",
      abstract:
        "Removes what no pipeline's last results refer to, and what dead processes left; says first what is lost."
    )
    @OptionGroup var cache: CacheOptions
    @Flag(help: "Says what would go and removes nothing.") var dryRun = false
    @Option(
      help: ArgumentHelp(
        "Keeps what is younger: 7 or 7d (days), 12h, 30m (default: 1m). If it is given, what stages keep between "
          + "runs and has served nobody for so long goes, too.", valueName: "age"))
    var olderThan: Age?
    @Option(
      help: ArgumentHelp(
        "Removes only what it must to bring the artifacts under this size (2G, 500M), the oldest first, and what "
          + "pipelines still refer to last.", valueName: "size"))
    var maxSize: ByteCount?
    @Option(
      help: ArgumentHelp(
        "Keeps the results of the last N distinct questions of each pipeline: of what its file asked, with the options "
          + "that it was run with.", valueName: "n"))
    var keepLast = 5
    @Option(help: ArgumentHelp("Keeps what the last N runs of each pipeline made, too.", valueName: "n"))
    var keepRuns = 0
    @Flag(help: "Prints JSON.") var json = false

    private struct Row: Encodable {
      var path: String
      var size: Int
      var stage: String?
      var madeFor: String?
      var made: String?
      var seconds: Double?
      var removed: Bool
    }

    func validate() throws {
      if keepLast < 1 { throw ValidationError("--keep-last takes an integer ≥ 1, not \(keepLast)") }
      if keepRuns < 0 { throw ValidationError("--keep-runs takes an integer ≥ 0, not \(keepRuns)") }
    }

    func run() throws {
      guard let cache = try cache.existing(asJSON: json) else { return }
      let policy = CollectionPolicy(
        olderThan: olderThan?.seconds, keepLast: keepLast, keepRuns: keepRuns, maxSize: maxSize?.bytes)
      let garbage = try refusing { try CacheCollector.garbage(in: cache, policy) }
      if !json { list(garbage) }
      let isRemoved =
        dryRun ? garbage.map { _ in false } : CacheCollector.remove(garbage, from: cache)
      let left = dryRun ? [] : zip(garbage, isRemoved).filter { !$1 }.map(\.0)
      if json {
        try printJSON(
          zip(garbage, isRemoved).map { item, isRemoved in
            Row(
              path: item.path, size: item.size, stage: item.record?.stage,
              madeFor: item.record.map { "\($0.pipeline)/\($0.node)" }, made: item.record?.created,
              seconds: item.record?.seconds, removed: isRemoved)
          })
      } else {
        tell(dryRun ? garbage : zip(garbage, isRemoved).filter(\.1).map(\.0))
      }
      if let first = left.first {
        printError(
          "error: \(left.count) of \(counted(garbage.count, "file")) could not be removed from \(cache.root), "
            + "such as \(first.path); make the cache writable, or run this as the owner of these files")
        throw Exit.failed
      }
    }

    private func list(_ garbage: [Garbage]) {
      for item in garbage {
        guard let record = item.record else { continue }
        print(
          "\(item.path)  \(record.stage), \(formatBytes(item.size)), made \(record.created) for "
            + "\(record.pipeline)/\(record.node) in \(duration(record.seconds))")
      }
    }

    /// Says what is gone, or would be.
    private func tell(_ gone: [Garbage]) {
      let bytes = gone.reduce(0) { $0 + $1.size }
      let seconds = gone.reduce(0) { $0 + ($1.record?.seconds ?? 0) }
      let cost = seconds > 0 ? "; making it took \(duration(seconds))" : ""
      print(
        "\(dryRun ? "would remove" : "removed") \(counted(gone.count, "file")), \(formatBytes(bytes))\(cost)")
    }
  }

  struct SizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "size", abstract: "Says how much room the parts of the cache take.")
    @OptionGroup var cache: CacheOptions

    func run() throws {
      guard let cache = try cache.existing() else { return }
      let sizes = cache.sizes()
      var rows = sizes.map { [$0.folder, counted($0.files, "file"), formatBytes($0.bytes)] }
      rows.append([
        "all", "\(sizes.reduce(0) { $0 + $1.files }) files", formatBytes(sizes.reduce(0) { $0 + $1.bytes }),
      ])
      printColumns(rows, rightAlignedFrom: 1)
    }
  }
}

/// Ends the program with exit code 64 where a folder is no cache, and with 66 where a part of one can't be read.
func refusing<R>(_ body: () throws -> R) throws -> R {
  do {
    return try body()
  } catch let error as NotACache {
    printError("error: \(error)")
    throw Exit.wrongUsage
  } catch let error as UnreadableCache {
    printError("error: \(error)")
    throw Exit.unavailable
  }
}

extension CacheOptions {
  /// The cache, for a command that only looks after one. Where none is there and none was named, nothing has run yet: this
  /// is said, and no error. A folder that was named and is not there ends the program with exit code 66.
  func existing(asJSON json: Bool = false) throws -> CacheStore? {
    let store = cache
    switch store.presence {
    case .folder: return store
    case .missing:
      guard let source else {
        printError("there is no cache yet: \(store.root) is made by the first 'pipeline run'")
        if json { print("[]") }
        return nil
      }
      printError("error: there is no folder \(store.root), which \(source) names as the cache")
      printError("  note: give the folder of a cache; 'pipeline run' makes a new one")
    case .other(let reason):
      printError("error: \(store.root) can't be a cache: \(reason)")
      printError("  note: give the folder of a cache with --cache")
    }
    throw Exit.unavailable
  }
}

/// A length of time as people write it: `7` and `7d` are days, `12h` hours, `30m` minutes, `90s` seconds.
struct Age: ExpressibleByArgument {
  let seconds: Double

  init?(argument: String) {
    let units: [Character: Double] = ["d": 86400, "h": 3600, "m": 60, "s": 1]
    var digits = argument
    let unit = digits.last.flatMap { units[$0] }
    if unit != nil { digits.removeLast() }
    guard let number = Double(digits), number >= 0, number.isFinite else { return nil }
    seconds = number * (unit ?? 86400)
  }

  var defaultValueDescription: String { seconds >= 60 ? "\(Int(seconds / 60))m" : "\(Int(seconds))s" }
}
