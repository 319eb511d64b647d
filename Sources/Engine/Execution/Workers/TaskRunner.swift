// Runs one task where it stands, in a worker process or in the caller's: checks inputs, works, seals the output.

import FileTree
import Glibc
import PipelineCore
import Synchronization

/// What a finished task left behind.
public struct TaskOutcome: Sendable {
  /// The digest of the artifact's logical content.
  public var content: Digest
  /// The digest of the file's bytes.
  public var fileDigest: Digest
  /// The file's size in bytes.
  public var size: Int
  /// How long the task took, in seconds.
  public var seconds: Double
  /// The most memory that the process held, in bytes.
  public var peakMemory: Int
  /// What decided the last bits; see `StageRegistry.variant`.
  public var variant: String
  /// What the stage has noted, in the order of the names; see `StageContext.note`.
  public var notes: [ManifestField]
}

/// Where what a task says goes.
public protocol TaskReporter: Sendable {
  /// See `StageContext`.
  func progress(_ fraction: Double, _ message: String)
  /// See `StageContext`.
  func log(_ message: String)
}

/// What a stage sees of the engine while it works.
private struct TaskContext<Reporter: TaskReporter>: StageContext {
  let reporter: Reporter
  let cache: CacheStore
  let notes = Notes()

  func progress(_ fraction: Double, _ message: String) { reporter.progress(fraction, message) }
  func log(_ message: String) { reporter.log(message) }
  func note(_ name: String, _ value: String) { notes.all.withLock { $0[name] = value } }
  func section(_ name: String, of identity: [String]) -> any CacheSection {
    cache.section(name, of: identity)
  }
}

/// What the stage of a task has noted.
private final class Notes: Sendable {
  let all = Mutex<[String: String]>([:])

  var fields: [ManifestField] {
    all.withLock { notes in
      notes.sorted { $0.key < $1.key }.map { ManifestField(name: $0.key, value: $0.value) }
    }
  }
}

/// Runs tasks one after another and remembers which input files it has already checked.
public struct TaskRunner {
  private let registry: StageRegistry
  private var checked: [String: FileFacts] = [:]

  /// A runner of the stage types that a registry knows.
  public init(registry: StageRegistry) { self.registry = registry }

  /// Runs a task. The artifact at `task.output` is on disk when this returns; on failure nothing is left
  /// there.
  public mutating func run(
    _ task: StageTask, _ reporter: some TaskReporter
  ) throws(StageFailure) -> TaskOutcome {
    guard let stage = registry.stages[task.stage], stage.declaration.version == task.stageVersion else {
      throw StageFailure("this worker knows no stage '\(task.stage)' of version \(task.stageVersion)")
    }
    var keepsScratch = false
    defer {
      let scratch = keepsScratch ? [] : [task.scratch]
      // Most are empty, and go by one call.
      for folder in scratch + task.copiesFolder where rmdir(folder) != 0 { POSIX.removeTree(folder) }
    }
    resetPeakMemory()
    let start = POSIX.monotonicSeconds
    do {
      for (place, input) in task.placedInputs { try check(input, place) }
      try copyFiles(of: task)
      try POSIX.makeDirectories(task.scratch)
      let context = TaskContext(reporter: reporter, cache: CacheStore(root: task.cache))
      let content = try stage.run(task, context)
      // If the stage has written to an input, the result is not of what the key names. One that is gone by now was
      // read while it was whole.
      for (place, input) in task.placedInputs {
        if let facts = POSIX.facts(input.path), facts != checked[input.path] { try check(input, place) }
      }
      guard let facts = POSIX.facts(task.output),
        let digest = try POSIX.digest(ofFile: task.output, size: facts.size)
      else {
        throw StageFailure("the stage wrote no artifact")
      }
      let seconds = POSIX.monotonicSeconds - start
      if seconds >= task.syncAfter { try POSIX.syncFile(task.output) }
      return TaskOutcome(
        content: content, fileDigest: digest, size: facts.size, seconds: seconds, peakMemory: peakMemory(),
        variant: registry.variant, notes: context.notes.fields)
    } catch {
      POSIX.removeTree(task.output)
      if let failure = error as? StageFailure, case .damagedInput = failure.kind { throw failure }
      // An input may have been healed by another task, or collected, while this one was about to read it.
      for (place, input) in task.placedInputs where POSIX.facts(input.path) != checked[input.path] {
        throw damage(place, "the artifact of \(input.node) changed while it was read: \(input.path)")
      }
      keepsScratch = task.keepsScratch
      throw task.namingSources(error as? StageFailure ?? StageFailure("\(error)"))
    }
  }

  /// Gives the task its own copies of the user's files, which are believed only if they are what the key was made of.
  private func copyFiles(of task: StageTask) throws {
    for folder in task.copiesFolder { try POSIX.makeDirectories(folder) }
    for file in task.files where Digest(try FileTree.copy(file.source, to: file.copy)) != file.digest {
      let inner = FileTree.lastChanged(in: file.source).map { $0.dropFirst(file.source.count) } ?? ""
      let last = inner.isEmpty ? "" : " (last '\(file.path)\(inner)')"
      throw StageFailure(
        "\(file.path) changed during the run\(last): it is not what it was when the run began; run again")
    }
  }

  /// Believes an input only after its bytes have been compared with its record, once a file and process.
  private mutating func check(_ input: TaskInput, _ place: InputPlace) throws(StageFailure) {
    guard let facts = POSIX.facts(input.path) else {
      throw damage(place, "the artifact of \(input.node) is gone: \(input.path)")
    }
    if checked[input.path] == facts { return }
    // A disk that can't read the file any more is damage like any other.
    guard (try? POSIX.digest(ofFile: input.path, size: facts.size)) == input.fileDigest else {
      throw damage(place, "the artifact of \(input.node) is damaged: \(input.path)")
    }
    checked[input.path] = facts
  }
}

private func damage(_ place: InputPlace, _ message: String) -> StageFailure {
  StageFailure(message, kind: .damagedInput(place))
}

extension StageTask {
  /// The folder of the task's copies, if it has any.
  var copiesFolder: [String] { files.first.map { [POSIX.parent(of: $0.copy)] } ?? [] }

  /// The inputs with their places, in no order.
  fileprivate var placedInputs: some Sequence<(InputPlace, TaskInput)> {
    inputs.lazy.flatMap { slot, inputs in
      inputs.lazy.enumerated().map { (InputPlace(slot: slot, position: $0.offset), $0.element) }
    }
  }
}

/// Starts the kernel's count of peak memory anew, so that each task is measured by itself.
private func resetPeakMemory() {
  let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  _ = write(descriptor, "5", 1)
  close(descriptor)
}

/// The kernel's count since then; 0 where it keeps none.
private func peakMemory() -> Int {
  guard let bytes = try? POSIX.read("/proc/self/status") else { return 0 }
  // Once or more a millisecond where nodes are small, and strings are slow.
  return (bytes + [0]).withUnsafeBytes { text in
    let start = text.baseAddress!.assumingMemoryBound(to: CChar.self)
    guard let line = strstr(start, "VmHWM:") else { return 0 }
    return strtol(line + strlen("VmHWM:"), nil, 10) << 10
  }
}
