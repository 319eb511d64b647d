// The stage `unlearn`: removes a group from a net, by a ready influence in one step or part by part in several.

import Analysis
import HDF5
import NeuralNet
import PipelineCore
import Tensor

/// Unlearns a group.
public enum UnlearnStage: Stage {
  private static let partNames = ["near", "moderate", "far"]

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "unlearn", version: 1,
    summary: "removes a group from a net: in one step by an influence, or part by part",
    parameters: [
      ParameterDeclaration(
        "order", .list(.choice(partNames + (0..<10).map(String.init))),
        default: .list(partNames.map(Value.string)),
        "without slot influence: the parts of the group in the order of their removal, gradient and curvature anew at each"
      ),
      ParameterDeclaration(
        "factor", .number(-1e6...1e6), default: .number(1), "with slot influence: how much of it is applied"),
    ] + SolverParameters.declarations,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], "the net, trained on all images"),
      InputDeclaration("group", accepts: ["group"], "the images to remove, with their parts"),
      InputDeclaration(
        "influence", accepts: ["influence"], .optional,
        "the change to apply in one step; then the solver's parameters are not used"),
    ],
    datasets: netLayout + [
      LayoutDeclaration("/steps/change", "f32 [k,p]", "the change of each step, in state_dict order"),
      LayoutDeclaration("/steps/size", "i64 [k]", "images removed at each step"),
      LayoutDeclaration("/steps/iterations", "i64 [k]", "solver iterations of each step"),
      LayoutDeclaration("/steps/residual", "f64 [k]", "true relative residual of each step"),
    ],
    attributes: netAttributes + SolverParameters.attributes, isRandom: true,
    resources: SolverParameters.resources,
    check: { parameters in
      let order = parameters.strings("order").map(partNumber)
      if order.isEmpty { return ParameterProblem("order", "'order' needs at least one part") }
      return Set(order).count < order.count ? ParameterProblem("order", "'order' names a part twice") : nil
    })

  private static func partNumber(_ name: String) -> UInt8 {
    UInt8(partNames.firstIndex(of: name) ?? Int(name) ?? 0)
  }

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let net = try task.loadNet("net")
    let group = try task.loadGroup()
    let pool = ThreadPool(threads: task.threads)
    let steps: [(change: [Float], size: Int, iterations: Int, residual: Double)]
    let parameters: [Float]
    let trust: TrustLine
    let factor: Double
    if let input = task.optionalInput("influence") {
      let file = try FileReader(at: input.path)
      trust = try TrustLine(file)
      factor = task.parameters.number("factor")
      let influence: [Float] = try file.read("/influence", shape: [net.parameters.count])
      let change = influence.map { Float(Double($0) * factor) }
      steps = [(change, group.indices.count, trust.iterations, trust.residual)]
      parameters = zip(net.parameters, change).map { $0 + $1 }
    } else {
      let parts = try Self.parts(group, task.parameters.strings("order"))
      let result = try unlearn(
        net.network, parameters: net.parameters, data: images, trainingSet: Array(0..<images.count),
        parts: parts,
        options: SolverParameters.options(task.parameters, weightDecay: net.weightDecay),
        stream: RandomStream(key: task.streamKey), memoryCeiling: SolverParameters.ceiling(task.parameters),
        pool: pool
      ) { context.report($1, step: $0, of: parts.count) }
      trust = TrustLine(result.steps, task.parameters)
      steps = zip(result.steps, parts).map { ($0.change, $1.count, $0.iterations, $0.residual) }
      factor = 1
      parameters = result.parameters
    }
    // The history of a net that was not trained: how it does on what is retained, after the last step.
    let retained = group.complement(in: images.count)
    guard !retained.isEmpty else { throw InfluenceError.nothingRetained }
    let after = try evaluate(net.network, parameters: parameters, data: images, indices: retained, pool: pool)
    var artifact = try ArtifactWriter(task)
    try artifact.write(Net(network: net.network, parameters: parameters, weightDecay: net.weightDecay))
    try artifact.write("/history/loss", [after.loss])
    try artifact.write("/history/accuracy", [after.accuracy])
    try artifact.write("/history/learning_rate", [factor])
    try artifact.write("/steps/change", steps.flatMap(\.change), shape: [steps.count, net.parameters.count])
    try artifact.write("/steps/size", steps.map { Int64($0.size) })
    try artifact.write("/steps/iterations", steps.map { Int64($0.iterations) })
    try artifact.write("/steps/residual", steps.map(\.residual))
    try artifact.write(trust)
    return try artifact.finish()
  }

  /// The parts of the group in order; a part without an image is a step that changes nothing.
  private static func parts(_ group: Group, _ order: [String]) throws -> [[Int]] {
    let parts = order.map { name in
      zip(group.indices, group.parts).filter { $0.1 == partNumber(name) }.map(\.0)
    }
    if parts.allSatisfy(\.isEmpty) {
      let known = Set(group.parts).sorted().map(String.init).joined(separator: ", ")
      throw StageFailure(
        "none of the parts \(order.joined(separator: ", ")) has an image; the group has parts \(known)")
    }
    return parts
  }
}
