// Evaluations of which only some figures matter, for the tests of comparisons.

import HDF5
import PipelineCore
import StageRuns

/// An evaluation of which only the losses and the divergence matter, and whether a solve stands behind it.
func sampleEvaluation(
  _ shop: Workshop, _ label: String, _ axes: [String: Value], group: Double, retained: Double = 0.1,
  divergence: Double = 0.2, converged: Bool = true
) throws -> TaskInput {
  let isSolved = label != "retrain"
  var made = try shop.artifact("evaluate") { file in
    for split in ["group", "retained", "train", "test", "test_label", "test_other"] {
      let loss = split == "group" ? group : split == "retained" ? retained : 0.5
      try file.write("/metrics/\(split)/loss", loss)
    }
    try file.write("/metrics/comparison/kl", divergence)
    try file.setAttribute("converged", to: .integer(converged ? 1 : 0))
    for name in ["iterations", "products", "hessian_images"] {
      try file.setAttribute(name, to: .integer(isSolved ? 30 : 0))
    }
    for name in [
      "residual", "damping", "damping_implied", "gradient_norm", "curvature_min", "curvature_max",
      "predicted_change", "predicted_change_second_order", "actual_change",
    ] {
      try file.setAttribute(name, to: .real(isSolved ? (converged ? 0.0005 : 0.25) : .nan))
    }
  }
  made.label = label
  made.axes = axes.sorted { $0.key < $1.key }.map { AxisValue($0.key, $0.value) }
  made.node = "\(label)\(axes.values.map(\.plainText).sorted())"
  return made
}
