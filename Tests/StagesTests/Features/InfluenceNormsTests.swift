// The stage `influence-norms`: norms of single images near and far in feature space.

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

@Suite struct InfluenceNormsTests {
  @Test func normsAreThoseOfSingleGradients() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run(
      "train", ["epochs": .integer(1), "batch_size": .integer(20)], ["images": [images]])
    let features = try shop.run("features", [:], ["images": [images], "net": [net]])
    let neighbours = try shop.run("neighbours", ["k": .integer(30)], ["features": [features]])
    let made = try shop.run(
      "influence-norms", ["images": .string("all")],
      ["images": [images], "net": [net], "neighbours": [neighbours]])
    let file = try FileReader(at: made.path)
    let indices = try file.read("/indices", as: Int64.self).map { Int($0) }
    let sides: [UInt8] = try file.read("/side")
    #expect(indices.sorted() == Array(0..<240))
    #expect(
      sides == [UInt8](repeating: 0, count: 30) + [UInt8](repeating: 1, count: 180)
        + [UInt8](repeating: 2, count: 30))
    // An independent way to the norms: NeuralNet's, which never forms the gradients.
    let network = try Network.named("lenet")
    let parameterFile = try FileReader(at: net.path)
    var parameters: [Float] = []
    for layout in network.parameterLayouts {
      parameters += try parameterFile.read("/parameters/\(layout.name)")
    }
    let data = try ImageSet(images: Workshop.images.pixels, labels: Workshop.images.labels)
    let curvature = try Curvature(
      network, parameters: parameters, data: data, indices: Array(0..<240), pool: ThreadPool(threads: 1))
    let expected = try curvature.gradientNorms(over: indices)
    let norms: [Double] = try file.read("/norms")
    for (norm, other) in zip(norms, expected) { #expect(abs(norm - Double(other)) < 1e-4 * Double(other)) }
    let centre = try curvature.gradient().gradient
    let length = centre.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(abs(try file.readScalar("/reference_norm", as: Double.self) - length) < 1e-4 * length)
    // The correlations are those of what is written.
    let distances: [Double] = try file.read("/distances")
    let apart: [Double] = try file.read("/influence_distances")
    #expect(
      try file.readScalar("/spearman/coefficient", as: Double.self)
        == Correlation.spearman(distances, apart).coefficient)
    #expect(try file.readScalar("/near/mean", as: Double.self) == Moments.mean(Array(norms.prefix(30))))
  }

  @Test func influencesSolveTheirEquation() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run(
      "train", ["epochs": .integer(2), "batch_size": .integer(20)], ["images": [images]])
    let features = try shop.run("features", ["label": .integer(2)], ["images": [images], "net": [net]])
    let neighbours = try shop.run(
      "neighbours", ["k": .integer(3), "reference": .string("medoid")], ["features": [features]])
    let made = try shop.run(
      "influence-norms",
      [
        "solver": .string("cg"), "damping": .number(0.1), "hessian_images": .integer(240),
        "tolerance": .number(1e-5),
      ],
      ["images": [images], "net": [net], "neighbours": [neighbours]])
    let file = try FileReader(at: made.path)
    #expect(try file.integer("converged") == 1 && (try file.real("residual")) <= 1e-5)
    let norms: [Double] = try file.read("/norms")
    let indices = try file.read("/indices", as: Int64.self).map { Int($0) }
    #expect(norms.count == 6)
    // Against the influence of a group of that one image, by the other stage's own function.
    let network = try Network.named("lenet")
    let parameterFile = try FileReader(at: net.path)
    var parameters: [Float] = []
    for layout in network.parameterLayouts {
      parameters += try parameterFile.read("/parameters/\(layout.name)")
    }
    let data = try ImageSet(images: Workshop.images.pixels, labels: Workshop.images.labels)
    var options = InfluenceOptions()
    options.scale = .koh
    options.damping = 0.1
    options.hessianImages = 240
    options.tolerance = 1e-5
    options.weightDecay = Float(try parameterFile.real("weight_decay"))
    for (image, norm) in zip(indices, norms) {
      let one = try groupInfluence(
        network, parameters: parameters, data: data, trainingSet: Array(0..<240), group: [image],
        options: options,
        stream: RandomStream(key: 1), pool: ThreadPool(threads: 1))
      let length = 240 * one.change.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(norm - length) < 1e-3 * length)
    }
  }

  @Test func normsNeedNearAndFarImages() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run(
      "train", ["epochs": .integer(1), "batch_size": .integer(20)], ["images": [images]])
    let features = try shop.run("features", ["label": .integer(2)], ["images": [images], "net": [net]])
    func message(_ parameters: [String: Value]) throws -> String {
      let neighbours = try shop.run("neighbours", parameters, ["features": [features]])
      return failure {
        _ = try shop.run(
          "influence-norms", [:], ["images": [images], "net": [net], "neighbours": [neighbours]])
      }
    }
    #expect(
      try message([:])
        == "input neighbours has no lists of nearest and farthest images: set the parameter 'k' of that stage"
    )
    #expect(
      try message(["k": .integer(13)])
        == "k = 13 is more than half of the images, so near and far ones overlap")
  }
}
