// A campaign: a frozen plan in the cache's folder, which any number of pilots carry out and nobody leads.

import Glibc
import PipelineCore

/// A campaign of a cache. A value: all state is in its folder; `docs/cluster/README.md` says what stands there.
public struct Campaign: Sendable {
  /// Its name: the pipeline's, and twelve digits of what is asked.
  public let id: String
  let cache: CacheStore

  init(id: String, in cache: CacheStore) { (self.id, self.cache) = (id, cache) }

  /// What it was made of.
  public struct Facts: Sendable {
    /// The pipeline's name.
    public var pipeline: String
    /// The words by which a command names the pipeline with its options and nodes.
    public var words: String
    /// How many nodes its plan has.
    public var nodes: Int
    /// How many nodes were not up to date when it was last submitted with any left to do.
    public var open: Int
    /// The `--set` options that it was last submitted with.
    public var overrides: [String]
    /// When it was first submitted, in universal time.
    public var created: String
  }

  /// A campaign that can't be carried out, or that is none.
  public struct Problem: Error, Sendable, CustomStringConvertible {
    /// What is wrong, and what to do.
    public var description: String
  }

  func path(_ part: CacheLayout.CampaignPart) -> String { cache.layout.campaign(id, part) }

  /// The campaign's folder.
  public var folder: String { cache.layout[.campaigns] + "/" + id }

  // MARK: Submitting

  /// The name of the campaign that a question has: names, plan keys and wanted nodes decide it, and which pipeline.
  static func id(of plan: Plan, _ keys: PlanKeys, wanted: [NodeID], in cache: CacheStore) -> String {
    let pipeline = PipelineIdentity(of: plan, in: cache.layout)
    var bytes = Array((pipeline.fileName + "\n").utf8)
    CompletionIndex.identity(plan, keys).append(to: &bytes)
    for id in wanted { bytes += Array("\(id.index)\n".utf8) }
    return "\(PipelineIdentity.escape(plan.name))-\(Digest(of: bytes).hex.prefix(12))"
  }

  /// The campaign that a question has, whether or not it was submitted.
  public static func named(
    _ plan: Plan, _ keys: PlanKeys, wanted: [NodeID], in cache: CacheStore
  ) -> Campaign {
    Campaign(id: id(of: plan, keys, wanted: wanted, in: cache), in: cache)
  }

  /// Makes a campaign of a plan, or joins the one that there is.
  ///
  /// What has failed in it is tried again, unless pilots are at work; a cancelled one goes on. Where nothing is left to do,
  /// whoever has done it, the campaign is done.
  ///
  /// - Parameters:
  ///   - wanted: The nodes, in the plan's order.
  ///   - words: The words by which a command names the pipeline with its options and nodes.
  ///   - overrides: The `--set` options among these.
  /// - Returns: The campaign, and the wanted nodes, and what these stand on, that are not up to date.
  public static func submit(
    _ plan: Plan, _ keys: PlanKeys, wanted: [NodeID], words: String, overrides: [String] = [],
    in cache: CacheStore
  ) throws -> (campaign: Campaign, open: [NodeID]) {
    try cache.prepare()
    let resolution = Resolution(plan: plan, keys: keys, cache: cache, wanted: wanted)
    let campaign = Campaign(id: id(of: plan, keys, wanted: wanted, in: cache), in: cache)
    for part in [CacheLayout.CampaignPart.pilots, .results, .relay, .failures, .jobs, .output] {
      try POSIX.makeDirectories(campaign.path(part))
    }
    var open: [NodeID] = []
    var known: [Artifact?] = Array(repeating: nil, count: plan.nodes.count)
    for id in plan.ids {
      switch resolution.decisions[id.index] {
      case .fresh(let artifact): known[id.index] = artifact
      case .unchanged, .runs, .follows, .waits: open.append(id)
      case .ignores: break
      }
    }
    campaign.clear(hasWork: !open.isEmpty)
    let lines = plan.ids.map { Experiment.Line.node(plan[$0].name, keys[$0]).text }.joined()
    try campaign.write(Array(lines.utf8), .keys)
    try campaign.write(KnownArtifacts(known).bytes, .known)
    try campaign.write(FrozenPlan(plan: plan, wanted: wanted).bytes, .plan)
    var record = RecordFile()
    record.add("pipeline", plan.name)
    record.add("words", words)
    record.add("nodes", String(plan.nodes.count))
    let former = campaign.facts
    // What pilots have made stands beside what there was to make.
    record.add("open", String(open.isEmpty ? former?.open ?? 0 : open.count))
    record.add("created", former?.created ?? POSIX.timestamp())
    for (index, text) in overrides.enumerated() { record.add("\(Self.overridePrefix)\(index)", text) }
    try campaign.write(record.bytes(kind: .campaign), .facts)
    // Living pilots end it themselves, and keep its history.
    if open.isEmpty, !campaign.pilots().contains(where: \.isAlive) { _ = campaign.end(Self.done) }
    return (campaign, open)
  }

  private static let overridePrefix = "set."
  static let done = "done"

  /// Forgets what an earlier submit has left that does not hold any more.
  private func clear(hasWork: Bool) {
    unlink(path(.cancelled))
    if pilots().contains(where: \.isAlive) { return }
    // Without work, the results are what there is to tell of it.
    for part in hasWork ? [CacheLayout.CampaignPart.failures, .results, .relay] : [.failures] {
      for name in POSIX.list(path(part)) { unlink(path(part) + "/" + name) }
    }
    unlink(path(.ended))
  }

  func write(_ bytes: [UInt8], _ part: CacheLayout.CampaignPart) throws(SystemError) {
    try POSIX.writeAtomically(
      bytes, to: path(part), temporary: cache.layout.temporary("campaign"), sync: true)
  }

  // MARK: Looking

  /// The campaigns of a cache, by name.
  public static func all(in cache: CacheStore) -> [Campaign] {
    POSIX.list(cache.layout[.campaigns]).filter { CacheLayout.isCampaignName($0) }.map {
      Campaign(id: $0, in: cache)
    }.filter { $0.facts != nil }
  }

  /// The campaign that a text means: its name, or the beginning or the end of it.
  ///
  /// - Throws: Where that is none, or several.
  public static func find(_ text: String, in cache: CacheStore) throws(Problem) -> Campaign {
    let all = all(in: cache)
    let found =
      all.filter { $0.id == text }.first.map { [$0] }
      ?? all.filter { $0.id.hasPrefix(text) || $0.id.hasSuffix("-" + text) }
    if found.count == 1 { return found[0] }
    let there = all.isEmpty ? "there is none" : "there are \(all.map(\.id).joined(separator: ", "))"
    throw Problem(
      description: found.isEmpty
        ? "no campaign of \(cache.root) is called '\(text)'; \(there)"
        : "'\(text)' means \(found.count) campaigns: \(found.map(\.id).joined(separator: ", "))")
  }

  /// What it was made of; nil where it is not complete.
  public var facts: Facts? {
    guard let bytes = (try? POSIX.read(path(.facts))) ?? nil,
      let record = RecordFile(bytes, kind: .campaign), let pipeline = record["pipeline"],
      let nodes = record.integer("nodes")
    else { return nil }
    return Facts(
      pipeline: pipeline, words: record["words"] ?? pipeline, nodes: nodes,
      open: record.integer("open") ?? nodes,
      overrides: record.fields(after: Self.overridePrefix).map(\.value), created: record["created"] ?? "")
  }

  /// What a pilot carries out.
  public struct Assignment: Sendable {
    /// The plan.
    public var plan: Plan
    /// Its keys.
    public var keys: PlanKeys
    /// The nodes that are wanted.
    public var wanted: [NodeID]
    /// By node, what was there when the campaign was submitted last.
    var known: [Artifact?]
  }

  /// Reads the plan.
  ///
  /// - Parameter stages: The stage types of this program.
  public func assignment(_ stages: StageRegistry) throws(Problem) -> Assignment {
    guard let bytes = (try? POSIX.read(path(.plan))) ?? nil else {
      throw Problem(description: "the campaign \(id) has no plan; submit it again")
    }
    let frozen: FrozenPlan
    do throws(FrozenPlan.Unreadable) {
      frozen = try FrozenPlan(bytes, declaration: stages.declaration)
    } catch {
      throw Problem(
        description: "can't read the plan of the campaign \(id): \(error.reason); submit it again")
    }
    let keys = frozen.plan.planKeys()
    guard Self.id(of: frozen.plan, keys, wanted: frozen.wanted, in: cache) == id else {
      throw Problem(
        description: "the campaign \(id) was made by a program that derives other keys; submit it again")
    }
    let known = ((try? POSIX.read(path(.known))) ?? nil).flatMap { KnownArtifacts($0)?.artifacts } ?? []
    return Assignment(
      plan: frozen.plan, keys: keys, wanted: frozen.wanted,
      known: known.count == frozen.plan.nodes.count
        ? known : Array(repeating: nil, count: frozen.plan.nodes.count))
  }

  // MARK: Marks

  /// Has all pilots end.
  public func cancel() throws(SystemError) { try write(Array(POSIX.timestamp().utf8), .cancelled) }

  /// Whether pilots are to end.
  public var isCancelled: Bool { POSIX.facts(path(.cancelled)) != nil }

  /// How it ended, `done` or `failed`; nil as long as pilots have something left to do. See `isMade`, too.
  public var ending: String? {
    ((try? POSIX.read(path(.ended))) ?? nil).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Says that nothing is left to do. True for whoever says it first.
  func end(_ ending: String) -> Bool {
    guard POSIX.facts(path(.ended)) == nil else { return false }
    // Exclusive: of several that see the end at once, one keeps the history. Whole by a link where there are links.
    let temporary = cache.layout.temporary("ended")
    guard (try? POSIX.create(temporary, Array(ending.utf8))) != nil else { return false }
    defer { unlink(temporary) }
    if link(temporary, path(.ended)) == 0 { return true }
    return errno != EEXIST && (try? POSIX.create(path(.ended), Array(ending.utf8))) != nil
  }
}

/// The artifacts of a plan's nodes, as far as they were there at a submit: a line of a record each.
struct KnownArtifacts {
  var artifacts: [Artifact?]

  init(_ artifacts: [Artifact?]) { self.artifacts = artifacts }

  private static let header = Array("pipeline campaign known 1\n".utf8)

  var bytes: [UInt8] {
    var writer = WireWriter(after: Self.header, capacity: artifacts.count * 128)
    writer.put(artifacts) { writer, artifact in
      writer.put(tag: artifact == nil ? 0 : 1)
      if let artifact { writer.put(artifact) }
    }
    writer.put(Digest(of: writer.bytes))
    return writer.bytes
  }

  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: Self.header), bytes.count >= Self.header.count + 32,
      Digest(bytes: bytes.suffix(32)) == Digest(of: bytes.dropLast(32))
    else { return nil }
    let whole = WireReader.whole(bytes.dropLast(32).dropFirst(Self.header.count)) {
      (reader) throws(WireError) in
      try reader.list { (reader) throws(WireError) in try reader.tag() == 0 ? nil : try reader.artifact() }
    }
    guard let whole else { return nil }
    artifacts = whole
  }
}

extension WireWriter {
  mutating func put(_ artifact: Artifact) {
    for digest in [artifact.action, artifact.content, artifact.fileDigest] { put(digest) }
    put(artifact.size)
    put(artifact.fileExtension)
    put(artifact.variant)
    put(artifact.unsyncedSince ?? Digest(of: []))
  }
}

extension WireReader {
  mutating func artifact() throws(WireError) -> Artifact {
    let (action, content, file) = (try digest(), try digest(), try digest())
    let (size, ending, variant) = (try integer(), try text(), try text())
    guard size >= 0, !ending.utf8.contains(UInt8(ascii: "/")) else { throw WireError() }
    var artifact = Artifact(
      action: action, content: content, fileDigest: file, size: size, fileExtension: ending)
    artifact.variant = variant
    let boot = try digest()
    artifact.unsyncedSince = boot == Digest(of: []) ? nil : boot
    return artifact
  }
}
