// The stage `table`: gathers evaluations over their axes into one long table.

import HDF5
import PipelineCore

/// Gathers evaluations.
public enum TableStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "table", version: 2, summary: "gathers evaluations into one table, a row an evaluation",
    parameters: [
      ParameterDeclaration("title", .string, default: .string(""), "stands above the table"),
      ParameterDeclaration("columns", .string, default: .string("size"), "the axis that goes across"),
      ParameterDeclaration("over", .string, default: .string("repeat"), "the axis that means are taken over"),
      ParameterDeclaration(
        "order", .list(.string), default: .list([]), "labels of the rows in the order in which they are shown"
      ),
      ParameterDeclaration(
        "metrics", .list(.string), default: .list(["group", "test"].map(Value.string)),
        "the splits shown, each with accuracy and loss"),
    ],
    inputs: [
      InputDeclaration("rows", accepts: ["evaluate"], .many, "the evaluations by scheme, as label: stage")
    ],
    datasets: [
      LayoutDeclaration("/scheme", "string [r]", "the label of each row"),
      LayoutDeclaration("/axes/AXIS", "string [r]", "its axis values, as text"),
      LayoutDeclaration("/metrics/SPLIT/{loss,accuracy}", "f64 [r]", "as in the evaluation"),
      LayoutDeclaration("/group_size", "i64 [r]", "images removed"),
      LayoutDeclaration("/pool_size", "i64 [r]", "images that they were drawn from"),
      LayoutDeclaration("/converged", "u8 [r]", "0 if a solve behind the row did not converge"),
      LayoutDeclaration(
        "/residual", "f64 [r]", "the worst true relative residual behind the row; NaN if none"),
      LayoutDeclaration("/iterations", "i64 [r]", "solver iterations behind the row"),
      LayoutDeclaration("/damping", "f64 [r]", "damping of the solves behind the row; NaN if none"),
      LayoutDeclaration(
        "/hessian_images", "i64 [r]", "curvature images of the solves behind the row; 0 if none"),
    ],
    check: { parameters in
      let unknown = parameters.strings("metrics").first { !EvaluateStage.splits.contains($0) }
      return unknown.map {
        ParameterProblem(
          "metrics", "'\($0)' is no split; \(suggestion(for: $0, among: EvaluateStage.splits, of: "splits"))")
      }
    })

  /// Writes the table.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["rows"] ?? []
    var columns: [String: [Double]] = [:]
    var groupSizes: [Int64] = []
    var poolSizes: [Int64] = []
    var converged: [UInt8] = []
    var residuals: [Double] = []
    var iterations: [Int64] = []
    var dampings: [Double] = []
    var hessianImages: [Int64] = []
    for input in inputs {
      let file = try FileReader(at: input.path)
      for split in EvaluateStage.splits {
        for metric in ["loss", "accuracy"] {
          let path = "/metrics/\(split)/\(metric)"
          columns[path, default: []].append(try file.readScalar(path))
        }
      }
      groupSizes.append(Int64(try file.integer("group_size")))
      poolSizes.append(Int64(try file.integer("pool_size")))
      converged.append(UInt8(try file.integer("converged")))
      residuals.append(try file.real("residual"))
      iterations.append(Int64(try file.integer("iterations")))
      dampings.append(try file.real("damping"))
      hessianImages.append(Int64(try file.integer("hessian_images")))
    }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/scheme", inputs.map(\.label))
    for axis in Set(inputs.flatMap { $0.axes.map(\.axis) }).sorted() {
      try artifact.write(
        "/axes/\(axis)", inputs.map { input in input.axes.first { $0.axis == axis }?.value.plainText ?? "" })
    }
    for (path, values) in columns.sorted(by: { $0.key < $1.key }) { try artifact.write(path, values) }
    try artifact.write("/group_size", groupSizes)
    try artifact.write("/pool_size", poolSizes)
    try artifact.write("/converged", converged)
    try artifact.write("/residual", residuals)
    try artifact.write("/iterations", iterations)
    try artifact.write("/damping", dampings)
    try artifact.write("/hessian_images", hessianImages)
    return try artifact.finish()
  }
}
