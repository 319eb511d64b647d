// The stage `spectrum`: the largest eigenpairs of a net's curvature, once for all groups to be removed from it.

import Artifacts
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
    name: "spectrum", version: 2,
    summary: "computes the largest eigenpairs of a net's curvature, which speed up the solves of influences",
    parameters: [curvature, hessianImages, pairs, SolverParameters.memory],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: NetStages.trained, "the net, trained on all images"),
    ],
    datasets: SpectrumArtifact.datasets, attributes: SpectrumArtifact.attributes,
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
    var artifact = try ArtifactWriter<SpectrumArtifact>(task)
    try artifact.write(\.eigenvalues, spectrum.values)
    try artifact.write(
      \.eigenvectors, Block(spectrum.vectors, spectrum.values.count, net.parameters.count))
    try artifact.write(\.residuals, spectrum.residuals)
    try artifact.write(\.hessianIndices, spectrum.images)
    try artifact.write(\.curvature, options.curvature.rawValue)
    try artifact.write(\.curvatureMin, spectrum.range.lowerBound)
    try artifact.write(\.curvatureMax, spectrum.range.upperBound)
    try artifact.write(\.gradientNorm, spectrum.gradientNorm ?? .nan)
    try artifact.write(\.products, spectrum.products)
    try artifact.write(\.hessianImages, spectrum.images.count)
    return try artifact.finish()
  }
}

extension StageTask {
  /// The bytes for passes over images of this node, which solves for a net in `steps` steps with what is in slot
  /// `spectrum`; see `SolverParameters.ceiling`.
  func solverCeiling(_ net: Net, steps: Int) throws -> Int {
    var pairs = 0
    if let input = optionalInput("spectrum") {
      pairs = try ArtifactReader<SpectrumArtifact>(input).read(\.eigenvalues).count
    }
    return try SolverParameters.ceiling(
      parameters, net.network,
      vectors: InfluenceMemory.solve(parameters: net.parameters.count, pairs: pairs, steps: steps),
      pairs: pairs, threads: threads, samples: parameters[SolverParameters.solver] == .sampledCG)
  }

  /// The spectrum of slot `spectrum`, if there is one: of this node's net, images and kind of curvature.
  func loadSpectrum(parameters count: Int) throws -> CurvatureSpectrum? {
    guard let input = optionalInput("spectrum") else { return nil }
    let file = try ArtifactReader<SpectrumArtifact>(input)
    try file.checkInputs(["net", "images"], areThoseOf: self, slot: "spectrum")
    let kind = try file.read(\.curvature)
    let own = parameters[SolverParameters.curvature].rawValue
    guard kind == own else {
      throw StageFailure("input spectrum is of curvature \(kind), but this node's is \(own)")
    }
    let vectors = try file.read(\.eigenvectors)
    guard vectors.shape[1] == count else {
      throw StageFailure("input spectrum is of \(vectors.shape[1]) parameters, but the net has \(count)")
    }
    return CurvatureSpectrum(
      values: try file.read(\.eigenvalues), vectors: vectors.values, residuals: try file.read(\.residuals),
      range: try file.read(\.curvatureMin)...file.read(\.curvatureMax),
      images: try file.read(\.hessianIndices), gradientNorm: try file.read(\.gradientNorm),
      products: try file.read(\.products))
  }
}
