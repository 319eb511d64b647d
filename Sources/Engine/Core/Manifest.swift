// What a key is made of. One function writes a node's manifest; one reader hashes it, another explains it.

import Hashing

/// A reader of a node's manifest: a sequence of named fields in a fixed order.
///
/// The key and the explanation of a change are two readers of the same writer, `Plan.describe`, so that an
/// explanation can't name a field that is not in the key, or miss one that is (as in n2's `hash.rs`).
public protocol Manifest {
  /// Takes the next field; `name` is unique within a manifest.
  mutating func field(_ name: String, _ value: String)
}

/// What a manifest describes; two kinds never share a digest.
public enum ManifestKind: String, Sendable {
  /// A node over the plan keys of its inputs.
  case plan
  /// A node over the contents of its inputs.
  case action
  /// The members of a join.
  case join
  /// The random stream of a node.
  case stream
  /// What a run was asked.
  case question
}

/// Turns a manifest into a digest. Keys are derived by `KeyResolver` only; other digests are made by
/// `Digest(of:as:)`.
struct HashingManifest: Manifest {
  private var bytes: [UInt8] = []

  init(kind: ManifestKind) {
    bytes.reserveCapacity(1024)
    append(kind.rawValue)
  }

  /// Adds a field. Lengths come first, so that no two different manifests have the same bytes.
  mutating func field(_ name: String, _ value: String) {
    append(name)
    append(value)
  }

  private mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      withUnsafeBytes(of: UInt64(utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
      bytes.append(contentsOf: utf8)
    }
  }

  func finish() -> Digest {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    return Digest(hash.finalize())
  }
}

/// One field as recorded beside a result.
public struct ManifestField: Sendable, Hashable {
  /// The field's name: `stage`, `stage_version`, `parameters.learning_rate`, `inputs.net`, …
  public var name: String
  /// The canonical text of its value.
  public var value: String

  /// A named value.
  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// Keeps a manifest, to be compared later with another.
public struct RecordingManifest: Manifest {
  /// The fields in order.
  public private(set) var fields: [ManifestField] = []
  /// An empty record.
  public init() {}
  /// Adds a field.
  public mutating func field(_ name: String, _ value: String) {
    fields.append(ManifestField(name: name, value: value))
  }
}

extension Digest {
  /// The digest of fields in their order: that of a recorded manifest is the key that it was recorded under.
  public init(of fields: some Sequence<ManifestField>, as kind: ManifestKind) {
    var manifest = HashingManifest(kind: kind)
    for field in fields { manifest.field(field.name, field.value) }
    self = manifest.finish()
  }
}

extension Plan {
  /// Writes the manifest of a node. `digest` gives the identity of an input: its plan key for a plan key, the
  /// digest of its content for an action key.
  public func describe(_ id: NodeID, to manifest: inout some Manifest, digest: (InputSource) -> Digest) {
    // Field by field, without a copy of the node: this is done for each node of each run.
    let (index, stage) = (id.index, nodes[id.index].stage)
    manifest.field("stage", stages[stage].declaration.name)
    manifest.field("stage_version", String(stages[stage].declaration.version))
    let fields = stages[stage].declaration.keyFields
    let unused = stages[stage].declaration.unused.map { unused in
      unused(nodes[index].parameters, Set(nodes[index].inputs.map(\.slot)))
    }
    let isRandom = stages[stage].declaration.isRandom
    for position in fields.indices where unused?.contains(fields[position].name) != true {
      if isRandom, fields[position].name == StageDeclaration.purpose.name, purpose(of: id) == nil { continue }
      manifest.field(fields[position].field, nodes[index].parameters[fields[position].name].json)
    }
    if isRandom {
      for axis in nodes[index].axes.sorted(by: { $0.axis < $1.axis }) {
        manifest.field("axes.\(axis.axis)", axis.value.json)
      }
    }
    for file in nodes[index].files { manifest.field("files.\(file.path)", file.digest.hex) }
    for tracked in nodes[index].tracked { manifest.field(tracked.field, tracked.output) }
    let inputs = nodes[index].inputs
    for input in inputs.count > 1 ? inputs.sorted(by: { $0.slot < $1.slot }) : inputs {
      manifest.field("inputs.\(input.slot)", digest(input.source).hex)
    }
  }

  /// Writes the manifest of a join: one field a member.
  public func describe(_ id: JoinID, to manifest: inout some Manifest, digest: (NodeID) -> Digest) {
    let members = joins[id.index].members
    for member in members {
      var name = member.label
      name += "["
      for (index, axis) in nodes[member.node.index].axes.enumerated() {
        if index > 0 { name += "," }
        name += axis.axis
        name += "="
        axis.value.appendJSON(to: &name)
      }
      name += "]"
      if joins[id.index].tellsStages { name += " " + stage(of: member.node).declaration.name }
      manifest.field(name, digest(member.node).hex)
    }
  }

  /// What the draws of a node of a random stage are for; nil if no purpose is given.
  private func purpose(of id: NodeID) -> String? { nodes[id.index].parameters[StageDeclaration.purpose] }

  /// The key of a node's random stream: a function of its seed, purpose and axis values, never of time or order.
  public func streamKey(of id: NodeID) -> UInt64 {
    let node = nodes[id.index]
    guard stages[node.stage].declaration.isRandom else { return 0 }
    return node.parameters.streamKey(axes: node.axes)
  }
}

extension ParameterValues {
  /// The key of the random stream of a node with these parameters, which are those of a random stage, and axis values.
  public func streamKey(axes: [AxisValue]) -> UInt64 {
    var manifest = HashingManifest(kind: .stream)
    manifest.field("seed", self[StageDeclaration.seed.name].json)
    if let purpose = self[StageDeclaration.purpose] { manifest.field("purpose", purpose) }
    for axis in axes.sorted(by: { $0.axis < $1.axis }) { manifest.field(axis.axis, axis.value.json) }
    return manifest.finish().prefix64
  }
}
