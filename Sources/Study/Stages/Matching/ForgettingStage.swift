// The stage `forgetting`: the loss on a group at multiples of the change that removes it.

import Artifacts
import Glibc
import NeuralNet
import PipelineCore
import Tensor

/// Follows the change from a net to an unlearned one, and beyond.
public enum ForgettingStage: Stage {
  static let least = Parameter(
    "least", .number(1e-6...1e6), default: 0.00390625, "the least multiple of the change")
  static let octaves = Parameter("octaves", .integer(1...20), default: 11, "how often it is doubled")
  static let perOctave = Parameter(
    "per_octave", .integer(1...64), default: 4, "multiples within a doubling, at equal ratios")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "forgetting", version: 1,
    summary: "takes the loss on a group at multiples of the change that removes it, beside retrained nets",
    parameters: [least, octaves, perOctave],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: NetStages.original, "the net before removal"),
      InputDeclaration("group", accepts: ["group"], "the removed images"),
      InputDeclaration("unlearned", accepts: NetStages.unlearned, "the net after removal"),
      InputDeclaration(
        "reference", accepts: NetStages.retrained, .many,
        "nets retrained without the group, from one seed or several"
      ),
    ],
    datasets: ForgettingArtifact.datasets, attributes: ForgettingArtifact.attributes,
    resources: { _ in Resources(cores: 64, memory: 400 << 20) })

  /// Writes the curve.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let group = try task.loadGroup().indices
    let net = try task.loadNet("net")
    let pool = ThreadPool(threads: task.threads)
    func loss(_ network: Network, _ parameters: [Float]) throws -> Double {
      try evaluate(network, parameters: parameters, data: images, indices: group, pool: pool).loss
    }
    let change = try task.change(from: net, to: "unlearned")
    let steps = task.parameters[perOctave]
    let factors = (0...task.parameters[octaves] * steps).map {
      task.parameters[least] * exp2(Double($0) / Double(steps))
    }
    var losses: [Double] = []
    for factor in factors {
      let moved = net.parameters(moved: change, by: factor)
      losses.append(moved.allSatisfy(\.isFinite) ? try loss(net.network, moved) : .infinity)
      context.progress(
        Double(losses.count) / Double(factors.count), "factor \(losses.count)/\(factors.count)")
    }
    let retrained = try (task.inputs["reference"] ?? []).map { reference in
      let other = try task.loadNet(reference)
      return try loss(other.network, other.parameters)
    }
    return try task.write(
      ForgettingArtifact.self,
      ForgettingCurve(
        factors: factors, losses: losses.map { $0.isNaN ? .infinity : $0 },
        untouched: try loss(net.network, net.parameters), retrained: mean(retrained)))
  }
}

extension StageTask {
  /// The change of the parameters, in double precision, that leads from a net to the one of a slot.
  func change(from net: Net, to slot: String) throws -> [Double] {
    let other = try loadNet(slot)
    guard other.network.name == net.network.name, other.parameters.count == net.parameters.count else {
      throw StageFailure(
        "input \(slot) is a \(other.network.name) of \(other.parameters.count) parameters, but the net is a "
          + "\(net.network.name) of \(net.parameters.count)")
    }
    return zip(other.parameters, net.parameters).map { Double($0) - Double($1) }
  }
}

extension Net {
  /// The parameters after a multiple of a change.
  func parameters(moved change: [Double], by factor: Double) -> [Float] {
    zip(parameters, change).map { Float(Double($0) + factor * $1) }
  }
}
