// Which nodes a pattern means, and what is said of one that means none.

import PipelineCore
import Testing

@Suite struct NodePatternTests {
  /// `train` in two cases over data × seed, `load` over data, `all` alone.
  private var plan: Plan {
    let type = StageDeclaration(name: "t", version: 1, summary: "Does nothing.")
    var plan = Plan(name: "p", baseDirectory: ".", stages: [], nodes: [], joins: [])
    func add(_ name: String, _ label: String?, _ points: [[AxisValue]]) {
      let start = plan.nodes.count
      for point in points {
        let parts = (label.map { [$0] } ?? []) + point.map { "\($0.axis)=\($0.value.plainText)" }
        plan.nodes.append(
          PlannedNode(
            name: parts.isEmpty ? name : "\(name)[\(parts.joined(separator: ","))]", stage: plan.stages.count,
            parameters: try! ParameterValues([:], of: type), axes: point, inputs: []))
      }
      plan.stages.append(
        PlannedStage(
          name: label.map { "\(name)[\($0)]" } ?? name, family: name, declaration: type,
          axes: points[0].map(\.axis), nodes: start..<plan.nodes.count))
    }
    let data = ["alpha", "beta"].map { AxisValue("data", .string($0)) }
    let both = data.flatMap { data in (0..<3).map { [data, AxisValue("seed", .integer($0 * 5))] } }
    add("load", nil, data.map { [$0] })
    add("train", "a", both)
    add("train", "b", both)
    add("all", nil, [[]])
    return plan
  }

  @Test(
    arguments: [
      ("all", 1), ("train", 12), ("train[b]", 6), ("train[a,data=alpha,seed=5]", 1), ("train[seed=5.0]", 4),
      ("train[seed<5]", 4), ("train[seed<=5]", 8), ("train[b,seed>0,data=beta]", 2), ("train[seed>=10]", 4),
      ("train[seed!=0,seed!=10]", 4), ("load[data!=alpha]", 1), ("train[seed=0,data=beta,b]", nil),
    ] as [(String, Int?)])
  func meansNodes(pattern: String, count: Int?) throws {
    let plan = plan
    guard let count else {
      #expect(throws: NodePatternError.self) { try plan.nodes(matching: pattern) }
      return
    }
    let nodes = try plan.nodes(matching: pattern)
    #expect(nodes.count == count && nodes == nodes.sorted())
    // Whatever it means, the full name of each means that node alone.
    for id in nodes { #expect(try plan.nodes(matching: plan[id].name) == [id]) }
  }

  @Test(
    arguments: [
      ("tarin", "pipeline p has no node or stage 'tarin'", "did you mean 'train'?"),
      ("train[third]", "'train' has no case 'third'", "cases: a, b"),
      ("load[a]", "'load' has no cases, so '[a]' names none", "its nodes are named as in 'load[data=alpha]'"),
      ("train[sed=1]", "'train' has no axis 'sed'", "did you mean 'seed'?"),
      ("all[seed=1]", "'all' has no axes: it is one node, which is called by that name alone", nil),
      ("train[seed=1", "'train[seed=1' has no ']' at its end", nil),
      ("train[seed=]", "'seed=' in 'train[seed=]' is no condition on an axis", "conditions are written"),
      ("train[]", "'' in 'train[]' is no condition on an axis", "conditions are written"),
      ("train[data<b]", "'<' compares numbers; found 'b' and, as a value of axis 'data', 'alpha'", "texts"),
      ("train[seed<0,data=alpha]", "no node is meant by 'train[seed<0,data=alpha]'", "seed: 0, 5, 10"),
    ] as [(String, String, String?)])
  func saysWhatIsWrong(pattern: String, message: String, note: String?) {
    let error = #expect(throws: NodePatternError.self) { try plan.nodes(matching: pattern) }
    #expect(error?.message == message)
    if let note { #expect(error?.notes.first?.hasPrefix(note) == true) } else { #expect(error?.notes == []) }
  }
}
