// k-means by Lloyd's iteration and Hartigan's exchange from several k-means++ starts, the best improved by swaps.

import Glibc
import Statistics

/// The best of several runs of k-means.
public struct KMeans: Sendable {
  /// The cluster of each row; clusters are numbered by falling size, then by their first row.
  public let assignment: [UInt8]
  /// The centres [k, columns], row-major, in the order of the numbers.
  public let centres: [Double]
  /// Σ of the squared distances of the rows to their centres.
  public let inertia: Double
  /// The passes over the rows in the run that is kept.
  public let iterations: Int
  /// Whether that run ended because no move of a row lowers the inertia.
  public let converged: Bool

  /// Clusters the rows of `features` by Euclidean distance; for cosine, pass `features.normalised()`.
  ///
  /// Starts are drawn by greedy k-means++ (Arthur & Vassilvitskii 2007, 2 + ⌊ln k⌋ candidates a centre).
  /// A cluster that falls empty takes the row farthest from its centre. Where Lloyd's iteration ends, single
  /// rows are moved as long as that lowers the inertia (Hartigan 1975), which leaves fewer local minima. The best
  /// run is then improved by random swaps (Fränti 2018): a centre drawn at random goes to a row drawn as in
  /// k-means++, and what follows is kept if it lowers the inertia.
  ///
  /// - Parameters:
  ///   - clusters: k, 1…256.
  ///   - starts: Runs, of which the one of least inertia is kept.
  ///   - swaps: Trials of a swap; nil for two a cluster.
  ///   - generator: The source of all chance; the same state gives the same result.
  /// - Throws: `StatisticsError.invalidCount` for k or starts out of range.
  public init(
    _ features: FeatureMatrix, clusters k: Int, starts: Int = 10, swaps: Int? = nil,
    maximumIterations: Int = 300, using generator: inout some RandomNumberGenerator
  ) throws(StatisticsError) {
    let available = min(256, features.rows)
    if k < 1 || k > available {
      throw .invalidCount(what: "the number of clusters", count: k, available: available)
    }
    if starts < 1 { throw .invalidParameter(name: "starts", reason: "must be at least 1, got \(starts)") }
    if maximumIterations < 1 {
      throw .invalidParameter(name: "maximumIterations", reason: "must be at least 1")
    }
    var best: LloydRun?
    for _ in 0..<starts {
      var run = LloydRun(features, clusters: k, using: &generator)
      run.iterate(features, maximum: maximumIterations)
      if run.converged { run.exchange(features, maximum: maximumIterations) }
      if run.inertia < best?.inertia ?? .infinity { best = run }
    }
    guard var best else { throw .notFinite(index: 0) }
    for _ in 0..<(k > 1 && k < features.rows ? swaps ?? 2 * k : 0) {
      var run = best
      run.swap(features, using: &generator)
      run.iterate(features, maximum: maximumIterations)
      if run.converged { run.exchange(features, maximum: maximumIterations) }
      if run.inertia < best.inertia { best = run }
    }

    var sizes = [Int](repeating: 0, count: k)
    var firsts = [Int](repeating: Int.max, count: k)
    for (i, c) in best.assignment.enumerated() {
      sizes[c] += 1
      firsts[c] = min(firsts[c], i)
    }
    let numbering = (0..<k).sorted {
      sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : firsts[$0] < firsts[$1]
    }
    var number = [UInt8](repeating: 0, count: k)
    for (new, old) in numbering.enumerated() { number[old] = UInt8(new) }
    let d = features.columns
    assignment = best.assignment.map { number[$0] }
    centres = numbering.flatMap { best.centres[$0 * d..<($0 + 1) * d] }
    inertia = best.inertia
    iterations = best.iterations
    converged = best.converged
  }
}
