// The expanded graph of one pipeline: nodes in topological order over dense ids, joins shared.

/// The index of a node in its plan.
public struct NodeID: Hashable, Sendable, Comparable {
  /// The index.
  public var index: Int
  /// Wraps an index.
  public init(_ index: Int) { self.index = index }
  /// The plan's order.
  public static func < (a: NodeID, b: NodeID) -> Bool { a.index < b.index }
}

/// The index of a join in its plan.
public struct JoinID: Hashable, Sendable {
  /// The index.
  public var index: Int
  /// Wraps an index.
  public init(_ index: Int) { self.index = index }
}

/// One member of a join.
public struct JoinMember: Hashable, Sendable {
  /// The label under which the consumer knows the member's stage.
  public var label: String
  /// The member.
  public var node: NodeID
  /// A member under a label.
  public init(label: String, node: NodeID) {
    self.label = label
    self.node = node
  }
}

/// A set of nodes that several consumers take whole. One edge set however many consumers there are, so that an
/// all-to-all step of n × m costs n + m.
public struct Join: Hashable, Sendable {
  /// The members in plan order.
  public var members: [JoinMember]
  /// Whether its consumers are told the stage type of each member, which then is in their keys.
  public var tellsStages: Bool
  /// A set of members.
  public init(members: [JoinMember], tellsStages: Bool = false) {
    self.members = members
    self.tellsStages = tellsStages
  }
}

/// Where an input comes from.
public enum InputSource: Hashable, Sendable {
  /// One node.
  case node(NodeID)
  /// A set of nodes.
  case join(JoinID)
}

/// One filled input slot of a node.
public struct PlannedInput: Hashable, Sendable {
  /// The slot.
  public var slot: String
  /// What fills it.
  public var source: InputSource
  /// Fills a slot.
  public init(slot: String, source: InputSource) {
    self.slot = slot
    self.source = source
  }
}

/// A node of the expanded graph.
public struct PlannedNode: Sendable {
  /// Stage name and axis values: `retrain[size=500,repeat=3]`.
  public var name: String
  /// The stage of the file that it belongs to, as an index into `Plan.stages`.
  public var stage: Int
  /// The parameters, checked.
  public var parameters: ParameterValues
  /// The axis values.
  public var axes: [AxisValue]
  /// The inputs, in the order of the declaration.
  public var inputs: [PlannedInput]
  /// Paths of external files with the digests of their content, sorted by path.
  public var files: [ExternalFile]
  /// What decides the result beyond files, and what it was when the plan was made, sorted by field.
  public var tracked: [TrackedOutput]

  /// A node of the expanded graph.
  public init(
    name: String, stage: Int, parameters: ParameterValues, axes: [AxisValue], inputs: [PlannedInput],
    files: [ExternalFile] = [], tracked: [TrackedOutput] = []
  ) {
    self.name = name
    self.stage = stage
    self.parameters = parameters
    self.axes = axes
    self.inputs = inputs
    self.files = files
    self.tracked = tracked
  }
}

/// A file outside the cache that a node reads.
public struct ExternalFile: Sendable, Hashable {
  /// The path as the pipeline file gives it.
  public var path: String
  /// The digest of its bytes.
  public var digest: Digest
  /// A file and its digest.
  public init(path: String, digest: Digest) {
    self.path = path
    self.digest = digest
  }
}

/// A stage of the pipeline file, or one case of it.
public struct PlannedStage: Sendable {
  /// `stage`, or `stage[case]`; no two of a plan are the same.
  public var name: String
  /// The name in the file, which all cases of a stage share.
  public var family: String
  /// The stage type.
  public var declaration: StageDeclaration
  /// The axes that it expands over.
  public var axes: [String]
  /// Its nodes, as a range of the plan's order.
  public var nodes: Range<Int>
  /// Seconds after which a node of it is taken to hang; nil for never.
  public var timeout: Double?
  /// Of parameters that refer to others: how they are made of them.
  public var traces: [String: ParameterTrace]

  /// A stage and the range of its nodes.
  public init(
    name: String, family: String? = nil, declaration: StageDeclaration, axes: [String], nodes: Range<Int>,
    timeout: Double? = nil, traces: [String: ParameterTrace] = [:]
  ) {
    self.name = name
    self.family = family ?? name
    self.declaration = declaration
    self.axes = axes
    self.nodes = nodes
    self.timeout = timeout
    self.traces = traces
  }
}

/// An expanded, checked pipeline. Every input of a node precedes it.
public struct Plan: Sendable {
  /// The pipeline's name.
  public var name: String
  /// The folder to which external files are relative.
  public var baseDirectory: String
  /// The stages in topological order.
  public var stages: [PlannedStage]
  /// The nodes in topological order.
  public var nodes: [PlannedNode]
  /// The joins.
  public var joins: [Join]
  /// What conditions leave out, by stage.
  public var omissions: [Omission]

  /// A plan; that inputs precede their consumers is the caller's promise.
  public init(
    name: String, baseDirectory: String, stages: [PlannedStage], nodes: [PlannedNode], joins: [Join],
    omissions: [Omission] = []
  ) {
    self.name = name
    self.baseDirectory = baseDirectory
    self.stages = stages
    self.nodes = nodes
    self.joins = joins
    self.omissions = omissions
  }

  /// All node ids in topological order.
  public var ids: some RandomAccessCollection<NodeID> & Sendable { nodes.indices.lazy.map { NodeID($0) } }

  /// The node of an id.
  public subscript(_ id: NodeID) -> PlannedNode { nodes[id.index] }

  /// The stage that a node belongs to.
  public func stage(of id: NodeID) -> PlannedStage { stages[nodes[id.index].stage] }

  /// The nodes that a name means: a node's full name, or a stage's or a case's, which means all of its nodes.
  public func nodes(named name: String) -> [NodeID] {
    let meant = stages.filter { $0.family == name || $0.name == name }
    if !meant.isEmpty { return meant.flatMap { $0.nodes.map { NodeID($0) } } }
    return nodes.indices.filter { nodes[$0].name == name }.map { NodeID($0) }
  }

  /// The node that fills a place among another's inputs; nil where there is no such place.
  public func node(filling place: InputPlace, of id: NodeID) -> NodeID? {
    guard let input = nodes[id.index].inputs.first(where: { $0.slot == place.slot }) else { return nil }
    switch input.source {
    case .node(let node): return place.position == 0 ? node : nil
    case .join(let join):
      let members = joins[join.index].members
      return members.indices.contains(place.position) ? members[place.position].node : nil
    }
  }

  /// The direct inputs of a node, joins opened.
  public func predecessors(of id: NodeID) -> [NodeID] {
    nodes[id.index].inputs.flatMap { input in
      switch input.source {
      case .node(let node): [node]
      case .join(let join): joins[join.index].members.map(\.node)
      }
    }
  }

  /// For each direct input of a node, joins opened, the nodes behind it: itself, and upstream of it those that stand at
  /// axis values of their own.
  public func nodesBehindInputs(of id: NodeID) -> [[NodeID]] {
    predecessors(of: id).map { member in
      var seen: Set<Int> = [member.index]
      var stack = [member]
      while let next = stack.popLast() {
        for source in predecessors(of: next)
        where !self[source].axes.isEmpty && seen.insert(source.index).inserted {
          stack.append(source)
        }
      }
      return seen.sorted().map { NodeID($0) }
    }
  }
}
