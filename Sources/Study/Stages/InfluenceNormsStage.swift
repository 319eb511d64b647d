// The stage `influence-norms`: do images with similar features have similar influence?

import HDF5
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
    name: "influence-norms", version: 1,
    summary: "measures the influence (or gradient) of single images, near and far in feature space",
    parameters: [solver, extent, damping, hessianImages, tolerance, iterations],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration(
        "net", accepts: ["train", "retrain", "unlearn"], "the net whose loss is differentiated"),
      InputDeclaration(
        "neighbours", accepts: ["neighbours"],
        "distances to a reference, made with k; the mean's influence is the mean of its images' influences"),
    ],
    datasets: [
      LayoutDeclaration("/indices", "i64 [m]", "the images, into the train split, nearest first"),
      LayoutDeclaration("/distances", "f64 [m]", "feature distance to the reference"),
      LayoutDeclaration("/side", "u8 [m]", "0 among the k nearest, 1 between, 2 among the k farthest"),
      LayoutDeclaration("/norms", "f64 [m]", "L2 norm of each image's influence"),
      LayoutDeclaration(
        "/influence_distances", "f64 [m]", "L2 distance of each image's influence to the reference's"),
      LayoutDeclaration("/reference_norm", "f64", "L2 norm of the reference's influence"),
      LayoutDeclaration(
        "/{near,far}/{mean,half_width,median}", "f64", "of the norms; the mean's 95 % half-width"),
      LayoutDeclaration(
        "/{pearson,spearman}/{coefficient,lower,upper}", "f64",
        "correlation of feature distance and influence distance with its 95 % interval"),
      LayoutDeclaration(
        "/norm/{pearson,spearman}/{coefficient,lower,upper}", "f64", "the same of feature distance and norm"),
    ],
    attributes: [
      LayoutDeclaration("solver", "string", "as the parameter"),
      LayoutDeclaration("damping", "float", "as the parameter; 0 without a solver"),
      LayoutDeclaration("iterations", "int", "solver iterations, of all images"),
      LayoutDeclaration("residual", "float", "the worst true relative residual"),
      LayoutDeclaration("converged", "int", "1 if each residual is within the tolerance"),
      LayoutDeclaration("hessian_images", "int", "images that the curvature was a mean over"),
      LayoutDeclaration("metric", "string", "of the feature distances"),
    ],
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
    let distances = chosen.map(\.distance)
    var artifact = try ArtifactWriter(task)
    try artifact.write("/indices", chosen.map { Int64($0.image) })
    try artifact.write("/distances", distances)
    try artifact.write("/side", chosen.map(\.side))
    try artifact.write("/norms", result.norms)
    try artifact.write("/influence_distances", result.distances)
    try artifact.write("/reference_norm", scalar: result.referenceNorm)
    for (name, side) in [("near", 0), ("far", 2)] {
      let norms = zip(chosen, result.norms).filter { $0.0.side == side }.map(\.1)
      let summary = try Summary(norms)
      try artifact.write("/\(name)/mean", scalar: summary.mean)
      try artifact.write("/\(name)/half_width", scalar: summary.confidenceHalfWidth ?? .nan)
      try artifact.write("/\(name)/median", scalar: try BoxPlot(norms).median)
    }
    try write(&artifact, "/pearson", try Correlation.pearson(distances, result.distances))
    try write(&artifact, "/spearman", try Correlation.spearman(distances, result.distances))
    try write(&artifact, "/norm/pearson", try Correlation.pearson(distances, result.norms))
    try write(&artifact, "/norm/spearman", try Correlation.spearman(distances, result.norms))
    try artifact.attribute("solver", .string(solver.rawValue))
    try artifact.attribute("damping", .real(options?.damping ?? 0))
    try artifact.attribute("iterations", .integer(Int64(result.iterations)))
    try artifact.attribute("residual", .real(result.residual))
    try artifact.attribute("converged", .integer(result.converged ? 1 : 0))
    try artifact.attribute("hessian_images", .integer(Int64(result.hessianImages)))
    try artifact.attribute("metric", .string(neighbours.metric))
    return try artifact.finish()
  }

  private static func write(_ artifact: inout ArtifactWriter, _ path: String, _ correlation: Correlation)
    throws
  {
    try artifact.write(path + "/coefficient", scalar: correlation.coefficient)
    try artifact.write(path + "/lower", scalar: correlation.lower ?? .nan)
    try artifact.write(path + "/upper", scalar: correlation.upper ?? .nan)
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
    let (distances, indices, metric) = try task.loadDistances()
    let file = try FileReader(at: task.input("neighbours").path)
    guard file.contains("/nearest") else {
      throw StageFailure("input neighbours lists no nearest and farthest images: give that stage a k")
    }
    let nearest = Set(try file.read("/nearest", as: Int64.self, shape: [nil]))
    let farthest = Set(try file.read("/farthest", as: Int64.self, shape: [nearest.count]))
    guard nearest.isDisjoint(with: farthest) else {
      throw StageFailure("k = \(nearest.count) is more than half of the images, so near and far ones overlap")
    }
    let reference: Int64 = try file.readScalar("/reference")
    let order = try file.read("/order", as: Int64.self, shape: [indices.count]).map { Int($0) }
    self.metric = metric
    isMean = reference < 0
    self.reference = isMean ? indices.map { Int($0) } : [Int(reference)]
    members = order.filter { indices[$0] != reference }.map { row in
      let side: UInt8 = nearest.contains(indices[row]) ? 0 : farthest.contains(indices[row]) ? 2 : 1
      return Member(image: Int(indices[row]), distance: distances[row], side: side)
    }
  }

  /// Those that are measured.
  func measured(all: Bool) -> [Member] { all ? members : members.filter { $0.side != 1 } }
}
