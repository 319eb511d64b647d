// The stage `neighbours`: the distance of each image's features to a reference.

import Clustering
import PipelineCore

/// Orders images by the distance of their features to a reference.
public enum NeighboursStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "neighbours", version: 1, summary: "orders images by the distance of their features to a reference",
    parameters: [
      ParameterDeclaration(
        "reference", .choice(["mean", "medoid", "image"]), default: .string("mean"),
        "what distances are taken to: the features' mean, the image nearest to all others, or one image"),
      ParameterDeclaration(
        "image", .optional(.integer(atLeast: 0)), default: .null,
        "reference image: its index in the train split"),
      ParameterDeclaration(
        "metric", .choice(Metric.allCases.map(\.rawValue)), default: .string("euclidean"), "the distance"),
      ParameterDeclaration(
        "k", .optional(.integer(atLeast: 1)), default: .null,
        "how many nearest and farthest images are listed, without the reference (null: none)"),
    ],
    inputs: [InputDeclaration("features", accepts: ["features"], "the features")],
    datasets: [
      LayoutDeclaration("/reference", "i64", "the reference's index in the train split; -1 for the mean"),
      LayoutDeclaration("/distances", "f64 [n]", "to the reference, in the order of /indices"),
      LayoutDeclaration("/order", "i64 [n]", "rows of /distances, nearest first"),
      LayoutDeclaration("/indices", "i64 [n]", "the images, into the train split"),
      LayoutDeclaration("/nearest", "i64 [k]", "with k: images, into the train split, nearest first"),
      LayoutDeclaration("/farthest", "i64 [k]", "with k: images, into the train split, farthest first"),
    ],
    attributes: [LayoutDeclaration("metric", "string", "as the parameter")],
    resources: { _ in Resources(cores: 1, memory: 512 << 20) },
    check: { parameters in
      (parameters.string("reference") == "image") == (parameters.optionalInteger("image") != nil)
        ? nil
        : ParameterProblem("image", "'image' goes with reference: image, and that needs it")
    })

  /// Writes the distances.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let features = try task.loadFeatures()
    let indices = features.indices
    let reference: NeighbourReference
    switch task.parameters.string("reference") {
    case "medoid": reference = .medoid
    case "image":
      let image = task.parameters.integer("image")
      guard let row = indices.firstIndex(of: Int64(image)) else {
        throw StageFailure(
          "the reference image \(image) is not among the \(indices.count) images with features")
      }
      reference = .row(row)
    default: reference = .mean
    }
    let metric = Metric(rawValue: task.parameters.string("metric")) ?? .euclidean
    let neighbours = try Neighbours(of: features.matrix, to: reference, metric: metric)
    var artifact = try ArtifactWriter(task)
    try artifact.write("/reference", scalar: neighbours.referenceRow.map { indices[$0] } ?? -1)
    try artifact.write("/distances", neighbours.distances)
    try artifact.write("/order", neighbours.order.map { Int64($0) })
    try artifact.write("/indices", indices)
    if let k = task.parameters.optionalInteger("k") {
      try artifact.write("/nearest", try neighbours.nearest(k).map { indices[$0] })
      try artifact.write("/farthest", try neighbours.farthest(k).map { indices[$0] })
    }
    try artifact.attribute("metric", .string(metric.rawValue))
    return try artifact.finish()
  }
}
