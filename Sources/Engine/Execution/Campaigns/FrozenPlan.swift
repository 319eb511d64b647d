// An expanded plan as bytes in a campaign's folder: pilots read no pipeline file, so that what it says later is nothing to them.

import PipelineCore

/// A plan with the nodes of it that are wanted, as a campaign keeps it.
///
/// The file: a line `pipeline campaign plan 1`, the plan, the wanted nodes, and the digest of all that stands before it.
struct FrozenPlan {
  var plan: Plan
  var wanted: [NodeID]

  /// A file that is not as it was written, or not of this program's stages.
  struct Unreadable: Error {
    var reason: String
  }

  private static let header = Array("pipeline campaign plan 1\n".utf8)

  // MARK: Writing

  /// The file.
  var bytes: [UInt8] {
    var writer = WireWriter(after: Self.header, capacity: plan.nodes.count * 256)
    writer.put(plan.name)
    writer.put(POSIX.absolute(plan.baseDirectory))
    writer.put(plan.stages) { Self.put($1, &$0) }
    writer.put(plan.nodes) { Self.put($1, &$0) }
    writer.put(plan.joins) { writer, join in
      writer.put(tag: join.tellsStages ? 1 : 0)
      writer.put(join.members) { writer, member in
        writer.put(member.label)
        writer.put(member.node.index)
      }
    }
    writer.put(wanted) { $0.put($1.index) }
    writer.put(Digest(of: writer.bytes))
    return writer.bytes
  }

  private static func put(_ stage: PlannedStage, _ writer: inout WireWriter) {
    for text in [stage.name, stage.family, stage.declaration.name] { writer.put(text) }
    writer.put(stage.declaration.version)
    writer.put(stage.axes) { $0.put($1) }
    writer.put(stage.nodes.lowerBound)
    writer.put(stage.nodes.upperBound)
    // No timeout is a time without end.
    writer.put(stage.timeout ?? .infinity)
  }

  private static func put(_ node: PlannedNode, _ writer: inout WireWriter) {
    writer.put(node.name)
    writer.put(node.stage)
    writer.put(node.parameters.values)
    writer.put(node.axes) { writer, axis in
      writer.put(axis.axis)
      writer.put(axis.value)
    }
    writer.put(node.inputs) { writer, input in
      writer.put(input.slot)
      switch input.source {
      case .node(let source):
        writer.put(tag: 0)
        writer.put(source.index)
      case .join(let join):
        writer.put(tag: 1)
        writer.put(join.index)
      }
    }
    writer.put(node.files) { writer, file in
      writer.put(file.path)
      writer.put(file.digest)
    }
    writer.put(node.tracked) { writer, tracked in
      writer.put(tracked.field)
      writer.put(tracked.output)
    }
  }

  // MARK: Reading

  init(plan: Plan, wanted: [NodeID]) { (self.plan, self.wanted) = (plan, wanted) }

  /// Reads a file.
  ///
  /// - Parameter declaration: The stage type of a name, as this program has it.
  init(_ bytes: [UInt8], declaration: (String) -> StageDeclaration?) throws(Unreadable) {
    guard Self.isWhole(bytes) else { throw Unreadable(reason: "it is not as it was written") }
    var reader = WireReader(bytes.dropLast(32).dropFirst(Self.header.count))
    do {
      let (name, folder) = (try reader.text(), try reader.text())
      var stages: [PlannedStage] = []
      for _ in 0..<(try reader.count()) { stages.append(try Self.stage(&reader, declaration)) }
      var nodes: [PlannedNode] = []
      for _ in 0..<(try reader.count()) { nodes.append(try Self.node(&reader, stages)) }
      let joins = try reader.list { (reader) throws(WireError) in
        let tellsStages = try reader.tag() == 1
        let members = try reader.list { (reader) throws(WireError) in
          JoinMember(label: try reader.text(), node: NodeID(try reader.integer()))
        }
        return Join(members: members, tellsStages: tellsStages)
      }
      wanted = try reader.list { (reader) throws(WireError) in NodeID(try reader.integer()) }
      plan = Plan(name: name, baseDirectory: folder, stages: stages, nodes: nodes, joins: joins)
    } catch let error as Unreadable {
      throw error
    } catch {
      throw Unreadable(reason: "it makes no sense")
    }
    // The digest is no promise that the rest makes sense: whoever can write here can make one.
    guard reader.rest.isEmpty, isSound else { throw Unreadable(reason: "it makes no sense") }
  }

  /// Whether bytes are exactly as they were written.
  static func isWhole(_ bytes: [UInt8]) -> Bool {
    bytes.starts(with: header) && bytes.count >= header.count + 32
      && Digest(bytes: bytes.suffix(32)) == Digest(of: bytes.dropLast(32))
  }

  private static func stage(
    _ reader: inout WireReader, _ declaration: (String) -> StageDeclaration?
  ) throws -> PlannedStage {
    let (name, family, type) = (try reader.text(), try reader.text(), try reader.text())
    let version = try reader.integer()
    guard let declaration = declaration(type), declaration.version == version else {
      throw Unreadable(reason: "this program knows no stage '\(type)' of version \(version)")
    }
    let axes = try reader.list { (reader) throws(WireError) in try reader.text() }
    let (low, high) = (try reader.integer(), try reader.integer())
    guard low >= 0, high >= low else { throw WireError() }
    let timeout = try reader.number()
    return PlannedStage(
      name: name, family: family, declaration: declaration, axes: axes, nodes: low..<high,
      timeout: timeout.isFinite ? timeout : nil)
  }

  private static func node(_ reader: inout WireReader, _ stages: [PlannedStage]) throws -> PlannedNode {
    let (name, stage) = (try reader.text(), try reader.integer())
    let given = try reader.map { (reader) throws(WireError) in try reader.value() }
    guard stages.indices.contains(stage) else { throw WireError() }
    let parameters: ParameterValues
    do {
      parameters = try ParameterValues(given, of: stages[stage].declaration)
    } catch {
      throw Unreadable(reason: "this program has other parameters: \(name): \(error)")
    }
    return PlannedNode(
      name: name, stage: stage, parameters: parameters,
      axes: try reader.list { (reader) throws(WireError) in
        AxisValue(try reader.text(), try reader.value())
      },
      inputs: try reader.list { (reader) throws(WireError) in
        let (slot, kind, index) = (try reader.text(), try reader.tag(), try reader.integer())
        return PlannedInput(slot: slot, source: kind == 0 ? .node(NodeID(index)) : .join(JoinID(index)))
      },
      files: try reader.list { (reader) throws(WireError) in
        ExternalFile(path: try reader.text(), digest: try reader.digest())
      },
      tracked: try reader.list { (reader) throws(WireError) in
        TrackedOutput(field: try reader.text(), output: try reader.text())
      })
  }

  /// Whether all indices are of something, and every input precedes its node.
  private var isSound: Bool {
    let count = plan.nodes.count
    guard plan.stages.allSatisfy({ $0.nodes.upperBound <= count }),
      wanted.allSatisfy({ (0..<count).contains($0.index) }),
      plan.joins.allSatisfy({ $0.members.allSatisfy { (0..<count).contains($0.node.index) } })
    else { return false }
    // A join's last member decides: many nodes may take one join.
    let lastMembers = plan.joins.map { $0.members.map(\.node.index).max() ?? -1 }
    return plan.nodes.indices.allSatisfy { index in
      plan.nodes[index].inputs.allSatisfy { input in
        switch input.source {
        case .node(let node): (0..<index).contains(node.index)
        case .join(let join): lastMembers.indices.contains(join.index) && lastMembers[join.index] < index
        }
      }
    }
  }
}

extension WireReader {
  /// A number of elements that follow, each of a byte or more.
  mutating func count() throws(WireError) -> Int {
    let count = try integer()
    guard count >= 0, count <= rest.count else { throw WireError() }
    return count
  }
}
