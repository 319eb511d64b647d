// The stage `influence`: the change of the parameters that removes a group, by one linear solve.

import Analysis
import Foundation
import NeuralNet
import PipelineCore
import Tensor

/// Computes the influence of a group.
public enum InfluenceStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "influence", version: 1, summary: "computes the change of a net's parameters that removes a group",
    parameters: SolverParameters.declarations,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], "the net, trained on all images"),
      InputDeclaration("group", accepts: ["group"], "the images to remove"),
    ],
    datasets: [
      LayoutDeclaration(
        "/gradient", "f32 [p]", "mean over the group, with λθ at scale mean; in state_dict order"),
      LayoutDeclaration("/influence", "f32 [p]", "the change that the scheme proposes, in state_dict order"),
      LayoutDeclaration("/hessian_indices", "i64 [h]", "the images that the curvature is a mean over"),
    ],
    attributes: SolverParameters.attributes, isRandom: true, resources: SolverParameters.resources)

  /// Writes the influence.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let net = try task.loadNet("net")
    let group = try task.loadGroup()
    let influence = try groupInfluence(
      net.network, parameters: net.parameters, data: images, trainingSet: Array(0..<images.count),
      group: group.indices, options: SolverParameters.options(task.parameters, weightDecay: net.weightDecay),
      stream: RandomStream(key: task.streamKey), memoryCeiling: SolverParameters.ceiling(task.parameters),
      pool: ThreadPool(threads: task.threads)
    ) { context.report($0, step: 0, of: 1) }
    if influence.negativeCurvature {
      throw InfluenceError.negativeCurvature(step: 0, iteration: influence.iterations)
    }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/gradient", influence.gradient)
    try artifact.write("/influence", influence.change)
    try artifact.write("/hessian_indices", influence.curvatureImages.map { Int64($0) })
    try artifact.write(TrustLine([influence], task.parameters))
    return try artifact.finish()
  }
}

extension StageContext {
  /// Says where a solver stands. Its residual falls roughly by a constant factor an iteration, so the share of the
  /// decades down to 1e-3 is the share of the work.
  func report(_ solver: SolverProgress, step: Int, of steps: Int) {
    let done = min(1, max(0, -log10(max(solver.relativeResidual, 1e-12)) / 3))
    let which = steps > 1 ? "step \(step + 1)/\(steps), " : ""
    progress(
      (Double(step) + done) / Double(steps),
      "\(which)iteration \(solver.iteration), residual \(String(format: "%.1e", solver.relativeResidual))")
  }
}
