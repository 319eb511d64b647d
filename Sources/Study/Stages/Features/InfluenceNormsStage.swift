// The stage `influence-norms`: do images with similar features have similar influence?

import Artifacts
import Influence
import NeuralNet
import PipelineCore
import Statistics
import Tensor

/// Measures single images' influence beside their distance in feature space.
public enum InfluenceNormsStage: Stage {
  /// What an image's influence is: its gradient, or that solved with the curvature.
  enum Solver: String, CaseIterable { case none, cg }
  /// Which images are measured.
  enum Extent: String, CaseIterable {
    case nearAndFar = "near-and-far"
    case all
  }

  private static let defaults = InfluenceOptions()

  static let solver = Parameter(
    "solver", .choice(Solver.self), default: Solver.none,
    "none: an image's influence is its gradient g; cg: H⁻¹g, one solve an image")
  static let extent = Parameter(
    "images", .choice(Extent.self), default: .nearAndFar,
    "which are measured: the k nearest and k farthest, or those between them too")
  static let damping = Parameter(
    "damping", .number(0...), default: defaults.damping, "cg: added to the curvature's diagonal")
  static let hessianImages = Parameter(
    "hessian_images", .integer(1...), default: 1000,
    "cg: images that the curvature is a mean over, drawn by seed from the train split")
  static let tolerance = Parameter(
    "tolerance", .number(1e-12...0.999), default: defaults.tolerance,
    "cg: bound of the true relative residual")
  static let iterations = Parameter(
    "iterations", .integer(1...1_000_000), default: defaults.maxIterations, "cg: the most iterations an image"
  )

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "influence-norms", version: 2,
    summary: "measures the influence (or gradient) of single images, near and far in feature space",
    parameters: [solver, extent, damping, hessianImages, tolerance, iterations],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration(
        "net", accepts: NetStages.trained, "the net whose loss is differentiated"),
      InputDeclaration(
        "neighbours", accepts: ["neighbours"],
        "distances to a reference, made with k; the mean's influence is the mean of its images' influences"),
    ],
    datasets: InfluenceNormsArtifact.datasets, attributes: InfluenceNormsArtifact.attributes,
    isRandom: true,
    resources: { Resources(cores: $0[solver] == .cg ? 64 : 1, memory: 640 << 20) })

  /// Writes norms and correlations.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let net = try task.loadNet("net")
    let neighbours = try NeighbourLists(task)
    let chosen = neighbours.measured(all: task.parameters[extent] == .all)
    let solver = task.parameters[Self.solver]
    var options: InfluenceOptions?
    if solver == .cg {
      var chosen = InfluenceOptions()
      chosen.damping = task.parameters[damping]
      chosen.hessianImages = task.parameters[hessianImages]
      chosen.tolerance = task.parameters[tolerance]
      chosen.maxIterations = task.parameters[iterations]
      chosen.weightDecay = Float(net.weightDecay)
      options = chosen
    }
    let result = try imageInfluences(
      net.network, parameters: net.parameters, data: images, images: chosen.map(\.image),
      reference: neighbours.reference, options: options, stream: RandomStream(key: task.streamKey),
      pool: ThreadPool(threads: task.threads)
    ) { done in
      if done % 20 == 0 || done == chosen.count {
        context.progress(Double(done) / Double(chosen.count), "image \(done)/\(chosen.count)")
      }
    }
    var artifact = try ArtifactWriter<InfluenceNormsArtifact>(task)
    try artifact.write(chosen, result)
    try artifact.write(\.solver, solver.rawValue)
    try artifact.write(\.damping, options?.damping ?? 0)
    try artifact.write(\.iterations, result.iterations)
    try artifact.write(\.residual, result.residual)
    try artifact.write(\.converged, result.converged)
    try artifact.write(\.hessianImages, result.hessianImages)
    try artifact.write(\.metric, neighbours.metric)
    return try artifact.finish()
  }
}

extension ArtifactWriter<InfluenceNormsArtifact> {
  /// Writes the measures of some images, and what they say together.
  fileprivate mutating func write(_ chosen: [NeighbourLists.Member], _ result: ImageInfluences) throws {
    let distances = chosen.map(\.distance)
    try write(\.indices, chosen.map(\.image))
    try write(\.distances, distances)
    try write(\.side, chosen.map(\.side))
    try write(\.norms, result.norms)
    try write(\.influenceDistances, result.distances)
    try write(\.referenceNorm, result.referenceNorm)
    for (fields, side) in [(\InfluenceNormsArtifact.near, 0), (\.far, 2)] {
      let norms = zip(chosen, result.norms).filter { $0.0.side == side }.map(\.1)
      let summary = try Summary(norms)
      try write(fields.appending(path: \.mean), summary.mean)
      try write(fields.appending(path: \.halfWidth), summary.confidenceHalfWidth ?? .nan)
      try write(fields.appending(path: \.median), try BoxPlot(norms).median)
    }
    try write(\.pearson, Interval(try Correlation.pearson(distances, result.distances)))
    try write(\.spearman, Interval(try Correlation.spearman(distances, result.distances)))
    try write(\.normPearson, Interval(try Correlation.pearson(distances, result.norms)))
    try write(\.normSpearman, Interval(try Correlation.spearman(distances, result.norms)))
  }
}

extension Interval {
  /// A correlation coefficient with its interval.
  init(_ correlation: Correlation) {
    self.init(
      value: correlation.coefficient, lower: correlation.lower ?? .nan, upper: correlation.upper ?? .nan)
  }
}

/// The nearest and farthest images of a `neighbours` artifact.
struct NeighbourLists {
  /// One image that is not the reference.
  struct Member {
    /// Into the train split.
    var image: Int
    /// To the reference.
    var distance: Double
    /// 0 among the k nearest, 1 between, 2 among the k farthest.
    var side: UInt8
  }

  /// All images but the reference, nearest first.
  var members: [Member]
  /// The reference image, or all images for the mean.
  var reference: [Int]
  /// Of the distances.
  var metric: String
  /// Whether the reference is the mean of all images.
  var isMean: Bool

  /// Reads slot `neighbours`.
  init(_ task: StageTask) throws {
    let distances = try task.loadDistances()
    let indices = distances.indices
    let file = try ArtifactReader<NeighboursArtifact>(task.input("neighbours"))
    guard let nearest = try file.read(\.nearest).map(Set.init),
      let farthest = try file.read(\.farthest).map(Set.init)
    else {
      throw StageFailure(
        "input neighbours has no lists of nearest and farthest images: set the parameter 'k' of that stage")
    }
    guard nearest.isDisjoint(with: farthest) else {
      throw StageFailure("k = \(nearest.count) is more than half of the images, so near and far ones overlap")
    }
    let reference = try file.read(\.reference)
    metric = distances.metric
    isMean = reference < 0
    self.reference = isMean ? indices : [reference]
    members = try file.read(\.order).filter { indices[$0] != reference }.map { row in
      let side: UInt8 = nearest.contains(indices[row]) ? 0 : farthest.contains(indices[row]) ? 2 : 1
      return Member(image: indices[row], distance: distances.distances[row], side: side)
    }
  }

  /// Those that are measured.
  func measured(all: Bool) -> [Member] { all ? members : members.filter { $0.side != 1 } }
}
