// The stage `neighbours`: the distance of each image's features to a reference.

import Artifacts
import Clustering
import PipelineCore

/// Orders images by the distance of their features to a reference.
public enum NeighboursStage: Stage {
  /// What distances are taken to.
  enum Reference: String, CaseIterable {
    case mean
    case labelMean = "label-mean"
    case medoid, image
  }

  static let reference = Parameter(
    "reference", .choice(Reference.self), default: .mean,
    "what distances are taken to: the features' mean, that of the image's own label, the image nearest to all others, or one image"
  )
  static let image = Parameter(
    "image", .optional(.integer(0...)), default: nil, "reference image: its index in the train split")
  static let metric = Parameter("metric", .choice(Metric.self), default: .euclidean, "the distance")
  static let k = Parameter(
    "k", .optional(.integer(1...)), default: nil,
    "how many nearest and farthest images are listed, without the reference (null: none)")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "neighbours", version: 1, summary: "orders images by the distance of their features to a reference",
    parameters: [reference, image, metric, k],
    inputs: [
      InputDeclaration("features", accepts: ["features"], "the features"),
      InputDeclaration(
        "images", accepts: ["load-images"], .optional, "reference label-mean: the data set, for its labels"),
    ],
    datasets: NeighboursArtifact.datasets, attributes: NeighboursArtifact.attributes,
    resources: { _ in Resources(cores: 1, memory: 512 << 20) },
    check: { parameters in
      (parameters[reference] == .image) == (parameters[image] != nil)
        ? nil
        : ParameterProblem(image, "'image' goes with reference: image, and that needs it")
    })

  /// Writes the distances.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let features = try task.loadFeatures()
    let indices = features.indices
    let reference: NeighbourReference
    switch task.parameters[Self.reference] {
    case .medoid: reference = .medoid
    case .image:
      guard let image = task.parameters[image] else {
        preconditionFailure("the check refuses reference image without one")
      }
      guard let row = indices.firstIndex(of: image) else {
        throw StageFailure(
          "the reference image \(image) is not among the \(indices.count) images with features")
      }
      reference = .row(row)
    case .mean: reference = .mean
    case .labelMean:
      guard task.optionalInput("images") != nil else {
        throw StageFailure("reference label-mean needs labels: give the stage an input images")
      }
      let labels = try task.loadImages().train.labels
      reference = .meanOfClass(indices.map { Int(labels[$0]) })
    }
    let metric = task.parameters[Self.metric]
    let neighbours = try Neighbours(of: features.matrix, to: reference, metric: metric)
    var artifact = try ArtifactWriter<NeighboursArtifact>(task)
    try artifact.write(\.reference, neighbours.referenceRow.map { indices[$0] } ?? -1)
    try artifact.write(\.distances, neighbours.distances)
    try artifact.write(\.order, neighbours.order)
    try artifact.write(\.indices, indices)
    if let k = task.parameters[Self.k] {
      try artifact.write(\.nearest, try neighbours.nearest(k).map { indices[$0] })
      try artifact.write(\.farthest, try neighbours.farthest(k).map { indices[$0] })
    }
    try artifact.write(\.metric, metric.rawValue)
    return try artifact.finish()
  }
}
