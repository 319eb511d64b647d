// One step taken again and again, with the best round chosen by a score: the protocol of generalised influence (GIF).

import NeuralNet
import Tensor

/// The outcome of repeated steps.
public struct RepeatedUnlearning: Sendable {
  /// The parameters [p] after the chosen round.
  public let parameters: [Float]
  /// The influence of each round up to the chosen one, its change as it was applied.
  public let steps: [GroupInfluence]
  /// The score after each round that was made; empty without a score.
  public let scores: [Double]
  /// The rounds taken: those of `steps`.
  public var rounds: Int { steps.count }
}

/// Takes the influence of a group again and again, each time at the parameters that the last round led to and from the
/// whole training set, each change rescaled to a norm if one is given.
///
/// The published protocol of GIF has a Neumann series of 30 terms on the normal equations, changes of norm 0.03 and the
/// round with the best F1 on test images. Here the score is the caller's to take on validation images.
///
/// - Parameters:
///   - stepNorm: L2 norm of each round's change; nil for the change as it is.
///   - score: What is best when largest, at the parameters after a round; nil takes the last round.
///   - progress: Called after each solver iteration with the number of the round.
/// - Throws: As `unlearn`; `InfluenceError.notFinite` for a change that can't be rescaled.
public func unlearnRepeatedly(
  _ network: Network, parameters: [Float], data: ImageSet, trainingSet: [Int], group: [Int], rounds: Int,
  stepNorm: Double?, options: InfluenceOptions = InfluenceOptions(), spectrum: CurvatureSpectrum? = nil,
  stream: RandomStream, memoryCeiling: Int = Curvature.defaultMemoryCeiling, pool: ThreadPool,
  score: (([Float]) throws -> Double)? = nil,
  progress: ((_ round: Int, InfluenceProgress) throws -> Void)? = nil
) throws -> RepeatedUnlearning {
  precondition(rounds >= 1, "at least one round is made")
  var current = parameters
  var best = parameters
  var bestScore = -Double.infinity
  var taken = 0
  var steps: [GroupInfluence] = []
  var scores: [Double] = []
  for round in 0..<rounds {
    var step = try groupInfluence(
      network, parameters: current, data: data, trainingSet: trainingSet, group: group, options: options,
      spectrum: spectrum, stream: stream.substream(round), memoryCeiling: memoryCeiling, pool: pool,
      progress: progress.map { report in { try report(round, $0) } })
    if step.negativeCurvature {
      throw InfluenceError.negativeCurvature(step: round, iteration: step.iterations)
    }
    if let stepNorm { step = try step.rescaled(to: stepNorm) }
    for i in current.indices { current[i] += step.change[i] }
    steps.append(step)
    let value = try score?(current)
    if let value { scores.append(value) }
    if value ?? .infinity > bestScore || score == nil {
      bestScore = value ?? bestScore
      best = current
      taken = round + 1
    }
  }
  return RepeatedUnlearning(parameters: best, steps: Array(steps[..<taken]), scores: scores)
}

extension GroupInfluence {
  /// The influence with its change brought to an L2 norm; measured losses are of the change as it was and go.
  fileprivate func rescaled(to norm: Double) throws -> GroupInfluence {
    let size = dot(change, change).squareRoot()
    guard size > 0, size.isFinite else { throw InfluenceError.notFinite(what: "a change brought to a norm") }
    let factor = Float(norm / size)
    var result = self
    result.change = change.map { $0 * factor }
    result.groupLoss = nil
    result.retainedLoss = nil
    return result
  }
}
