// What stands behind the words of a comparison, from the stages of its pipeline: data, nets, and how each scheme removes a group.

import Artifacts
import PipelineCore

/// Nets and data in words.
package enum NetWords {
  /// The data sets that a pipeline loads, and the nets that it trains, a line each; empty for a pipeline of other stages.
  package static func materials(_ plan: Plan) -> [String] {
    let data = distinct(plan, LoadImagesStage.declaration.name, data)
    let nets = distinct(plan, TrainStage.declaration.name) { id, plan in net(plan[id].parameters) }
    return [("Data", data), ("Net", nets)].filter { !$0.1.isEmpty }
      .map { "\($0): \($1.joined(separator: "; or "))" }
  }

  private static func distinct(_ plan: Plan, _ stage: String, _ words: (NodeID, Plan) -> String) -> [String] {
    let nodes = plan.ids.filter { plan.stage(of: $0).declaration.name == stage }
    return distinctInOrder(nodes.map { words($0, plan) })
  }

  private static func data(_ id: NodeID, _ plan: Plan) -> String {
    let values = plan[id].parameters
    let maker = plan.node(filling: InputPlace(slot: "command", position: 0), of: id)
    let name =
      maker.map { "images that \(plan.stage(of: $0).name) makes" }
      ?? values[LoadImagesStage.folder].map { "images in \($0)" } ?? values[LoadImagesStage.dataset]
    let train = values[LoadImagesStage.trainImages].map { "the first \($0) training images" }
    let test = values[LoadImagesStage.testImages].map { "the first \($0) test images" }
    let held = values[LoadImagesStage.validationImages].map {
      "\($0) training images in place of the test images"
    }
    return ([name] + [train, test, held].compactMap { $0 }).joined(separator: ", ")
  }

  private static func net(_ values: ParameterValues) -> String {
    let epochs = values[TrainingParameters.epochs]
    let unused = TrainStage.declaration.unused?(values, []) ?? []
    var size = ""
    if !unused.contains(TrainingParameters.width.name) {
      size = " of \(values[TrainingParameters.width]) channels"
    } else if !unused.contains(TrainingParameters.widths.name) {
      size = " of \(values[TrainingParameters.widths].map(String.init).joined(separator: ", "))"
    }
    return
      "\(values[TrainingParameters.net])\(size), trained for \(epochs) \(epochs == 1 ? "epoch" : "epochs")"
  }

  /// How the scheme of a row removes a group; nil for a net that nothing was removed from, or that was trained anew.
  package static func removal(_ id: NodeID, in plan: Plan) -> String? {
    func input(_ slot: String) -> NodeID? { plan.node(filling: InputPlace(slot: slot, position: 0), of: id) }
    switch plan.stage(of: id).declaration.name {
    case EvaluateStage.declaration.name: return input("net").flatMap { removal($0, in: plan) }
    case RescaleStage.declaration.name:
      return input("unlearned").flatMap { removal($0, in: plan) }
        .map { $0 + "; the change times a factor at which it forgets as retraining does" }
    case UnlearnStage.declaration.name:
      guard let influence = input("influence") else { return inParts(id, plan, budget: input("budget")) }
      return "removed in one step" + damping(influence, plan)
    default: return nil
    }
  }

  private static func inParts(_ id: NodeID, _ plan: Plan, budget: NodeID?) -> String {
    let values = plan[id].parameters
    let order = values[GroupParts.order].map(\.rawValue)
    let steps = order.count == 1 ? "1 step" : "\(order.count) steps"
    let words =
      switch values[GroupParts.partition] {
      case .whole:
        "removed in one step"
          + (budget.map {
            ", whose solve goes on to as many products with the curvature as \(plan.stage(of: $0).name) took"
          }
            ?? "")
      case .group:
        (order.count == 1
          ? "the part \(order[0]) alone is removed, the others stay"
          : "removed in \(steps): \(order.joined(separator: ", "))") + division(id, plan)
      case .shuffled:
        "removed in \(steps) as large as the parts \(order.joined(separator: ", ")), of images drawn at random"
      case .random: "removed in \(values[GroupParts.count]) equal steps, of images drawn at random"
      }
    return words + damping(id, plan)
  }

  /// By what a group is divided into parts.
  private static func division(_ id: NodeID, _ plan: Plan) -> String {
    func input(_ slot: String, _ id: NodeID) -> NodeID? {
      plan.node(filling: InputPlace(slot: slot, position: 0), of: id)
    }
    guard let cluster = (input("parts", id) ?? input("group", id)).flatMap({ input("cluster", $0) }) else {
      return ""
    }
    let method = plan[cluster].parameters[ClusterStage.method]
    return method == .sigma ? ", by distance in feature space" : ", by \(method.rawValue) clusters"
  }

  private static func damping(_ id: NodeID, _ plan: Plan) -> String {
    let slots = Set(plan[id].inputs.map(\.slot))
    let unused = plan.stage(of: id).declaration.unused?(plan[id].parameters, slots) ?? []
    if unused.contains(SolverParameters.damping.name) { return "" }
    return " (damping \(plan[id].parameters[SolverParameters.damping]))"
  }
}
