// The stage `group`: training images to remove, drawn or chosen by distance, with the step at which each goes.

import Artifacts
import PipelineCore
import Tensor

/// Chooses a group of training images.
public enum GroupStage: Stage {
  /// Which images of the pool a group is made of.
  enum Kind: String, CaseIterable {
    case random, nearest, moderate, farthest, window, cluster

    var needsDistances: Bool { self != .random && self != .cluster }
  }

  /// What the bounds of a window are.
  enum Unit: String, CaseIterable { case quantile, distance }

  static let size = Parameter("size", .integer(1...), "how many images")
  static let label = Parameter(
    "label", .optional(.integer(0...255)), default: nil, "chosen from this label (null: from all)")
  static let kind = Parameter(
    "kind", .choice(Kind.self), default: .random,
    "random: a draw; nearest, moderate, farthest: the least, middle or greatest distances; window: a draw within bounds of the distance; cluster: a draw from one cluster"
  )
  static let window = Parameter(
    "window", .list(.number(0...1e12)), default: [0.25, 0.75],
    "window: the least and the greatest distance, both included")
  static let unit = Parameter(
    "unit", .choice(Unit.self), default: .quantile,
    "window: quantile: bounds are shares of the pool in order of distance; distance: they are distances")
  static let number = Parameter("number", .integer(0...255), default: 0, "cluster: the number of the cluster")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "group", version: 2,
    summary: "chooses training images to remove: at random, by distance, or of a cluster",
    parameters: [size, label, kind, window, unit, number],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration(
        "cluster", accepts: ["cluster"], .optional,
        "gives each image its step; the group is chosen from its images"),
      InputDeclaration(
        "neighbours", accepts: ["neighbours"], .optional,
        "the distances of nearest, moderate, farthest and window; the group is chosen from its images"),
    ],
    datasets: GroupArtifact.datasets, attributes: GroupArtifact.attributes,
    isRandom: true,
    unused: { values, _ in
      var names: Set<ParameterName> = []
      if values[kind] != .window { names.formUnion([window.name, unit.name]) }
      if values[kind] != .cluster { names.insert(number.name) }
      return names
    },
    check: { parameters in
      let bounds = parameters[window]
      guard bounds.count == 2, bounds[0] < bounds[1] else {
        return ParameterProblem(window, "'window' must be two ascending numbers")
      }
      return parameters[unit] == .quantile && bounds[1] > 1
        ? ParameterProblem(window, "quantiles are from 0 to 1, got \(bounds[1])") : nil
    })

  /// Writes the group.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let kind = task.parameters[Self.kind]
    let (pool, parts) = try pool(task, kind)
    let group = try choose(task, from: pool, kind).sorted()
    return try task.write(
      GroupArtifact.self,
      Group(
        indices: group, parts: group.map { parts[$0] ?? 0 }, poolSize: pool.count, kind: kind.rawValue))
  }

  /// The images to choose from, nearest first if the kind needs distances, with the parts of those that have
  /// one.
  private static func pool(_ task: StageTask, _ kind: Kind) throws -> (images: [Int], parts: [Int: UInt8]) {
    var pool = try selectImages(task.loadImages().train, label: task.parameters[label], count: nil)
    var parts: [Int: UInt8] = [:]
    if let cluster = task.optionalInput("cluster") {
      let clustering = try ArtifactReader<ClusterArtifact>(cluster).clustering()
      for (index, part) in zip(clustering.indices, clustering.assignment) { parts[index] = part }
      pool = pool.filter { parts[$0] != nil }
    }
    if kind == .cluster {
      guard task.optionalInput("cluster") != nil else {
        throw StageFailure("kind cluster needs clusters: give the stage an input cluster")
      }
      let number = task.parameters[number]
      pool = pool.filter { parts[$0].map(Int.init) == number }
      if pool.isEmpty {
        throw StageFailure(
          "no image is in cluster \(number); there are clusters 0 to \(parts.values.max() ?? 0)")
      }
    }
    return (kind.needsDistances ? try nearestFirst(task, pool, kind) : pool, parts)
  }

  /// As many images of the pool as the group is to have.
  private static func choose(_ task: StageTask, from pool: [Int], _ kind: Kind) throws -> [Int] {
    let size = task.parameters[size]
    guard size <= pool.count else {
      let whose = task.parameters[label].map { " of label \($0)" } ?? ""
      let which = kind == .random ? "" : " of kind \(kind.rawValue)"
      throw StageFailure("a group of \(size)\(which) can't be drawn from \(pool.count) images\(whose)")
    }
    switch kind {
    case .nearest: return Array(pool.prefix(size))
    case .farthest: return Array(pool.suffix(size))
    case .moderate: return Array(pool.dropFirst((pool.count - size) / 2).prefix(size))
    case .random, .window, .cluster:
      // The draw is of places in the ascending pool, so that the same seed and axes choose the same images
      // whatever the parts are.
      let ascending = pool.sorted()
      var stream = RandomStream(key: task.streamKey)
      return stream.sample(size, of: ascending.count).map { ascending[$0] }
    }
  }

  /// The images of the pool that have a distance, nearest first (of equal ones the earlier image); for a window
  /// those within it.
  private static func nearestFirst(_ task: StageTask, _ pool: [Int], _ kind: Kind) throws -> [Int] {
    guard task.optionalInput("neighbours") != nil else {
      throw StageFailure("kind \(kind.rawValue) needs distances: give the stage an input neighbours")
    }
    let distances = try task.loadDistances()
    let known = Dictionary(zip(distances.indices, distances.distances)) { first, _ in first }
    let ordered = pool.compactMap { image in known[image].map { (image, $0) } }
      .sorted { ($0.1, $0.0) < ($1.1, $1.0) }
    guard kind == .window else { return ordered.map(\.0) }
    let bounds = task.parameters[window]
    if task.parameters[unit] == .distance {
      return ordered.filter { $0.1 >= bounds[0] && $0.1 <= bounds[1] }.map(\.0)
    }
    let first = Int((bounds[0] * Double(ordered.count)).rounded())
    let last = Int((bounds[1] * Double(ordered.count)).rounded())
    return ordered[first..<last].map(\.0)
  }
}
