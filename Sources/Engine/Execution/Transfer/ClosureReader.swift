// Takes the results of a closure: nothing is written before the whole file was found sound, and nothing outside of the cache.

import Glibc
import PipelineCore

/// Takes a closure into a cache.
public struct ClosureReader {
  private let path: String
  private let descriptor: Int32
  private let size: Int
  private var offset = 0
  /// The entries, in their order.
  private var entries: [(name: String, start: Int, size: Int)] = []

  /// What was taken.
  public struct Outcome: Sendable {
    /// The pipeline's name.
    public var pipeline: String
    /// Artifacts that were taken, and that were there.
    public var taken = 0
    /// Artifacts that were there already.
    public var present = 0
    /// The digest of the file's content.
    public var digest: Digest
  }

  /// Takes the results that a file holds.
  ///
  /// - Parameter expected: The digest that the file must have; nil for whichever it says.
  /// - Throws: `ClosureError` where the file is no closure, is damaged, names anything that is no file of a cache, or holds
  ///   another result of a key than the cache. Nothing is written then.
  public static func take(_ path: String, into cache: CacheStore, expecting expected: Digest? = nil) throws
    -> Outcome
  {
    var reader = try ClosureReader(path)
    defer { close(reader.descriptor) }
    let digest = try reader.check(cache.layout)
    if let expected, expected != digest {
      throw ClosureError(description: "\(path) has the digest \(digest.hex), not \(expected.hex)")
    }
    try reader.compare(with: cache)
    return try reader.take(into: cache, digest)
  }

  private init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError("open", path) }
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw ClosureError(description: "\(path) is no file; give one that 'export --closure' wrote")
    }
    size = Int(info.st_size)
  }

  private func refuse(_ reason: String) -> ClosureError {
    ClosureError(description: "\(path) is refused: \(reason); nothing of it was taken")
  }

  private func bytes(_ start: Int, _ count: Int) throws -> [UInt8] {
    guard count >= 0, start >= 0, count <= size - start else { throw refuse("it ends early") }
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let got = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress! + done, count - done, off_t(start + done))
      }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw refuse("it can't be read to its end") }
      done += got
    }
    return bytes
  }

  private mutating func word() throws -> Int {
    let raw = try bytes(offset, 8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
    offset += 8
    guard let value = Int(exactly: UInt64(littleEndian: raw)) else { throw refuse("a length makes no sense") }
    return value
  }

  // MARK: Checking

  /// Walks through all entries, then compares the whole with its digest.
  private mutating func check(_ layout: CacheLayout) throws -> Digest {
    guard try bytes(0, min(size, ClosureForm.header.count)) == ClosureForm.header else {
      throw refuse("it does not begin as a closure does")
    }
    offset = ClosureForm.header.count
    while true {
      let length = try word()
      if length == 0 { break }
      guard length <= ClosureForm.longestName else { throw refuse("a name is too long") }
      guard let name = String(validating: try bytes(offset, length), as: UTF8.self) else {
        throw refuse("a name is no text")
      }
      offset += length
      let count = try word()
      try check(name, count, layout)
      entries.append((name, offset, count))
      offset += count
    }
    guard offset + 32 == size else { throw refuse("it has bytes after its end") }
    var hash = StreamingDigest()
    var done = 0
    while done < offset {
      let part = try bytes(done, min(1 << 20, offset - done))
      part.withUnsafeBytes { hash.update($0) }
      done += part.count
    }
    let digest = hash.finish()
    guard Digest(bytes: try bytes(offset, 32)[...]) == digest else {
      throw refuse("its bytes are not those that were written")
    }
    return digest
  }

  private func check(_ name: String, _ count: Int, _ layout: CacheLayout) throws {
    guard count <= size - offset - 40 else { throw refuse("'\(name)' is longer than the file") }
    if entries.count < 2 {
      guard name == [ClosureForm.pipeline, ClosureForm.keys][entries.count] else {
        throw refuse("it does not say of which pipeline it is")
      }
    } else {
      // The one gate: a name that the cache itself can have made, in one of four folders.
      let isOwn = CacheTransfer.folders.contains { layout.key(of: "\(layout.root)/\(name)", in: $0) != nil }
      guard isOwn else { throw refuse("it names '\(name)', which is no result") }
      if name.hasPrefix(CacheLayout.Folder.artifacts.rawValue + "/") { return }
    }
    guard count <= ClosureForm.longestRecord else { throw refuse("'\(name)' is too long for a record") }
  }

  /// Refuses a file that holds another result of a key than the cache: what stands on the one can't stand beside the other.
  private func compare(with cache: CacheStore) throws {
    for entry in entries.dropFirst(2) {
      let path = "\(cache.root)/\(entry.name)"
      // What is none of either is found when it is taken.
      if let key = cache.layout.key(of: path, in: .actions) {
        guard let own = cache.action(key), cache.holds(own.artifact),
          let action = RecordFile(try bytes(entry.start, entry.size), kind: .action).flatMap({
            ActionRecord($0)
          }),
          action.artifact.content != own.artifact.content
        else { continue }
        throw another(of: own.node, in: cache)
      } else if let key = cache.layout.key(of: path, in: .plans) {
        guard let own = cache.artifact(plan: key),
          let plan = RecordFile(try bytes(entry.start, entry.size), kind: .plan).flatMap({ PlanRecord($0) }),
          plan.artifact.content != own.content
        else { continue }
        throw another(of: cache.action(own.action)?.node ?? "a node", in: cache)
      }
    }
  }

  private func another(of node: String, in cache: CacheStore) -> ClosureError {
    refuse(
      """
      it holds another result of \(node) than \(cache.root) has under the same key, and both can't stand there. A node that \
      does not come to the same each time has many; take the file into a cache of its own (--cache NEW-FOLDER)
      """)
  }

  // MARK: Taking

  private func take(into cache: CacheStore, _ digest: Digest) throws -> Outcome {
    try cache.prepare()
    let stage = cache.layout.temporary("import")
    try POSIX.makeDirectories(stage)
    defer { POSIX.removeTree(stage) }
    let formers = FormerResults(cache)
    let intake = CacheIntake(cache: cache, stage: stage, formers: formers)
    let planKeys = try self.planKeys(in: cache)
    var outcome = Outcome(
      pipeline: String(decoding: try bytes(entries[0].start, entries[0].size), as: UTF8.self), digest: digest)
    var record: ActionRecord?
    for entry in entries.dropFirst(2) {
      let path = "\(cache.root)/\(entry.name)"
      if let key = cache.layout.key(of: path, in: .actions) {
        try stageEntry(entry, stage)
        record = intake.action(entry.name, key)
        guard record != nil else { throw broken(entry.name) }
      } else if let key = cache.layout.key(of: path, in: .artifacts) {
        guard let action = record, action.artifact.action == key else { throw broken(entry.name) }
        if cache.artifact(action: key) != nil {
          outcome.present += 1
          continue
        }
        guard action.artifact.size == entry.size else { throw broken(entry.name) }
        try stageEntry(entry, stage)
        if let problem = try intake.take(action, entry.name, for: planKeys[key] ?? []) {
          throw ClosureError(description: problem)
        }
        outcome.taken += 1
      } else if let key = cache.layout.key(of: path, in: .plans) {
        try stageEntry(entry, stage)
        guard let plan = intake.plan(entry.name, key), try intake.take(plan, for: key) else {
          throw broken(entry.name)
        }
      } else if let key = cache.layout.key(of: path, in: .joins) {
        try stageEntry(entry, stage)
        try intake.takeJoin(entry.name, key)
      }
    }
    try remember(outcome, in: cache)
    if let problem = formers.problem { throw ClosureError(description: "\(path) was taken, but \(problem)") }
    return outcome
  }

  /// By action key, the plan keys that the file's records let stand for it.
  private func planKeys(in cache: CacheStore) throws -> [Digest: [Digest]] {
    var keys: [Digest: [Digest]] = [:]
    for entry in entries.dropFirst(2) {
      guard let key = cache.layout.key(of: "\(cache.root)/\(entry.name)", in: .plans),
        let plan = RecordFile(try bytes(entry.start, entry.size), kind: .plan).flatMap({ PlanRecord($0) })
      else { continue }
      keys[plan.artifact.action, default: []].append(key)
    }
    return keys
  }

  private func broken(_ name: String) -> ClosureError {
    ClosureError(description: "\(path): '\(name)' is not what its name promises; all before it was taken")
  }

  private func stageEntry(_ entry: (name: String, start: Int, size: Int), _ stage: String) throws {
    let target = "\(stage)/\(entry.name)"
    try POSIX.makeDirectories(POSIX.parent(of: target))
    let output = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard output >= 0 else { throw SystemError("create", target) }
    defer { close(output) }
    var done = 0
    while done < entry.size {
      let part = try bytes(entry.start + done, min(1 << 20, entry.size - done))
      try POSIX.writeAll(output, part, path: target)
      done += part.count
    }
  }

  /// Lets collections know these results as the last ones of a pipeline: the file of that pipeline may not be here.
  private func remember(_ outcome: Outcome, in cache: CacheStore) throws {
    let lines = Experiment.lines(try bytes(entries[1].start, entries[1].size))
    var keys: [(node: String, key: Digest)] = []
    for case .node(let name, let key) in lines { keys.append((name, key)) }
    let fileName = "\(PipelineIdentity.escape(outcome.pipeline))@\(outcome.digest.hex.prefix(12))"
    let experiment = Experiment(PipelineIdentity(fileName: fileName), in: cache)
    _ = try experiment.note(keys, asking: outcome.digest)
  }
}
