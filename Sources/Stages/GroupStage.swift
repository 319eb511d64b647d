// The stage `group`: training images to remove, drawn at random, with the step at which each is removed.

import HDF5
import PipelineCore
import Tensor

/// Draws a group of training images.
public enum GroupStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "group", version: 1, summary: "draws a random group of training images to remove",
    parameters: [
      ParameterDeclaration("size", .integer(atLeast: 1), "how many images"),
      ParameterDeclaration(
        "label", .optional(.integer(0...9)), default: .null, "drawn from this label (null: from all)"),
    ],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration(
        "cluster", accepts: ["cluster"], .optional,
        "gives each image its step; the group is drawn from its images"),
    ],
    datasets: [
      LayoutDeclaration("/indices", "i64 [m]", "into the train split, ascending"),
      LayoutDeclaration("/parts", "u8 [m]", "the step at which each is removed"),
    ],
    attributes: [LayoutDeclaration("pool_size", "int", "how many images it was drawn from")],
    isRandom: true)

  /// Writes the group.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let size = task.parameters.integer("size")
    let label = task.parameters.optionalInteger("label")
    var pool = try selectImages(images, label: label, count: nil)
    var parts: [Int: UInt8] = [:]
    if let cluster = task.optionalInput("cluster") {
      let file = try FileReader(at: cluster.path)
      let indices = try file.read("/indices", as: Int64.self, shape: [nil])
      let assignment = try file.read("/assignment", as: UInt8.self, shape: [indices.count])
      for (index, part) in zip(indices, assignment) { parts[Int(index)] = part }
      pool = pool.filter { parts[$0] != nil }
    }
    guard size <= pool.count else {
      let whose = label.map { " of label \($0)" } ?? ""
      throw StageFailure("a group of \(size) can't be drawn from \(pool.count) images\(whose)")
    }
    var stream = RandomStream(key: task.streamKey)
    let chosen = stream.sample(size, of: pool.count).map { pool[$0] }.sorted()
    var artifact = try ArtifactWriter(task)
    try artifact.write("/indices", chosen.map { Int64($0) })
    try artifact.write("/parts", chosen.map { parts[$0] ?? 0 })
    try artifact.attribute("pool_size", .integer(Int64(pool.count)))
    return try artifact.finish()
  }
}
