// Loss and accuracy of nets on the splits of an evaluation: means, gaps to other nets, spreads over nets.

import Artifacts
import Statistics

/// The means of one net over each split.
struct SplitMeans {
  /// Some images of a data set.
  struct Members {
    /// Whether of the train split.
    var isTraining: Bool
    var indices: [Int]
  }

  private var losses: [EvaluationSplit: Double] = [:]
  private var accuracies: [EvaluationSplit: Double] = [:]

  /// The images of each split; `test_label` is empty without a label.
  static func members(_ images: LoadedImages, _ group: Group, label: Int?) -> [EvaluationSplit: Members] {
    let labels = images.test.labels
    func training(_ indices: [Int]) -> Members { Members(isTraining: true, indices: indices) }
    func test(_ indices: [Int]) -> Members { Members(isTraining: false, indices: indices) }
    return [
      .group: training(group.indices),
      .retained: training(group.complement(in: images.train.count)),
      .train: training(Array(0..<images.train.count)),
      .test: test(Array(0..<images.test.count)),
      .testLabel: test(labels.indices.filter { Int(labels[$0]) == label }),
      .testOther: test(labels.indices.filter { Int(labels[$0]) != label }),
    ]
  }

  /// Means in double precision and in ascending order; none for an empty split.
  init(_ evaluation: NetEvaluation, _ members: [EvaluationSplit: Members]) {
    for (split, members) in members where !members.indices.isEmpty {
      let source = members.isTraining ? evaluation.train : evaluation.test
      var loss = 0.0
      var correct = 0
      for index in members.indices {
        loss += Double(source.losses[index])
        correct += source.correct[index] ? 1 : 0
      }
      losses[split] = loss / Double(members.indices.count)
      accuracies[split] = Double(correct) / Double(members.indices.count)
    }
  }

  /// The figures of each split: the means of a net, NaN for an empty split; their gaps to the mean of other nets,
  /// NaN without one; and the standard deviation (n − 1) over some nets, NaN below two.
  static func figures(
    of evaluation: NetEvaluation, among nets: [NetEvaluation], against others: [NetEvaluation],
    on members: [EvaluationSplit: Members]
  ) -> [EvaluationMetric: Double] {
    let own = SplitMeans(evaluation, members)
    let known = nets.map { SplitMeans($0, members) }
    let compared = others.map { SplitMeans($0, members) }
    var figures: [EvaluationMetric: Double] = [:]
    for split in EvaluationSplit.allCases {
      func add(
        _ values: KeyPath<SplitMeans, [EvaluationSplit: Double]>, _ figure: SplitFigure, _ gap: SplitFigure,
        _ spread: SplitFigure
      ) {
        func value(_ means: SplitMeans) -> Double { means[keyPath: values][split] ?? .nan }
        figures[EvaluationMetric(split, figure)] = value(own)
        figures[EvaluationMetric(split, gap)] = value(own) - mean(compared.map(value))
        figures[EvaluationMetric(split, spread)] =
          (try? Moments.standardDeviation(known.map(value))) ?? .nan
      }
      add(\.losses, .loss, .lossGap, .lossSpread)
      add(\.accuracies, .accuracy, .accuracyGap, .accuracySpread)
    }
    return figures
  }
}

/// The mean; NaN of none.
func mean(_ values: [Double]) -> Double {
  values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
}
