// How far the predicted probabilities of two classifiers are apart.

import Glibc

/// How far the outputs of two nets are apart on the same images.
public struct OutputDivergence: Sendable, Equatable {
  /// Mean over the images of KL(reference ‖ net) = Σ p_ref (ln p_ref − ln p_net), in nats.
  public let kullbackLeibler: Double
  /// Share of the images of which the most probable class differs.
  public let changedDecisions: Double

  /// Compares log-probabilities [n, classes] with those of a reference.
  ///
  /// - Throws: `StatisticsError.tooFew` without images, `.countMismatch`.
  public init(_ logProbabilities: [Double], reference: [Double], classes: Int) throws(StatisticsError) {
    if reference.isEmpty { throw .tooFew(statistic: "the divergence of outputs", count: 0, minimum: 1) }
    if logProbabilities.count != reference.count {
      throw .countMismatch(expected: reference.count, actual: logProbabilities.count)
    }
    var divergence = CompensatedSum()
    var changed = 0
    for start in stride(from: 0, to: reference.count, by: classes) {
      var (best, bestReference) = (start, start)
      for i in start..<start + classes {
        divergence.add(exp(reference[i]) * (reference[i] - logProbabilities[i]))
        if logProbabilities[i] > logProbabilities[best] { best = i }
        if reference[i] > reference[bestReference] { bestReference = i }
      }
      if best != bestReference { changed += 1 }
    }
    let images = Double(reference.count / classes)
    // Rounding may leave a hair below zero, where the divergence is zero.
    kullbackLeibler = max(0, divergence.value / images)
    changedDecisions = Double(changed) / images
  }
}
