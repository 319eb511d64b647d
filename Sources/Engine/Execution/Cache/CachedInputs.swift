// What a node reads, as far as it is in the cache, in the words of a task.

import PipelineCore

extension CacheStore {
  /// The artifacts that fill the slots of a node.
  ///
  /// - Parameter artifact: The artifact of a node that is up to date; one that is not is left out.
  /// - Returns: The artifacts by slot, and the slots that take many, whatever their number is.
  public func taskInputs(of id: NodeID, in plan: Plan, artifact: (NodeID) -> Artifact?) -> (
    inputs: [String: [TaskInput]], gathers: Set<String>
  ) {
    func input(_ source: NodeID, label: String) -> TaskInput? {
      artifact(source).map { artifact in
        TaskInput(
          label: label, node: plan[source].name, stage: plan.stage(of: source).declaration.name,
          axes: plan[source].axes, path: file(of: artifact), content: artifact.content,
          fileDigest: artifact.fileDigest)
      }
    }
    var inputs: [String: [TaskInput]] = [:]
    var gathers: Set<String> = []
    for planned in plan[id].inputs {
      switch planned.source {
      case .node(let source):
        inputs[planned.slot] = [input(source, label: plan.stage(of: source).name)].compactMap { $0 }
      case .join(let join):
        inputs[planned.slot] = plan.joins[join.index].members.compactMap { input($0.node, label: $0.label) }
        gathers.insert(planned.slot)
      }
    }
    return (inputs, gathers)
  }
}
