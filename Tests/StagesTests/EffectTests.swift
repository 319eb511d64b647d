// The stages `effect` and `correlation` on small nets.

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

@Suite struct EffectTests {
  @Test func effectIsGradientTimesChange() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let training: [String: Value] = ["epochs": .integer(3), "batch_size": .integer(20)]
    let net = try shop.run("train", training, ["images": [images]])
    let solver: [String: Value] = ["hessian_images": .integer(240), "damping": .number(0.1)]
    let network = try Network.named("lenet")
    let data = try ImageSet(images: Workshop.images.pixels, labels: Workshop.images.labels)
    func parameters(_ net: TaskInput) throws -> [Float] {
      let file = try FileReader(at: net.path)
      return try network.parameterLayouts.flatMap { try file.read("/parameters/\($0.name)", as: Float.self) }
    }
    func loss(_ parameters: [Float], _ members: [Int]) throws -> Double {
      try NeuralNet.evaluate(
        network, parameters: parameters, data: data, indices: members, pool: ThreadPool(threads: 1)
      ).loss
    }
    let theta = try parameters(net)
    var effects: [TaskInput] = []
    for size in 3...7 {
      let group = try shop.run(
        "group", ["size": .integer(size), "label": .integer(4)], ["images": [images]],
        streamKey: UInt64(size))
      let retrained = try shop.run("retrain", training, ["images": [images], "group": [group]])
      let influence = try shop.run(
        "influence", solver, ["images": [images], "net": [net], "group": [group]])
      let made = try shop.run(
        "effect", [:],
        [
          "images": [images], "net": [net], "group": [group], "influence": [influence],
          "retrained": [retrained],
        ])
      effects.append(made)
      let file = try FileReader(at: made.path)
      let members = try FileReader(at: group.path).read("/indices", as: Int64.self).map { Int($0) }
      let actual: Double = try file.readScalar("/effects/group/actual")
      #expect(abs(actual - (try loss(try parameters(retrained), members) - loss(theta, members))) < 1e-9)
      // A directional derivative by central differences of the loss, which share no code with the gradient.
      let change: [Float] = try FileReader(at: influence.path).read("/influence")
      let h: Float = 0.05
      for (split, images) in [("group", members), ("test", Array(0..<240))] {
        let predicted: Double = try file.readScalar("/effects/\(split)/predicted")
        let ahead = try loss(zip(theta, change).map { $0 + h * $1 }, images)
        let behind = try loss(zip(theta, change).map { $0 - h * $1 }, images)
        let difference = (ahead - behind) / (2 * Double(h))
        #expect(abs(predicted - difference) < 0.05 * abs(difference) + 1e-5, "\(split) \(size)")
      }
    }
    for index in effects.indices { effects[index].label = "coherent" }
    try Self.expectCorrelation(of: effects, in: shop)
  }

  /// Correlates the effects of groups that are all called coherent, and looks at the artifact, its report and its
  /// picture; two of the groups are too few.
  private static func expectCorrelation(of effects: [TaskInput], in shop: Workshop) throws {
    let made = try shop.run("correlation", [:], ["rows": effects])
    let file = try FileReader(at: made.path)
    let x: [Double] = try file.read("/points/group/predicted")
    let y: [Double] = try file.read("/points/group/actual")
    #expect(try file.read("/pearson/value", as: Double.self)[0] == Correlation.pearson(x, y).coefficient)
    #expect(try file.readStrings("/loss") == ["group", "test"])
    let report = try shop.report(made, ["title": .string("t")])
    #expect(try report.render(.csv).hasPrefix("groups_of_kind,change_of_loss_on,groups,slope,slope_lower,"))
    #expect(try report.solves()["coherent"]?["images"] as? String == "240")
    #expect(try file.info("/solves/records").shape == [2, 5])
    let picture = try shop.run("picture", ["kind": .string("effects")], ["effects": [made]])
    #expect(try PictureFiles.read(picture.path).count == 2)
    #expect(
      failure { _ = try shop.run("correlation", [:], ["rows": Array(effects.prefix(2))]) }
        == "a correlation needs at least 3 groups; 'coherent' has 2")
  }
}
