// The area under the curve and the divergence of outputs, against scipy and their definitions.

import Foundation
import Statistics
import Testing

@Suite struct OutputDivergenceTests {
  private static func pattern(_ count: Int, _ step: Int, _ start: Int, _ modulus: Int) -> [Int] {
    (0..<count).map { ($0 * step + start) % modulus }
  }

  /// Logit i % 4 of image i / 4.
  private static func logit(_ i: Int, _ steps: (Int, Int, Int, Int), _ divisor: Double) -> Double {
    let place: Int = i / 4 * steps.0 + i % 4 * steps.1 + steps.2
    return Double(place % steps.3) / divisor - 2
  }

  @Test func areaUnderCurveIsMannWhitneys() throws {
    // Many ties; expected from scipy.stats.mannwhitneyu(a, b).statistic / (37 · 53).
    let a = Self.pattern(37, 7919, 13, 101).map { Double($0 / 4) / 10 }
    let b = Self.pattern(53, 104_729, 29, 97).map { Double($0 / 4) / 10 }
    #expect(try AreaUnderCurve.of(positives: a, negatives: b) == 0.5094339622641509)
    var wins = 0.0
    for x in a { for y in b { wins += x > y ? 1 : x == y ? 0.5 : 0 } }
    #expect(try AreaUnderCurve.of(positives: a, negatives: b) == wins / Double(37 * 53))
    #expect(try AreaUnderCurve.membership(members: a, others: b) == 1 - wins / Double(37 * 53))
    #expect(try AreaUnderCurve.membership(members: [0.1, 0.2], others: [0.3, 0.4]) == 1)
    #expect(throws: StatisticsError.self) { try AreaUnderCurve.of(positives: [], negatives: [1]) }
    #expect(throws: StatisticsError.notFinite(index: 1)) {
      try AreaUnderCurve.of(positives: [1], negatives: [1, .nan])
    }
  }

  /// Where two classes are as probable as each other, both nets decide for the first: one that is as undecided as the
  /// reference has changed nothing.
  @Test func ofTwoEqualClassesTheFirstIsTheDecision() throws {
    let (half, rest) = (log(0.4), log(0.2))
    let undecided = [half, half, rest]
    let first = [log(0.5), log(0.3), rest]
    let second = [log(0.3), log(0.5), rest]
    func changed(_ net: [Double], _ reference: [Double]) throws -> Double {
      try OutputDivergence(net, reference: reference, classes: 3).changedDecisions
    }
    #expect(try changed(undecided, undecided) == 0)
    #expect(try changed(undecided, first) == 0 && changed(first, undecided) == 0)
    #expect(try changed(undecided, second) == 1 && changed(second, undecided) == 1)
  }

  /// Log-probabilities of logits by the definition.
  private func logSoftmax(_ logits: [Double], classes: Int) -> [Double] {
    logits.indices.map { place in
      let row = logits[place / classes * classes..<(place / classes + 1) * classes]
      return logits[place] - log(row.reduce(0) { $0 + exp($1) })
    }
  }

  @Test func divergenceIsScipys() throws {
    let z = (0..<48).map { Self.logit($0, (31, 17, 7, 23), 5) }
    let w = (0..<48).map { Self.logit($0, (29, 13, 3, 19), 4) }
    let (p, q) = (logSoftmax(z, classes: 4), logSoftmax(w, classes: 4))
    let divergence = try OutputDivergence(q, reference: p, classes: 4)
    // scipy.special.rel_entr(softmax(z), softmax(w)).sum(1).mean()
    #expect(abs(divergence.kullbackLeibler - 1.207329968475266) < 1e-13)
    #expect(abs(divergence.changedDecisions - 2.0 / 3) < 1e-15)
    let same = try OutputDivergence(p, reference: p, classes: 4)
    #expect(same == (try OutputDivergence(p, reference: p, classes: 4)) && same.kullbackLeibler == 0)
    #expect(same.changedDecisions == 0)
    #expect(throws: StatisticsError.self) { try OutputDivergence([], reference: [], classes: 4) }
    #expect(throws: StatisticsError.self) { try OutputDivergence(p, reference: [0, 0, 0, 0], classes: 4) }
  }
}
