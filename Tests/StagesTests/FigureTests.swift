// Figures as numbers: of a net on several data sets, and of a table in units of the spread of retraining.

import Artifacts
import Foundation
import HDF5
import NeuralNet
import PipelineCore
import StageRuns
import Stages
import Tensor
import Testing

@Suite struct FigureTests {
  /// One process evaluates a net on test images and on images held out for validation: each has figures of its own.
  @Test func aNetHasFiguresOfEachDataSet() throws {
    let shop = try Workshop()
    try shop.writeIDX()
    let folder = Value.string(shop.folder)
    let all = try shop.run("load-images", ["folder": folder])
    let held = try shop.run("load-images", ["folder": folder, "validation_images": .integer(50)])
    let net = try shop.run("train", ["epochs": .integer(1), "batch_size": .integer(20)], ["images": [all]])
    let parameters = try ArtifactReader<NetArtifact>(net).read(\.net).parameters
    let images = try ImageSet(images: Workshop.images.pixels, labels: Workshop.images.labels)
    for (data, trained, tested) in [
      (all, 0..<240, 0..<240), (held, 0..<190, 190..<240), (all, 0..<240, 0..<240),
    ] {
      let group = try shop.run("group", ["size": .integer(9), "label": .integer(4)], ["images": [data]])
      let made = try shop.run("evaluate", [:], ["images": [data], "net": [net], "group": [group]])
      let figures = try EvaluationArtifact.read(made).metrics
      for (split, indices) in [(EvaluationSplit.train, trained), (.test, tested)] {
        let expected = try NeuralNet.evaluate(
          Network.named("lenet"), parameters: parameters, data: images, indices: Array(indices),
          pool: ThreadPool(threads: 1))
        let loss = try #require(figures[EvaluationMetric(split, .loss)])
        #expect(abs(loss - expected.loss) < 1e-9 * expected.loss, "\(split) of \(indices)")
        #expect(figures[EvaluationMetric(split, .accuracy)] == expected.accuracy)
      }
    }
  }

  /// An evaluation whose only figures are the gap of the group's loss and its spread.
  private func evaluation(
    _ shop: Workshop, _ label: String, size: Int, repetition: Int, gap: Double, spread: Double,
    references: Int = 2
  ) throws -> TaskInput {
    var metrics = Dictionary(uniqueKeysWithValues: EvaluationMetric.all.map { ($0, Double.nan) })
    metrics[EvaluationMetric(.group, .lossGap)] = gap
    metrics[EvaluationMetric(.group, .lossSpread)] = spread
    return try shop.write(
      EvaluationArtifact.self,
      NetEvaluationFigures(
        metrics: metrics, groupSize: size, poolSize: 100, references: references, facts: SolveFacts()),
      stage: "evaluate", label: label,
      axes: [AxisValue("size", .integer(size)), AxisValue("repeat", .integer(repetition))])
  }

  /// A gap is counted in the root mean square of the spreads over all repeats and schemes at the same point: 3 and 4
  /// pool to √12.5, and neither their mean nor the spread of the gap's own repeat. A net like the retrained ones differs
  /// by √1.5 of it from the mean of two, and by √2 from one.
  @Test func gapsAreCountedInPooledSpreads() throws {
    let shop = try Workshop()
    var rows: [TaskInput] = []
    for (label, gaps) in [("x", [1.0, 2]), ("y", [-3.0, 0.5])] {
      for (repetition, gap) in gaps.enumerated() {
        rows.append(
          try evaluation(
            shop, label, size: 10, repetition: repetition, gap: gap, spread: repetition == 0 ? 3 : 4,
            references: label == "x" ? 2 : 1))
        // Other spreads at another size, of which one is not known: a single net was retrained.
        rows.append(
          try evaluation(
            shop, label, size: 20, repetition: repetition, gap: gap, spread: repetition == 0 ? 0.5 : .nan,
            references: label == "x" ? 2 : 1))
      }
    }
    let table = try shop.run("table", ["metrics": .list([.string("group.gap_spread")])], ["rows": rows])
    let report = try shop.report(table, ["metrics": .list([.string("group.gap_spread")])])
    let document = try JSONSerialization.jsonObject(with: Data(report.render(.json).utf8)) as? [String: Any]
    let cells = try #require(document?["cells"] as? [[String: Any]])
    #expect(cells.count == 4)
    for cell in cells {
      let scheme = try #require((cell["rows"] as? [String: String])?["scheme"])
      let spread = cell["column"] as? String == "10" ? 12.5.squareRoot() : 0.5
      let expected = (scheme == "x" ? [1, 2] : [-3, 0.5]).map {
        $0 / spread / (scheme == "x" ? 1.5 : 2).squareRoot()
      }
      let found = try #require(cell["values"] as? [Double])
      #expect(
        zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(scheme): \(found), not \(expected)")
    }
  }
}
