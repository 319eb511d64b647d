// The nodes of a pipeline as columns of the page's data.

import PipelineCore
import PipelineExecution

/// Numbers texts in the order in which they first come.
struct Numbering<Key: Hashable> {
  private var numbers: [Key: Int] = [:]
  private(set) var all: [Key] = []

  mutating func number(_ key: Key) -> Int {
    if let known = numbers[key] { return known }
    numbers[key] = all.count
    all.append(key)
    return all.count - 1
  }
}

extension Snapshot {
  /// The stages.
  var stageData: [StageData] {
    plan.stages.map { stage in
      StageData(
        name: stage.name, type: stage.declaration.name, version: stage.declaration.version, axes: stage.axes,
        slots: stage.nodes.first.map { plan.nodes[$0].inputs.map(\.slot) } ?? [],
        notes: document.notes(of: stage),
        first: stage.nodes.lowerBound,
        count: stage.nodes.count)
    }
  }

  /// The nodes, the sets of parameters that they have, and the reasons for which they ran.
  func nodeData() -> (nodes: NodeColumns, parameters: [ParameterSet], reasons: [String]) {
    var columns = NodeColumns()
    var sets: [ParameterSet] = []
    let names = plan.stages.map { $0.declaration.parameters.map(\.name).sorted() }
    var (parameters, reasons) = (Numbering<ParameterValues>(), Numbering<String>())
    // By stage and parameters: what they need is computed once.
    var declared: [[Int]: Int] = [:]
    for (index, node) in plan.nodes.enumerated() {
      columns.name.append(node.name)
      columns.values.append(node.axes.map(\.value.plainText))
      columns.state.append(states[index].rawValue)
      columns.inputs.append(
        node.inputs.map { input in
          switch input.source {
          case .node(let id): id.index
          case .join(let id): -1 - id.index
          }
        })
      let number = parameters.number(node.parameters)
      if number == sets.count { sets.append(ParameterSet(names: names[node.stage], values: node.parameters)) }
      columns.parameters.append(number)
      let needs =
        declared[[node.stage, number]]
        ?? plan.stages[node.stage].declaration.resources(node.parameters).memory
      declared[[node.stage, number]] = needs
      columns.declared.append(needs)
      add(artifacts[index], made[index], to: &columns)
      columns.reason.append(reasons.number(self.reasons[index]))
    }
    return (columns, sets, reasons.all)
  }

  private func add(_ artifact: Artifact?, _ record: ActionRecord?, to columns: inout NodeColumns) {
    columns.file.append(artifact.map { "\($0.action.hex).\($0.fileExtension)" } ?? "")
    columns.digest.append(artifact?.fileDigest.hex ?? "")
    columns.size.append(artifact?.size ?? 0)
    columns.seconds.append(Number(record?.seconds ?? .nan))
    columns.threads.append(record?.threads ?? 0)
    columns.memory.append(record?.peakMemory ?? 0)
    columns.created.append(record?.created ?? "")
  }
}
