// Agglomerative clustering with average linkage (UPGMA) by the nearest-neighbour chain.

import Glibc
import Statistics

/// A dendrogram of average linkage.
public struct AverageLinkage: Sendable {
  /// One merge: the least rows of the two clusters joined and the mean distance between them.
  public struct Merge: Sendable, Equatable {
    /// The least row of one cluster.
    public let first: Int
    /// The least row of the other, larger than `first`.
    public let second: Int
    /// The mean of the distances between their rows.
    public let height: Double
  }

  /// The n − 1 merges by rising height.
  public let merges: [Merge]
  /// The number of rows.
  public let rows: Int

  /// The most rows taken: all pairs are held, 8 · n² bytes.
  public static let maximumRows = 6000

  /// Builds the dendrogram of the rows of `features` (Murtagh's nearest-neighbour chain, O(n²) time).
  ///
  /// - Throws: `StatisticsError.tooLarge` above `maximumRows`, `.zeroLengthRow` for cosine distance of a row
  ///   of zeros.
  public init(_ features: FeatureMatrix, metric: Metric = .euclidean) throws(StatisticsError) {
    let n = features.rows
    if n > Self.maximumRows {
      throw .tooLarge(method: "average linkage", rows: n, maximum: Self.maximumRows)
    }
    var distance = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      let row = try features.distances(to: features.row(i), index: i, metric: metric)
      // One of the two roundings of a pair is kept, so that the matrix is symmetric.
      for j in i..<n {
        distance[i * n + j] = row[j]
        distance[j * n + i] = row[j]
      }
    }
    rows = n
    // Equal heights stay in the order found, in which a cluster exists before it is joined to another.
    let found = Self.chain(&distance, n)
    let order = found.indices.sorted {
      found[$0].height != found[$1].height ? found[$0].height < found[$1].height : $0 < $1
    }
    merges = order.map { found[$0] }
  }

  /// Follows nearest neighbours until two clusters are each other's nearest, and joins them.
  private static func chain(_ distance: inout [Double], _ n: Int) -> [Merge] {
    var size = [Double](repeating: 1, count: n)
    var active = [Bool](repeating: true, count: n)
    var merges: [Merge] = []
    var chain: [Int] = []
    while merges.count < n - 1 {
      if chain.isEmpty { chain.append(active.firstIndex(of: true) ?? 0) }
      let tip = chain[chain.count - 1]
      // The cluster before the tip wins ties, or the chain could run in a circle.
      var nearest = chain.count > 1 ? chain[chain.count - 2] : -1
      var least = nearest >= 0 ? distance[tip * n + nearest] : Double.infinity
      for j in 0..<n where active[j] && j != tip && distance[tip * n + j] < least {
        nearest = j
        least = distance[tip * n + j]
      }
      guard chain.count > 1, nearest == chain[chain.count - 2] else {
        chain.append(nearest)
        continue
      }
      chain.removeLast(2)
      let keep = min(tip, nearest)
      let drop = max(tip, nearest)
      merges.append(Merge(first: keep, second: drop, height: least))
      active[drop] = false
      let total = size[keep] + size[drop]
      for j in 0..<n where active[j] && j != keep {
        let mean = (size[keep] * distance[keep * n + j] + size[drop] * distance[drop * n + j]) / total
        distance[keep * n + j] = mean
        distance[j * n + keep] = mean
      }
      size[keep] = total
    }
    return merges
  }

  /// The clusters that remain when the last k − 1 merges are undone, numbered by falling size, then by first
  /// row.
  ///
  /// - Throws: `StatisticsError.invalidCount` unless 1 ≤ k ≤ min(rows, 256).
  public func assignment(clusters k: Int) throws(StatisticsError) -> [UInt8] {
    if k < 1 || k > min(rows, 256) {
      throw .invalidCount(what: "the number of clusters", count: k, available: min(rows, 256))
    }
    var parent = Array(0..<rows)
    func root(_ i: Int) -> Int {
      var i = i
      while parent[i] != i {
        parent[i] = parent[parent[i]]
        i = parent[i]
      }
      return i
    }
    for merge in merges.prefix(rows - k) {
      let a = root(merge.first)
      let b = root(merge.second)
      parent[max(a, b)] = min(a, b)
    }
    let roots = (0..<rows).map(root)
    var sizes: [Int: Int] = [:]
    for r in roots { sizes[r, default: 0] += 1 }
    let ordered = sizes.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
    var number: [Int: UInt8] = [:]
    for (i, entry) in ordered.enumerated() { number[entry.key] = UInt8(i) }
    return roots.map { number[$0] ?? 0 }
  }
}
