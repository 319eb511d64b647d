// A temporary folder with a cache, in which tests run toy pipelines and look at what happened.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

/// One test's folder; removed when the last reference goes.
final class Lab: Sendable {
  let folder: String
  let cache: CacheStore

  init() throws {
    folder = NSTemporaryDirectory() + "/pipeline-execution-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    cache = CacheStore(root: folder + "/cache")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  var log: String { folder + "/log" }

  /// Runs a pipeline's nodes (all, unless named) in this process.
  @discardableResult
  func run(
    _ pipeline: ToyPipeline, _ wanted: [String] = [], registry: StageRegistry = toyStages, jobs: Int = 2,
    memory: Int = 1 << 30, keepGoing: Bool = false, lease: Double = 30,
    syncAfter: Double = 10, executor: (any TaskExecutor)? = nil,
    progress: any ProgressDisplay = NoProgress()
  ) throws -> RunSummary {
    let plan = try pipeline.plan(registry)
    var run = Run(
      plan: plan, keys: plan.planKeys(), cache: cache,
      options: RunOptions(
        jobs: jobs, memory: memory, keepGoing: keepGoing, lease: lease, syncAfter: syncAfter),
      executor: executor ?? InlineExecutor(registry: registry), progress: progress)
    let summary = try run.execute(wanted.isEmpty ? Array(plan.ids) : wanted.flatMap { plan.nodes(named: $0) })
    run.seal()
    return summary
  }

  /// A pool of real worker processes.
  func workers() -> WorkerPool { WorkerPool(command: [toyWorker, "worker"]) }

  func artifact(_ pipeline: ToyPipeline, _ node: String, _ registry: StageRegistry = toyStages) throws
    -> String
  {
    let plan = try pipeline.plan(registry)
    guard let id = plan.nodes(named: node).first, let artifact = cache.artifact(plan: plan.planKeys()[id])
    else {
      throw StageFailure("\(node) has no artifact")
    }
    return cache.file(of: artifact)
  }

  func value(_ pipeline: ToyPipeline, _ node: String) throws -> Int {
    try toyValue(ofFile: artifact(pipeline, node))
  }

  /// The log of the only pipeline that has run, or with `.done` the index of its last complete run.
  func history(_ ending: String = ".log") throws -> String {
    guard let path = files("experiments").first(where: { $0.hasSuffix(ending) }) else {
      throw StageFailure("no \(ending) in experiments")
    }
    return path
  }

  /// Every file of the cache with size, inode and time of change.
  func listing() -> [String] { files().map { describe($0) } }

  func files(_ section: String = "") -> [String] {
    let root = cache.root + "/" + section
    let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return names.map { root + (section.isEmpty ? "" : "/") + $0 }.filter { path in
      var info = stat()
      return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }.sorted()
  }

  private func describe(_ path: String) -> String {
    var info = stat()
    stat(path, &info)
    return "\(path) \(info.st_size) \(info.st_ino) \(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec)"
  }

  /// The content of each artifact by name.
  func artifacts() throws -> [String: Data] {
    var contents: [String: Data] = [:]
    for path in files("artifacts") {
      contents[path.components(separatedBy: "/").last!] = try Data(contentsOf: URL(fileURLWithPath: path))
    }
    return contents
  }

  /// How often each node has started, by the toy stages' own log.
  func executions() -> [String: Int] {
    let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { $0.hasPrefix("start ") }.reduce(into: [:]) { counts, line in
      counts[String(line.split(separator: " ", maxSplits: 6)[6]), default: 0] += 1
    }
  }

  /// Starts the toy program as a scheduler of its own.
  func startScheduler(jobs: Int, lease: Double = 30, width: Int, seconds: Double) throws -> Child {
    try Child([toyWorker, "run", cache.root, log, "\(jobs)", "\(lease)", "\(width)", "\(seconds)"], folder)
  }
}

/// Runs toy stages in place, and lets something happen before it hands over what has finished: the closure gets the
/// number of times that the run has waited.
final class MeddlingExecutor: TaskExecutor {
  private let inner = InlineExecutor(registry: toyStages)
  private let meddle: (Int) throws -> Void
  private var waits = 0

  init(_ meddle: @escaping (Int) throws -> Void) { self.meddle = meddle }

  func start(_ id: NodeID, _ task: StageTask) { inner.start(id, task) }
  func wait(seconds: Double, wake: Int32) -> [ExecutorEvent] {
    waits += 1
    do { try meddle(waits) } catch { Issue.record(error) }
    return inner.wait(seconds: seconds, wake: wake)
  }
  func cancel(_ id: NodeID, _ reason: String) -> [ExecutorEvent] { inner.cancel(id, reason) }
  func shutdown() { inner.shutdown() }
}

extension CacheStore {
  /// What an audit finds.
  func verify() throws -> CacheAudit { try CacheAudit(self) }

  /// What a collection takes that keeps each pipeline's last question only; of files of any age, unless the policy
  /// says otherwise.
  func garbage(_ policy: CollectionPolicy = CollectionPolicy(keepLast: 1)) -> [Garbage] {
    var policy = policy
    policy.olderThan = policy.olderThan ?? 0
    do {
      return try CacheCollector.garbage(in: self, policy)
    } catch {
      Issue.record(error)
      return []
    }
  }

  /// Whether all of it is gone.
  func remove(_ garbage: [Garbage]) -> Bool {
    CacheCollector.remove(garbage, from: self).allSatisfy { $0 }
  }
}

/// The toy program beside the test program.
let toyWorker: String = {
  let own =
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
  return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("ToyWorker").path
}()

/// A child process with default signal handling, whose output goes to files.
final class Child {
  let id: pid_t
  private let output: String
  private var status: Int32?

  init(_ command: [String], _ folder: String) throws {
    output = folder + "/output-" + UUID().uuidString
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT, 0o644)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, output + ".errors", O_WRONLY | O_CREAT, 0o644)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGTSTP] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    // Threads of the test library block signals, and children inherit that.
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    let strings: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
    defer { strings.forEach { free($0) } }
    var id: pid_t = 0
    guard posix_spawn(&id, command[0], &actions, &attributes, strings, environ) == 0 else {
      throw StageFailure("can't start \(command[0])")
    }
    self.id = id
  }

  /// Waits for the end: the exit status, or minus the signal.
  @discardableResult
  func wait() -> Int {
    var status: Int32 = self.status ?? 0
    if self.status == nil {
      while waitpid(id, &status, 0) < 0, errno == EINTR {}
      self.status = status
    }
    return status & 0x7F == 0 ? Int(status >> 8 & 0xFF) : -Int(status & 0x7F)
  }

  var text: String { (try? String(contentsOfFile: output, encoding: .utf8)) ?? "" }
  var errors: String { (try? String(contentsOfFile: output + ".errors", encoding: .utf8)) ?? "" }

  /// The processes that it has started, and theirs.
  func descendants() -> [pid_t] {
    var parents: [pid_t: pid_t] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let process = pid_t(name),
        let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
      else { continue }
      parents[process] = pid_t(text[end...].split(separator: " ")[2])
    }
    var found: [pid_t] = []
    var frontier = [id]
    while let next = frontier.popLast() {
      let children = parents.filter { $0.value == next }.map(\.key)
      found += children
      frontier += children
    }
    return found
  }
}

/// Waits until something holds; false if it did not within some seconds.
func eventually(within seconds: Double = 5, _ condition: () -> Bool) -> Bool {
  let end = Date().addingTimeInterval(seconds)
  while Date() < end {
    if condition() { return true }
    usleep(5_000)
  }
  return condition()
}

/// A small seeded generator (SplitMix64; Steele, Lea, Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
