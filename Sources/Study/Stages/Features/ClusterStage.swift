// The stage `cluster`: near, moderate and far images by cuts of the distance, or clusters of the features.

import Artifacts
import Clustering
import PipelineCore
import Tensor

/// Divides images into bands by distance or into clusters by features.
public enum ClusterStage: Stage {
  /// How images are divided.
  enum Method: String, CaseIterable {
    case sigma
    case kMeans = "k-means"
    case agglomerative
  }

  static let method = Parameter(
    "method", .choice(Method.self), default: .sigma,
    "sigma: cuts of the distance; k-means and agglomerative (average linkage): clusters of the features")
  static let cuts = Parameter(
    "cuts", .list(.number(-100...100)), default: [-1, 1],
    "sigma: where bands end, in standard deviations from the mean distance, ascending")
  static let clusters = Parameter(
    "clusters", .integer(1...256), default: 3, "k-means and agglomerative: how many clusters")
  static let metric = Parameter(
    "metric", .choice(Metric.self), default: .euclidean,
    "k-means and agglomerative: the distance; k-means takes cosine as Euclidean distance of unit vectors")
  static let starts = Parameter(
    "starts", .integer(1...10_000), default: 10,
    "k-means: runs, of which the best is kept and improved by random swaps")
  static let subset = Parameter(
    "subset", .integer(2...AverageLinkage.maximumRows), default: 3000,
    "agglomerative: the most images taken, drawn by seed")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "cluster", version: 3,
    summary:
      "divides images into bands (near, moderate, far) by distance, or into clusters by their features",
    parameters: [method, cuts, clusters, metric, starts, subset],
    inputs: [
      InputDeclaration(
        "neighbours", accepts: ["neighbours"], .optional,
        "the distances: needed by sigma; the other methods number their clusters by mean distance with them"),
      InputDeclaration(
        "features", accepts: ["features"], .optional, "the features: needed by k-means and agglomerative"),
    ],
    datasets: ClusterArtifact.datasets, attributes: ClusterArtifact.attributes,
    isRandom: true,
    resources: { parameters in
      let subset = parameters[Self.subset]
      let pairs = parameters[method] == .agglomerative ? 8 * subset * subset : 0
      return Resources(cores: 1, memory: 256 << 20 + pairs)
    },
    check: { parameters in
      let cuts = parameters[Self.cuts]
      return cuts.isEmpty || zip(cuts, cuts.dropFirst()).contains(where: { $0 >= $1 })
        ? ParameterProblem(Self.cuts, "'cuts' must be one or more ascending numbers") : nil
    })

  /// Writes the clusters.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let method = task.parameters[Self.method]
    let needed = method == .sigma ? "neighbours" : "features"
    guard task.optionalInput(needed) != nil else {
      throw StageFailure("method \(method.rawValue) needs \(needed): give the stage an input \(needed)")
    }
    return method == .sigma ? try cutDistances(task) : try clusterFeatures(task, method)
  }

  private static func cutDistances(_ task: StageTask) throws -> Digest {
    let sample = try task.loadDistances()
    let bands = try SigmaBands(sample.distances, cuts: task.parameters[cuts])
    var artifact = try ArtifactWriter<ClusterArtifact>(task)
    try artifact.write(\.assignment, bands.assignment)
    try artifact.write(\.fractions, bands.fractions)
    try artifact.write(\.indices, sample.indices)
    try artifact.write(\.normalFractions, bands.normalFractions)
    try artifact.write(\.thresholds, bands.thresholds)
    try artifact.write(\.method, Method.sigma.rawValue)
    try artifact.write(\.metric, sample.metric)
    return try artifact.finish()
  }

  private static func clusterFeatures(_ task: StageTask, _ method: Method) throws -> Digest {
    var features = try task.loadFeatures()
    let metric = task.parameters[Self.metric]
    let clusters = task.parameters[Self.clusters]
    let stream = RandomStream(key: task.streamKey)
    var assignment: [UInt8]
    var inertia: Double?
    if method == .kMeans {
      var generator = StreamGenerator(stream: stream.substream("starts"))
      let rows = metric == .cosine ? try features.matrix.normalised() : features.matrix
      let result = try KMeans(
        rows, clusters: clusters, starts: task.parameters[starts], using: &generator)
      assignment = result.assignment
      inertia = result.inertia
    } else {
      let size = min(task.parameters[subset], features.indices.count)
      var draws = stream.substream("subset")
      if size < features.indices.count {
        let rows = draws.sample(size, of: features.indices.count).sorted()
        features = Features(
          matrix: try features.matrix.selecting(rows), indices: rows.map { features.indices[$0] })
      }
      assignment = try AverageLinkage(features.matrix, metric: metric).assignment(clusters: clusters)
    }
    if task.optionalInput("neighbours") != nil {
      assignment = try numberedByDistance(assignment, clusters, features.indices, task)
    }
    var sizes = [Double](repeating: 0, count: clusters)
    for cluster in assignment { sizes[Int(cluster)] += 1 }
    var artifact = try ArtifactWriter<ClusterArtifact>(task)
    try artifact.write(\.assignment, assignment)
    try artifact.write(\.fractions, sizes.map { $0 / Double(assignment.count) })
    try artifact.write(\.indices, features.indices)
    try artifact.write(\.inertia, inertia)
    try artifact.write(\.method, method.rawValue)
    try artifact.write(\.metric, metric.rawValue)
    return try artifact.finish()
  }

  /// The clusters with numbers that rise with the mean distance of their images.
  private static func numberedByDistance(
    _ assignment: [UInt8], _ clusters: Int, _ images: [Int], _ task: StageTask
  ) throws -> [UInt8] {
    let distances = try task.loadDistances()
    let known = Dictionary(zip(distances.indices, distances.distances)) { first, _ in first }
    var sums = [Double](repeating: 0, count: clusters)
    var sizes = [Double](repeating: 0, count: clusters)
    for (image, cluster) in zip(images, assignment) {
      guard let distance = known[image] else {
        throw StageFailure("image \(image) has features, but no distance in input neighbours")
      }
      sums[Int(cluster)] += distance
      sizes[Int(cluster)] += 1
    }
    let order = (0..<clusters).sorted { sums[$0] / sizes[$0] < sums[$1] / sizes[$1] }
    var number = [UInt8](repeating: 0, count: clusters)
    for (new, old) in order.enumerated() { number[old] = UInt8(new) }
    return assignment.map { number[Int($0)] }
  }
}
