// neighbours, normality, cluster, agreement and influence-norms on hand-made inputs, good and bad.

import Clustering
import Foundation
import HDF5
import Influence
import NeuralNet
import PipelineCore
import StageRuns
import Stages
import Statistics
import Tensor
import Testing

@Suite struct NeighbourhoodTests {
  static func gaussian(_ count: Int, seed: UInt64) -> [Double] {
    var noise = Noise(seed)
    return (0..<count).map { _ in noise.normal() }
  }

  @Test(arguments: ["euclidean", "cosine"]) func ranksAsBruteForce(metric: String) throws {
    let shop = try Workshop()
    let (n, d) = (400, 23)
    var values = Self.gaussian(n * d, seed: 11).map { Float($0 + 0.3) }
    // Exact ties: rows 350… are copies of rows 0….
    for i in 0..<50 * d { values[350 * d + i] = values[i] }
    let made = try shop.run(
      "neighbours",
      ["reference": .string("image"), "image": .integer(117), "metric": .string(metric), "k": .integer(60)],
      ["features": [try shop.features(values, rows: n)]])
    let x = values.map(Double.init)
    func row(_ i: Int) -> ArraySlice<Double> { x[i * d..<(i + 1) * d] }
    let brute = (0..<n).map { i -> Double in
      let (a, b) = (row(17), row(i))
      let dot = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
      let (aa, bb) = (a.reduce(0) { $0 + $1 * $1 }, b.reduce(0) { $0 + $1 * $1 })
      return metric == "cosine"
        ? 1 - dot / (aa * bb).squareRoot()
        : zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    }
    let file = try FileReader(at: made.path)
    #expect(try file.readScalar("/reference", as: Int64.self) == 117)
    let distances: [Double] = try file.read("/distances")
    for i in 0..<n { #expect(abs(distances[i] - brute[i]) < 1e-12) }
    // The order of a brute-force ranking, except between rows that are copies of each other.
    let order = try file.read("/order", as: Int64.self).map { Int($0) }
    #expect(order.sorted() == Array(0..<n) && order[0] == 17)
    func original(_ i: Int) -> Int { i >= 350 ? i - 350 : i }
    let ranking = (0..<n).sorted { a, b in
      original(a) == original(b) ? a < b : brute[original(a)] < brute[original(b)]
    }.filter { $0 != 17 }
    #expect(order.dropFirst().map(original) == ranking.map(original))
    let nearest: [Int64] = try file.read("/nearest")
    let farthest: [Int64] = try file.read("/farthest")
    #expect(nearest == order[1...60].map { Int64(100 + $0) })
    #expect(
      farthest.map { brute[Int($0) - 100] }
        == brute.enumerated().filter { $0.offset != 17 }.map(\.element)
        .sorted(by: >).prefix(60).map { $0 } || metric == "cosine")
    #expect(Set(farthest.map { original(Int($0) - 100) }) == Set(ranking.suffix(60).map(original)))
  }

  @Test func badFeaturesAreOneClearError() throws {
    let shop = try Workshop()
    func message(_ values: [Float], rows: Int, _ parameters: [String: Value] = [:]) throws -> String {
      let features = try shop.features(values, rows: rows)
      return failure { _ = try shop.run("neighbours", parameters, ["features": [features]]) }
    }
    #expect(
      try message([1, 2, 1, 2, 1, 2], rows: 3)
        == "the features tell no images apart: all 3 images have the same")
    #expect(try message([1, 2], rows: 1) == "the features tell no images apart: there is one image only")
    #expect(
      try message([1, 2, 3, .nan], rows: 2) == "the features of image 101 (row 1) hold a NaN or an infinity")
    #expect(
      try message([1, 2, 3, 4], rows: 2, ["k": .integer(3)])
        == "the number of neighbours must be between 1 and 2, got 3")
    #expect(
      try message([1, 2, 3, 4], rows: 2, ["reference": .string("image"), "image": .integer(7)])
        == "the reference image 7 is not among the 2 images with features")
    #expect(
      try message([0, 0, 3, 4], rows: 2, ["metric": .string("cosine")])
        == "row 0 is all zeros, so its cosine distance is not defined")
    #expect(
      try message([1, 2, 3, 4], rows: 2, ["reference": .string("image")]).contains("'image' goes with"))
  }

  @Test func anUnknownLabelIsNamed() throws {
    let shop = try Workshop()
    let images = try shop.artifact("load-images") { file in
      for split in ["train", "test"] {
        try file.write("/\(split)/images", [UInt8](repeating: 0, count: 4 * 784), shape: [4, 28, 28])
        try file.write("/\(split)/labels", [1, 1, 2, 2] as [UInt8])
      }
    }
    let message = failure {
      _ = try shop.run(
        "features", ["extractor": .string("pixels"), "label": .integer(8)], ["images": [images]])
    }
    #expect(message == "no training image has label 8; the labels are 1, 2")
  }

  @Test func badDistancesAreOneClearError() throws {
    let shop = try Workshop()
    func message(_ distances: [Double], _ stage: String = "normality") throws -> String {
      let neighbours = try shop.neighbours(distances)
      return failure { _ = try shop.run(stage, [:], ["neighbours": [neighbours]]) }
    }
    #expect(try message([1, 2]) == "the Shapiro-Wilk test needs at least 3 values, got 2")
    #expect(try message([2, 2, 2, 2]).contains("is not defined for constant values (all are 2.0)"))
    #expect(try message([1, 2, .nan]) == "the distance of image 102 (row 2) is not a finite number")
    #expect(try message([2, 2, 2], "cluster").contains("is not defined for constant values"))
    #expect(
      try message([1, 2, .infinity], "cluster") == "the distance of image 102 (row 2) is not a finite number")
  }

  @Test func normalityFrom3Values() throws {
    let shop = try Workshop()
    let three = try shop.run("normality", [:], ["neighbours": [try shop.neighbours([1, 2, 4])]])
    let file = try FileReader(at: three.path)
    // scipy.stats.shapiro([1, 2, 4]) and anderson([1, 2, 4]).
    #expect(abs(try file.readScalar("/shapiro/statistic", as: Double.self) - 0.9642857142857142) < 1e-9)
    #expect(abs(try file.readScalar("/shapiro/pvalue", as: Double.self) - 0.6368868450289689) < 1e-12)
    #expect(try file.readScalar("/normaltest/statistic", as: Double.self).isNaN)
    #expect(abs(try file.readScalar("/moments/skewness", as: Double.self) - 0.3818017741606064) < 1e-12)
    #expect(abs(try file.readScalar("/moments/excess_kurtosis", as: Double.self) + 1.5) < 1e-12)
    #expect(abs(try file.readScalar("/moments/deviation", as: Double.self) - 1.5275252316519465) < 1e-12)
  }

  @Test func pvaluesBelowADoublesRangeAreKeptAsLogarithms() throws {
    let shop = try Workshop()
    let wild = (0..<20_000).map { $0 < 19_990 ? Double($0 % 7) : 1e6 }
    let made = try shop.run("normality", [:], ["neighbours": [try shop.neighbours(wild)]])
    let file = try FileReader(at: made.path)
    #expect(try file.readScalar("/normaltest/pvalue", as: Double.self) == 0)
    let logarithm: Double = try file.readScalar("/normaltest/log_pvalue")
    #expect(logarithm < -745 && logarithm.isFinite)
    #expect(try file.integer("shapiro_pvalue_is_approximate") == 1)
  }

  /// Three well-separated groups of 40 rows in 5 dimensions, at distances 0, 20 and 60 from the first.
  static func groups() -> (values: [Float], truth: [UInt8]) {
    let noise = gaussian(120 * 5, seed: 5)
    let truth = (0..<120).map { UInt8($0 % 3) }
    let values = noise.indices.map { i -> Float in
      let centre = [0.0, 20, 60][Int(truth[i / 5])]
      return Float(noise[i] + (i % 5 == 0 ? centre : 1))
    }
    return (values, truth)
  }

  @Test(arguments: ["k-means", "agglomerative"], ["euclidean", "cosine"])
  func clustersOfFeaturesAreNumberedByDistance(method: String, metric: String) throws {
    let shop = try Workshop()
    let (values, truth) = Self.groups()
    let features = try shop.features(values, rows: 120)
    let parameters: [String: Value] = ["method": .string(method), "metric": .string(metric)]
    let reference: [String: Value] = ["reference": .string("image"), "image": .integer(100)]
    let neighbours = try shop.run("neighbours", reference, ["features": [features]])
    let made = try shop.run("cluster", parameters, ["features": [features], "neighbours": [neighbours]])
    let file = try FileReader(at: made.path)
    let assignment: [UInt8] = try file.read("/assignment")
    #expect(try file.read("/fractions", as: Double.self).reduce(0, +) == 1)
    #expect(try file.string("method") == method && (try file.string("metric")) == metric)
    if metric == "euclidean" { #expect(assignment == truth) }
    // Another stream finds the same clusters of such data, and the same stream the same bytes.
    #expect(
      try shop.run("cluster", parameters, ["features": [features], "neighbours": [neighbours]]).content
        == made.content)
    let agreement = try shop.run("agreement", [:], ["clusters": [made, made]])
    #expect(try FileReader(at: agreement.path).read("/adjusted_rand", as: Double.self) == [1, 1, 1, 1])
    #expect(try FileReader(at: agreement.path).read("/same", as: Double.self) == [1, 1, 1, 1])
  }

  @Test func agglomerativeTakesASubsetDrawnBySeed() throws {
    let shop = try Workshop()
    let (values, truth) = Self.groups()
    let features = try shop.features(values, rows: 120)
    func run(_ key: UInt64) throws -> (indices: [Int64], assignment: [UInt8]) {
      let made = try shop.run(
        "cluster", ["method": .string("agglomerative"), "subset": .integer(60)], ["features": [features]],
        streamKey: key)
      let file = try FileReader(at: made.path)
      return (try file.read("/indices"), try file.read("/assignment"))
    }
    let first = try run(1)
    #expect(
      first.indices.count == 60 && Set(first.indices).count == 60 && first.indices == first.indices.sorted())
    #expect(first.indices != (try run(2)).indices)
    let own = first.indices.map { truth[Int($0) - 100] }
    #expect(try RandIndex.adjusted(own, first.assignment) == 1)
  }

  @Test func sigmaIsTheDefaultAndUnchanged() throws {
    let shop = try Workshop()
    let distances = Self.gaussian(500, seed: 9).map { $0 + 10 }
    let made = try shop.run("cluster", [:], ["neighbours": [try shop.neighbours(distances)]])
    let file = try FileReader(at: made.path)
    let mean = distances.reduce(0, +) / 500
    let deviation = (distances.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 499).squareRoot()
    let expected = distances.map { UInt8($0 < mean - deviation ? 0 : $0 > mean + deviation ? 2 : 1) }
    #expect(try file.read("/assignment", as: UInt8.self) == expected)
    let thresholds: [Double] = try file.read("/thresholds")
    #expect(abs(thresholds[0] - mean + deviation) < 1e-12 && abs(thresholds[1] - mean - deviation) < 1e-12)
  }

  @Test func clusterSaysWhichInputItNeeds() throws {
    let shop = try Workshop()
    let features = try shop.features([1, 2, 3, 4, 5, 6], rows: 3)
    let distances = try shop.neighbours([1, 2, 3])
    #expect(
      failure { _ = try shop.run("cluster", [:], ["features": [features]]) }
        == "method sigma needs neighbours: give the stage an input neighbours")
    for method in ["k-means", "agglomerative"] {
      #expect(
        failure { _ = try shop.run("cluster", ["method": .string(method)], ["neighbours": [distances]]) }
          == "method \(method) needs features: give the stage an input features")
      #expect(
        failure {
          _ = try shop.run(
            "cluster", ["method": .string(method), "clusters": .integer(4)], ["features": [features]])
        } == "the number of clusters must be between 1 and 3, got 4")
    }
    let one = try shop.run("cluster", [:], ["neighbours": [distances]])
    #expect(
      failure { _ = try shop.run("agreement", [:], ["clusters": [one]]) }
        == "an agreement needs at least two clusterings, got 1")
  }
}
