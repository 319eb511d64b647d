// Distances to draw in the page: histograms with their bands, and the nearest and farthest images themselves.

import Artifacts
import FoundationEssentials
import PipelineCore
import PipelineExecution
import Plot
import Statistics

/// A histogram of distances.
struct HistogramData {
  /// A band or a cluster.
  struct Band {
    var name: String
    /// Images by bin.
    var counts: [Int]
    /// The share that a normal law would give; nil where that is no question.
    var normal: Number?
  }
  /// The node whose distances are drawn, and the one that made the bands; the same where there are none.
  var node: String
  var by: String
  var metric: String
  var mean: Number
  var deviation: Number
  /// Where the first bin starts, and the width of each.
  var start: Number
  var width: Number
  var bands: [Band]
  /// The distances at which bands end.
  var thresholds: [Number]
}

/// The nearest and the farthest images of some distances.
struct DigitsData {
  struct Side {
    /// Indices into the train split, with their distances: the nearest first, or the farthest first.
    var images: [Int]
    var distances: [Number]
    /// A byte a pixel of each channel, channel by channel, row by row, image after image, as Base64. Of one channel, 0 is
    /// the background.
    var pixels: String
  }
  var node: String
  var metric: String
  /// 1 of grey, 3 of red, green and blue.
  var channels: Int
  /// Pixels of an image.
  var height: Int
  var width: Int
  var near: Side
  var far: Side
}

/// Reads the distances of a pipeline.
struct DistanceReader {
  let snapshot: Snapshot
  /// More than so many figures of a kind would make a page heavy.
  private static let most = 8
  private static let images = 24

  /// The histograms: one for each clustering of distances, and one for each node of distances that none divides.
  func histograms() throws -> [HistogramData] {
    let distances = Dictionary(
      uniqueKeysWithValues: snapshot.files(of: ["neighbours"]).map { ($0.node, $0.path) })
    var drawn: Set<NodeID> = []
    var list: [HistogramData] = []
    for (node, path) in snapshot.files(of: ["cluster"]) where list.count < Self.most {
      guard let source = input("neighbours", of: node), let known = distances[source] else { continue }
      drawn.insert(source)
      list.append(try histogram(source, known, bands: (node, path)))
    }
    for (node, path) in distances.sorted(by: { $0.key < $1.key })
    where !drawn.contains(node) && list.count < Self.most {
      list.append(try histogram(node, path, bands: nil))
    }
    return list
  }

  private func input(_ slot: String, of node: NodeID) -> NodeID? {
    for planned in snapshot.plan[node].inputs where planned.slot == slot {
      if case .node(let source) = planned.source { return source }
    }
    return nil
  }

  private func histogram(_ node: NodeID, _ path: String, bands: (node: NodeID, path: String)?) throws
    -> HistogramData
  {
    let distances = try ArtifactReader<NeighboursArtifact>(atChecked: path).distances()
    let known = Dictionary(zip(distances.indices, distances.distances)) { first, _ in first }
    var (values, assignment, names): ([Double], [Int], [String]) = (distances.distances, [], ["images"])
    var (thresholds, normal): ([Double], [Double]?) = ([], nil)
    if let bands {
      let file = try ArtifactReader<ClusterArtifact>(atChecked: bands.path)
      let clustering = try file.clustering()
      values = clustering.indices.map { known[$0] ?? .nan }
      assignment = clustering.assignment.map(Int.init)
      thresholds = try file.read(\.thresholds) ?? []
      normal = try file.read(\.normalFractions)
      let isBySigma = try file.read(\.method) == "sigma"
      let count = try file.read(\.fractions).count
      names =
        isBySigma && count == 3
        ? ["near", "moderate", "far"] : (0..<count).map { "\(isBySigma ? "band" : "cluster") \($0)" }
    }
    let finite = values.filter(\.isFinite)
    let bins = Bins(covering: finite.sorted())
    var counts = [[Int]](repeating: Array(repeating: 0, count: bins.count), count: names.count)
    for (place, value) in values.enumerated() where value.isFinite {
      counts[assignment.isEmpty ? 0 : min(assignment[place], names.count - 1)][bins.bin(of: value)] += 1
    }
    return HistogramData(
      node: snapshot.plan[node].name, by: snapshot.plan[bands?.node ?? node].name, metric: distances.metric,
      mean: Number((try? Moments.mean(finite)) ?? .nan),
      deviation: Number((try? Moments.standardDeviation(finite)) ?? .nan),
      start: Number(bins.start), width: Number(bins.width),
      bands: names.indices.map { band in
        HistogramData.Band(name: names[band], counts: counts[band], normal: normal.map { Number($0[band]) })
      }, thresholds: thresholds.map(Number.init))
  }

  /// The nearest and farthest images of each node of distances whose data set is up to date.
  func digits() throws -> [DigitsData] {
    var loaded: [NodeID: LoadedImages] = [:]
    var list: [DigitsData] = []
    let sets = Dictionary(
      uniqueKeysWithValues: snapshot.plan.ids.compactMap { id in
        snapshot.plan.stage(of: id).declaration.name == "load-images"
          ? snapshot.artifacts[id.index].map { (id, $0) } : nil
      })
    for (node, path) in snapshot.files(of: ["neighbours"]) where list.count < Self.most / 2 {
      guard let source = dataSet(of: node), let artifact = sets[source] else { continue }
      if loaded[source] == nil, let file = snapshot.cache.checkedFile(of: artifact) {
        loaded[source] = try ArtifactReader<ImagesArtifact>(atChecked: file).images()
      }
      guard let images = loaded[source] else { continue }
      let file = try ArtifactReader<NeighboursArtifact>(atChecked: path)
      let distances = try file.distances()
      let order = try file.read(\.order).filter { distances.distances[$0].isFinite }
      let shown = min(Self.images, order.count / 2)
      func side(_ rows: some Sequence<Int>) -> DigitsData.Side {
        let rows = rows.filter { images.train.labels.indices.contains(distances.indices[$0]) }
        let size = images.train.images.count / max(1, images.train.count)
        let pixels = rows.flatMap { row in
          let at = distances.indices[row] * size
          return images.train.images[at..<at + size]
        }
        return DigitsData.Side(
          images: rows.map { distances.indices[$0] }, distances: rows.map { Number(distances.distances[$0]) },
          pixels: Data(pixels).base64EncodedString())
      }
      guard shown > 0,
        [1, 3].contains(images.train.channels)
      else { continue }
      list.append(
        DigitsData(
          node: snapshot.plan[node].name, metric: distances.metric, channels: images.train.channels,
          height: images.train.height, width: images.train.width, near: side(order.prefix(shown)),
          far: side(order.suffix(shown).reversed())))
    }
    return list
  }

  /// The data set that a node's images come from: the first among all that it needs.
  private func dataSet(of node: NodeID) -> NodeID? {
    var (seen, open): (Set<NodeID>, [NodeID]) = ([], [node])
    while let next = open.popLast() {
      if snapshot.plan.stage(of: next).declaration.name == "load-images" { return next }
      open += snapshot.plan.predecessors(of: next).filter { seen.insert($0).inserted }
    }
    return nil
  }
}
