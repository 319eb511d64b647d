// A pipeline file in miniature: stages with parameters, axes and inputs, expanded to a plan.

import PipelineCore
import PipelineExecution

/// A pipeline of toy stages, edited by tests as a user edits a file.
public struct ToyPipeline: Sendable {
  /// One stage of the file.
  public struct Stage: Sendable {
    /// Its name in the file.
    public var name: String
    /// The stage type.
    public var type: String
    /// Parameters that differ from the defaults.
    public var parameters: [String: Value]
    /// Axes over which it expands, and their values.
    public var axes: [(name: String, values: [Int])]
    /// Stages by slot. One whose axes the stage has too is taken at the same values, any other is taken
    /// whole.
    public var inputs: [(slot: String, stages: [String])]
    /// Seconds after which a node hangs.
    public var timeout: Double?
  }

  /// The pipeline's name.
  public var name: String
  /// The folder to which external files are relative.
  public var folder: String
  /// The stages, each after those that it takes.
  public var stages: [Stage] = []

  /// An empty pipeline.
  public init(_ name: String, folder: String = "/") {
    self.name = name
    self.folder = folder
  }

  /// Adds a stage.
  public mutating func add(
    _ name: String, _ type: String, _ parameters: [String: Value] = [:],
    axes: [(name: String, values: [Int])] = [], from inputs: [(slot: String, stages: [String])] = [],
    timeout: Double? = nil
  ) {
    stages.append(
      Stage(name: name, type: type, parameters: parameters, axes: axes, inputs: inputs, timeout: timeout))
  }

  /// A stage, to be edited.
  public subscript(_ name: String) -> Stage {
    get { stages[stages.firstIndex { $0.name == name }!] }
    set { stages[stages.firstIndex { $0.name == name }!] = newValue }
  }

  /// Sets a parameter of all stages.
  public mutating func setAll(_ parameter: String, _ value: Value) {
    for index in stages.indices { stages[index].parameters[parameter] = value }
  }

  /// The expanded pipeline.
  public func plan(_ registry: StageRegistry = toyStages) throws -> Plan {
    var plan = Plan(name: name, baseDirectory: folder, stages: [], nodes: [], joins: [])
    var joins: [[String]: JoinID] = [:]
    for (index, stage) in stages.enumerated() {
      let declaration = registry.declaration(stage.type)!
      // `setAll` reaches stages of all types.
      let parameters = try ParameterValues(
        stage.parameters.filter { name, _ in declaration.parameter(name) != nil }, of: declaration)
      let files = try declaration.externalFiles(parameters).sorted().map {
        ExternalFile(path: $0, digest: try digestOfFile(folder + "/" + $0))
      }
      let start = plan.nodes.count
      for axes in Self.product(stage.axes) {
        let at = axes.map { "\($0.axis)=\($0.value.plainText)" }.joined(separator: ",")
        let inputs = stage.inputs.map { slot, sources in
          PlannedInput(slot: slot, source: source(sources, at: axes, &plan, &joins))
        }
        plan.nodes.append(
          PlannedNode(
            name: axes.isEmpty ? stage.name : "\(stage.name)[\(at)]", stage: index, parameters: parameters,
            axes: axes, inputs: inputs, files: files))
      }
      plan.stages.append(
        PlannedStage(
          name: stage.name, declaration: declaration, axes: stage.axes.map(\.name),
          nodes: start..<plan.nodes.count, timeout: stage.timeout))
    }
    return plan
  }

  private func source(
    _ names: [String], at axes: [AxisValue], _ plan: inout Plan, _ joins: inout [[String]: JoinID]
  ) -> InputSource {
    if names.count == 1, let stage = plan.stages.first(where: { $0.name == names[0] }),
      stage.axes.allSatisfy({ axis in axes.contains { $0.axis == axis } }),
      let node = stage.nodes.first(where: { plan.nodes[$0].axes.allSatisfy(axes.contains) })
    {
      return .node(NodeID(node))
    }
    if let join = joins[names] { return .join(join) }
    let members = names.flatMap { name in
      plan.stages.first { $0.name == name }!.nodes.map { JoinMember(label: name, node: NodeID($0)) }
    }
    plan.joins.append(Join(members: members))
    joins[names] = JoinID(plan.joins.count - 1)
    return .join(JoinID(plan.joins.count - 1))
  }

  private static func product(_ axes: [(name: String, values: [Int])]) -> [[AxisValue]] {
    axes.reduce([[]]) { points, axis in
      points.flatMap { point in axis.values.map { point + [AxisValue(axis.name, .integer($0))] } }
    }
  }
}

extension ToyPipeline {
  /// One source, `width` nodes that take it, `width` that take those, and a sum over all.
  public static func fan(width: Int, seconds: Double, log: String) -> ToyPipeline {
    var pipeline = ToyPipeline("fan")
    let axes = [(name: "i", values: Array(0..<width))]
    pipeline.add("source", "number", ["value": .integer(5), "padding": .integer(100_000)])
    pipeline.add("draw", "random", axes: axes)
    pipeline.add("middle", "sum", axes: axes, from: [("terms", ["source"]), ("more", ["draw"])])
    pipeline.add("total", "sum", from: [("terms", ["middle"])])
    pipeline.setAll("seconds", .number(seconds))
    pipeline.setAll("log", .string(log))
    return pipeline
  }
}
