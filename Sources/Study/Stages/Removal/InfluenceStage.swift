// The stage `influence`: the change of the parameters that removes a group, by one scheme in one step.

import Artifacts
import Glibc
import Influence
import NeuralNet
import PipelineCore
import Tensor
import Wording

/// Computes the influence of a group.
public enum InfluenceStage: Stage {
  static let compareImages = Parameter(
    "compare_images", .optional(.integer(1...)), default: nil,
    "also solve with this many curvature images, to see how much the answer moves (null: don't)")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "influence", version: 3, summary: "computes the change of a net's parameters that removes a group",
    parameters: SolverParameters.all + [compareImages],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: NetStages.trained, "the net, trained on all images"),
      InputDeclaration("group", accepts: ["group"], "the images to remove"),
      SolverParameters.spectrum,
    ],
    datasets: InfluenceArtifact.datasets, attributes: InfluenceArtifact.attributes,
    isRandom: true, resources: SolverParameters.resources,
    unused: { values, slots in
      SolverParameters.unused(values, slots).union(
        values[compareImages] == nil ? [compareImages.name] : [])
    },
    check: SolverParameters.check)

  /// Writes the influence.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let net = try task.loadNet("net")
    let group = try task.loadGroup()
    context.reportWholeLabels(group, images)
    let pool = ThreadPool(threads: task.threads)
    let compared = task.parameters[compareImages]
    let solves = compared == nil ? 1 : 2
    let ceiling = try task.solverCeiling(net, steps: solves)
    func solve(_ number: Int, _ options: InfluenceOptions, _ spectrum: CurvatureSpectrum?) throws
      -> GroupInfluence
    {
      let influence = try groupInfluence(
        net.network, parameters: net.parameters, data: images, trainingSet: Array(0..<images.count),
        group: group.indices, options: options, spectrum: spectrum,
        stream: RandomStream(key: task.streamKey), memoryCeiling: ceiling,
        pool: pool
      ) { context.report($0, step: number, of: solves) }
      if influence.negativeCurvature {
        throw InfluenceError.negativeCurvature(step: 0, iteration: influence.iterations)
      }
      return influence
    }
    var options = SolverParameters.options(task.parameters, weightDecay: net.weightDecay)
    let influence = try solve(0, options, try task.loadSpectrum(parameters: net.parameters.count))
    var other: GroupInfluence?
    if let compared {
      options.hessianImages = compared
      other = try solve(1, options, nil)
    }
    var artifact = try ArtifactWriter<InfluenceArtifact>(task)
    try artifact.write(\.gradient, influence.gradient)
    try artifact.write(\.influence, influence.change)
    try artifact.write(\.firstOrder, influence.firstOrder)
    try artifact.write(\.selected, influence.selected)
    try artifact.write(\.hessianIndices, influence.curvatureImages)
    try artifact.write(\.groupIndices, influence.groupImages)
    try artifact.write(\.groupLoss, LossEffect(influence.groupLoss))
    try artifact.write(\.retainedLoss, LossEffect(influence.retainedLoss))
    try artifact.write(\.solve, Solve([influence], task.parameters))
    try artifact.write(\.comparedImages, other?.hessianImages ?? 0)
    try artifact.write(\.moved, other.map { relativeDistance(influence.change, $0.change) } ?? .nan)
    try artifact.write(\.comparedGroupLoss, other?.groupLoss?.actual ?? .nan)
    return try artifact.finish()
  }
}

/// ‖a − b‖ / ‖b‖.
private func relativeDistance(_ a: [Float], _ b: [Float]) -> Double {
  let apart = zip(a, b).map { $0 - $1 }
  return (dot(apart, apart) / dot(b, b)).squareRoot()
}

extension StageContext {
  /// Says where a solver stands. The residual of conjugate gradients falls roughly by a constant factor an iteration,
  /// so the share of the decades down to 1e-3 is the share of the work.
  func report(_ solver: InfluenceProgress, step: Int, of steps: Int) {
    var done = Double(solver.iteration) / Double(solver.maxIterations)
    var residual = ""
    if let relative = solver.relativeResidual {
      done = min(1, max(0, -log10(max(relative, 1e-12)) / 3))
      residual = ", residual \(printed(relative, "%.1e"))"
    }
    let which = steps > 1 ? "step \(step + 1)/\(steps), " : ""
    progress((Double(step) + done) / Double(steps), "\(which)iteration \(solver.iteration)\(residual)")
  }

  /// Says which labels lose their last training image with a group: what the net then says of them is no matter of
  /// similar images that stay.
  func reportWholeLabels(_ group: Group, _ images: ImageSet) {
    var left = [Int](repeating: 0, count: 256)
    for label in images.labels { left[Int(label)] += 1 }
    var removed = Set<UInt8>()
    for index in group.indices {
      left[Int(images.labels[index])] -= 1
      removed.insert(images.labels[index])
    }
    let whole = removed.filter { left[Int($0)] == 0 }.sorted()
    if !whole.isEmpty {
      log("the group is all training images of label \(whole.map(String.init).joined(separator: ", "))")
    }
  }
}
