// One run of k-means: a start, Lloyd's iteration, Hartigan's exchange, a swap.

import Glibc
import Statistics

/// One run from one start. Rows are centred on their mean, for accuracy of the GEMM form of distance.
struct LloydRun {
  let k: Int
  let d: Int
  let offset: [Double]
  var centres: [Double]
  var assignment: [Int]
  var inertia = Double.infinity
  var iterations = 0
  var converged = false

  static let blockRows = 1024

  /// Draws the starting centres.
  init(_ features: FeatureMatrix, clusters: Int, using generator: inout some RandomNumberGenerator) {
    k = clusters
    d = features.columns
    offset = features.mean()
    let n = features.rows
    assignment = [Int](repeating: -1, count: n)
    var chosen = [Int.random(in: 0..<n, using: &generator)]
    var nearest = Self.squaredDistances(features, to: chosen[0])
    let candidates = 2 + Int(log(Double(clusters)))
    while chosen.count < clusters {
      let total = nearest.reduce(0, +)
      var best: (row: Int, distances: [Double], total: Double)?
      for _ in 0..<candidates {
        let row = Self.draw(weights: nearest, total: total, using: &generator)
        let distances = Self.squaredDistances(features, to: row)
        var after = 0.0
        for i in 0..<n { after += min(nearest[i], distances[i]) }
        if after < best?.total ?? .infinity { best = (row, distances, after) }
      }
      guard let best else { break }
      chosen.append(best.row)
      for i in 0..<n { nearest[i] = min(nearest[i], best.distances[i]) }
    }
    centres = []
    for row in chosen { for (x, m) in zip(features.row(row), offset) { centres.append(x - m) } }
  }

  /// A row with probability proportional to its weight; any row when all weights are 0.
  private static func draw(
    weights: [Double], total: Double, using generator: inout some RandomNumberGenerator
  ) -> Int {
    if total <= 0 { return Int.random(in: 0..<weights.count, using: &generator) }
    var rest = Double.random(in: 0..<total, using: &generator)
    for (i, w) in weights.enumerated() {
      rest -= w
      if rest < 0 { return i }
    }
    return weights.lastIndex { $0 > 0 } ?? 0
  }

  private static func squaredDistances(_ features: FeatureMatrix, to row: Int) -> [Double] {
    let d = features.columns
    return features.values.withUnsafeBufferPointer { values in
      (0..<features.rows).map { i in
        var sum = 0.0
        for j in 0..<d {
          let difference = Double(values[i * d + j]) - Double(values[row * d + j])
          sum += difference * difference
        }
        return sum
      }
    }
  }

  /// Puts a centre drawn at random to a row drawn with probability proportional to its squared distance from the
  /// other centres' nearest, and makes ready to iterate anew.
  mutating func swap(_ features: FeatureMatrix, using generator: inout some RandomNumberGenerator) {
    let gone = Int.random(in: 0..<k, using: &generator)
    let distances = (0..<features.rows).map { row in
      (0..<k).reduce(Double.infinity) { least, c in
        c == gone ? least : min(least, squaredDistance(features, row, c))
      }
    }
    let row = Self.draw(weights: distances, total: distances.reduce(0, +), using: &generator)
    for (j, x) in features.row(row).enumerated() { centres[gone * d + j] = Double(x) }
    // The iteration works on centres less the offset.
    for c in 0..<k { for j in 0..<d { centres[c * d + j] -= offset[j] } }
    iterations = 0
    converged = false
  }

  /// Assigns and averages until no row changes its cluster.
  mutating func iterate(_ features: FeatureMatrix, maximum: Int) {
    let n = features.rows
    let size = min(Self.blockRows, n)
    var block = [Double](repeating: 0, count: size * d)
    var product = [Double](repeating: 0, count: size * k)
    var distances = [Double](repeating: 0, count: n)
    while iterations < maximum {
      iterations += 1
      let squares = (0..<k).map { c in
        (c * d..<(c + 1) * d).reduce(0.0) { $0 + centres[$1] * centres[$1] }
      }
      var changed = false
      var sums = [Double](repeating: 0, count: k * d)
      var sizes = [Int](repeating: 0, count: k)
      for start in stride(from: 0, to: n, by: size) {
        let range = start..<min(n, start + size)
        features.copy(range, minus: offset, normalise: false, into: &block)
        multiplyTransposed(block, centres, into: &product, m: range.count, n: k, k: d)
        for i in 0..<range.count {
          var best = 0
          var least = Double.infinity
          for c in 0..<k where squares[c] - 2 * product[i * k + c] < least {
            best = c
            least = squares[c] - 2 * product[i * k + c]
          }
          changed = changed || assignment[start + i] != best
          assignment[start + i] = best
          sizes[best] += 1
          var distance = 0.0
          for j in 0..<d {
            let x = block[i * d + j]
            sums[best * d + j] += x
            distance += (x - centres[best * d + j]) * (x - centres[best * d + j])
          }
          distances[start + i] = distance
        }
      }
      inertia = distances.reduce(0, +)
      if !changed {
        converged = true
        break
      }
      fillEmpty(features, distances: distances, sums: &sums, sizes: &sizes)
      for c in 0..<k where sizes[c] > 0 {
        for j in 0..<d { centres[c * d + j] = sums[c * d + j] / Double(sizes[c]) }
      }
    }
    for c in 0..<k { for j in 0..<d { centres[c * d + j] += offset[j] } }
  }

  /// Moves single rows until no move lowers the inertia. Leaving a cluster of m rows at squared distance r
  /// saves r m / (m − 1), joining one costs r m / (m + 1); both centres follow at once.
  mutating func exchange(_ features: FeatureMatrix, maximum: Int) {
    var sizes = [Double](repeating: 0, count: k)
    for c in assignment { sizes[c] += 1 }
    converged = false
    while iterations < maximum, !converged {
      iterations += 1
      converged = true
      for i in 0..<features.rows where sizes[assignment[i]] > 1 {
        let from = assignment[i]
        let saved = squaredDistance(features, i, from) * sizes[from] / (sizes[from] - 1)
        var to = from
        var least = saved * (1 - 1e-12)
        for c in 0..<k where c != from {
          let cost = squaredDistance(features, i, c) * sizes[c] / (sizes[c] + 1)
          if cost < least {
            to = c
            least = cost
          }
        }
        if to == from { continue }
        converged = false
        for j in 0..<d {
          let x = Double(features.values[i * d + j])
          centres[from * d + j] -= (x - centres[from * d + j]) / (sizes[from] - 1)
          centres[to * d + j] += (x - centres[to * d + j]) / (sizes[to] + 1)
        }
        sizes[from] -= 1
        sizes[to] += 1
        assignment[i] = to
      }
    }
    recentre(features, sizes: sizes)
  }

  private func squaredDistance(_ features: FeatureMatrix, _ row: Int, _ c: Int) -> Double {
    features.values.withUnsafeBufferPointer { values in
      centres.withUnsafeBufferPointer { centres in
        // Four sums, so that the additions need not wait for each other.
        var sums = SIMD4<Double>.zero
        var j = 0
        while j + 4 <= d {
          let x = UnsafeRawPointer(values.baseAddress! + row * d + j).loadUnaligned(as: SIMD4<Float>.self)
          let m = UnsafeRawPointer(centres.baseAddress! + c * d + j).loadUnaligned(as: SIMD4<Double>.self)
          let difference = SIMD4<Double>(x) - m
          sums += difference * difference
          j += 4
        }
        var sum = sums.sum()
        while j < d {
          let difference = Double(values[row * d + j]) - centres[c * d + j]
          sum += difference * difference
          j += 1
        }
        return sum
      }
    }
  }

  /// The means and the inertia anew, without the rounding that many single moves gather.
  private mutating func recentre(_ features: FeatureMatrix, sizes: [Double]) {
    var sums = [Double](repeating: 0, count: k * d)
    for i in 0..<features.rows {
      let c = assignment[i]
      for j in 0..<d { sums[c * d + j] += Double(features.values[i * d + j]) - offset[j] }
    }
    for c in 0..<k where sizes[c] > 0 {
      for j in 0..<d { centres[c * d + j] = sums[c * d + j] / sizes[c] + offset[j] }
    }
    var total = CompensatedSum()
    for i in 0..<features.rows { total.add(squaredDistance(features, i, assignment[i])) }
    inertia = total.value
  }

  /// Gives each empty cluster the row farthest from its centre, out of a cluster with more than one row.
  private mutating func fillEmpty(
    _ features: FeatureMatrix, distances: [Double], sums: inout [Double], sizes: inout [Int]
  ) {
    var left = distances
    for c in 0..<k where sizes[c] == 0 {
      var farthest: Int?
      for i in left.indices where sizes[assignment[i]] > 1 && left[i] > (farthest.map { left[$0] } ?? -1) {
        farthest = i
      }
      guard let row = farthest else { return }
      let old = assignment[row]
      for (j, x) in features.row(row).enumerated() {
        sums[old * d + j] -= x - offset[j]
        sums[c * d + j] += x - offset[j]
      }
      sizes[old] -= 1
      sizes[c] += 1
      assignment[row] = c
      left[row] = -1
    }
  }
}
