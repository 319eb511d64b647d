// The stage `spectrum`: the largest eigenpairs of a net's curvature, once for all groups to be removed from it.

import HDF5
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// Computes the top of the curvature's spectrum.
public enum SpectrumStage: Stage {
  private static let defaults = InfluenceOptions()

  static let curvature = Parameter(
    "curvature", .choice(CurvatureKind.self), default: defaults.curvature,
    "the curvature, at the net's parameters")
  static let hessianImages = Parameter(
    "hessian_images", .integer(1...), default: defaults.hessianImages,
    "images that the curvature is a mean over, drawn by seed from the train split")
  static let pairs = Parameter(
    "pairs", .integer(2...2000), default: 50, "how many eigenpairs; two products each")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "spectrum", version: 1,
    summary: "computes the largest eigenpairs of a net's curvature, which speed up the solves of influences",
    parameters: [curvature, hessianImages, pairs, SolverParameters.memory],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], "the net, trained on all images"),
    ],
    datasets: [
      LayoutDeclaration("/eigenvalues", "f64 [k]", "descending, weight decay included and damping not"),
      LayoutDeclaration("/eigenvectors", "f32 [k,p]", "unit eigenvectors, in state_dict order"),
      LayoutDeclaration("/residuals", "f64 [k]", "an eigenvalue of H lies this close to each"),
      LayoutDeclaration("/hessian_indices", "i64 [h]", "the images that the curvature is a mean over"),
    ],
    attributes: [
      LayoutDeclaration("curvature", "string", "as the parameter"),
      LayoutDeclaration("curvature_min", "float", "estimate of H's least eigenvalue, from inside (Lanczos)"),
      LayoutDeclaration(
        "curvature_max", "float", "estimate of H's largest eigenvalue, from inside (Lanczos)"),
      LayoutDeclaration(
        "gradient_norm", "float", "‖mean gradient + λθ‖ over the training images at the net's parameters"),
      LayoutDeclaration("products", "int", "curvature products"),
      LayoutDeclaration("hessian_images", "int", "images that the curvature was a mean over"),
    ],
    isRandom: true, resources: SolverParameters.resources)

  /// Writes the eigenpairs.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let net = try task.loadNet("net")
    let pairs = task.parameters[Self.pairs]
    let ceiling = try SolverParameters.ceiling(
      task.parameters, net.network,
      vectors: InfluenceMemory.spectrum(parameters: net.parameters.count, pairs: pairs), pairs: pairs,
      threads: task.threads)
    var options = InfluenceOptions()
    options.curvature = task.parameters[curvature]
    options.hessianImages = task.parameters[hessianImages]
    options.weightDecay = Float(net.weightDecay)
    let spectrum = try curvatureSpectrum(
      net.network, parameters: net.parameters, data: images, trainingSet: Array(0..<images.count),
      pairs: pairs, options: options, stream: RandomStream(key: task.streamKey),
      memoryCeiling: ceiling, pool: ThreadPool(threads: task.threads)
    ) { context.progress(Double($0) / Double($1), "product \($0)/\($1)") }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/eigenvalues", spectrum.values)
    try artifact.write(
      "/eigenvectors", spectrum.vectors, shape: [spectrum.values.count, net.parameters.count])
    try artifact.write("/residuals", spectrum.residuals)
    try artifact.write("/hessian_indices", spectrum.images.map { Int64($0) })
    try artifact.attribute("curvature", .string(options.curvature.rawValue))
    try artifact.attribute("curvature_min", .real(spectrum.range.lowerBound))
    try artifact.attribute("curvature_max", .real(spectrum.range.upperBound))
    try artifact.attribute("gradient_norm", .real(spectrum.gradientNorm ?? .nan))
    try artifact.attribute("products", .integer(Int64(spectrum.products)))
    try artifact.attribute("hessian_images", .integer(Int64(spectrum.images.count)))
    return try artifact.finish()
  }
}

extension StageTask {
  /// The bytes for passes over images of this node, which solves for a net in `steps` steps with what is in slot
  /// `spectrum`; see `SolverParameters.ceiling`.
  func solverCeiling(_ net: Net, steps: Int) throws -> Int {
    var pairs = 0
    if let input = optionalInput("spectrum") {
      pairs = try FileReader(at: input.path).info("/eigenvalues").shape.first ?? 0
    }
    return try SolverParameters.ceiling(
      parameters, net.network,
      vectors: InfluenceMemory.solve(parameters: net.parameters.count, pairs: pairs, steps: steps),
      pairs: pairs, threads: threads)
  }

  /// The spectrum of slot `spectrum`, if there is one: of this node's net, images and kind of curvature.
  func loadSpectrum(parameters count: Int) throws -> CurvatureSpectrum? {
    guard let input = optionalInput("spectrum") else { return nil }
    let file = try FileReader(at: input.path)
    try check("spectrum", file, wasMadeWith: ["net", "images"])
    let kind = try file.string("curvature")
    let own = parameters[SolverParameters.curvature].rawValue
    guard kind == own else {
      throw StageFailure(
        "input spectrum is of curvature \(kind), but this node's is \(own)")
    }
    let values: [Double] = try file.read("/eigenvalues", shape: [nil])
    return CurvatureSpectrum(
      values: values, vectors: try file.read("/eigenvectors", shape: [values.count, count]),
      residuals: try file.read("/residuals", shape: [values.count]),
      range: try file.real("curvature_min")...file.real("curvature_max"),
      images: try file.read("/hessian_indices", as: Int64.self, shape: [nil]).map { Int($0) },
      gradientNorm: try file.real("gradient_norm"), products: try file.integer("products"))
  }
}
