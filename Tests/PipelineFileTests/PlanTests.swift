// What a right file means: nodes, parameters, inputs, joins and their order.

import PipelineCore
import PipelineFile
import Testing

@Suite struct PlanTests {
  @Test func expandsAxes() throws {
    let document = try document(coherent)
    #expect(document.description == "Remove coherent groups of label 0.")
    #expect(document.files == ["folder/main.yaml"])
    #expect(
      document.parameters
        == ["label": .integer(0), "epochs": .integer(3), "text": .string("label 0")])
    let plan = document.plan
    #expect(plan.name == "main")
    #expect(plan.baseDirectory == "folder")
    #expect(plan.stages.map(\.name) == ["images", "base", "group", "retrain", "table", "each"])
    #expect(plan.stages.map(\.nodes) == [0..<1, 1..<2, 2..<8, 8..<14, 14..<15, 15..<17])
    #expect(plan.stages[3].timeout == 600)
    #expect(plan.stages[2].axes == ["size", "repeat"])
    #expect(
      plan.names[2..<8] == [
        "group[size=100,repeat=0]", "group[size=100,repeat=1]", "group[size=100,repeat=2]",
        "group[size=500,repeat=0]", "group[size=500,repeat=1]", "group[size=500,repeat=2]",
      ])
    let group = try plan.node("group[size=500,repeat=1]")
    #expect(group.parameters.values == ["label": .integer(0), "size": .integer(500), "seed": .integer(1)])
    #expect(group.axes == [AxisValue("size", .integer(500)), AxisValue("repeat", .integer(1))])
    // Defaults are filled in, and 1 is brought to the number that the type asks for.
    let base = try plan.node("base").parameters
    #expect(base["learning_rate"] == .number(1))
    #expect(base["epochs"] == .integer(3))
    #expect(base["widths"] == .list([.integer(120)]))
  }

  @Test func matchesAxesOfInputs() throws {
    let plan = try plan(coherent)
    let name = "retrain[size=500,repeat=1]"
    #expect(try plan.inputs(name, "group") == ["group[size=500,repeat=1]"])
    #expect(try plan.inputs(name, "images") == ["images"])
    #expect(try plan.node(name).inputs.map(\.slot) == ["images", "group", "start"])
    #expect(
      try plan.inputs("table", "rows")
        == plan.names[8..<14].map { "1-step: \($0)" } + ["base: base"])
    #expect(
      try plan.inputs("each[size=500]", "rows")
        == plan.names[5..<8].map { "group: \($0)" } + plan.names[11..<14].map { "retrain: \($0)" })
  }
}
