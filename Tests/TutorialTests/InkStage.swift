// The stage `ink`: how much of each training image is drawn on.

import Artifacts
import PipelineCore

/// Measures the ink of training images.
public enum InkStage: Stage {
  static let label = Parameter(
    "label", .optional(.integer(0...9)), default: nil, "of this label only (null: of all)")
  static let threshold = Parameter(
    "threshold", .integer(1...255), default: 128, "a pixel of at least this value is ink")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "ink", version: 1, summary: "measures how much of each training image is ink",
    parameters: [label, threshold],
    inputs: [InputDeclaration("images", accepts: ["load-images"], "the data set")],
    datasets: InkArtifact.datasets, attributes: InkArtifact.attributes)

  /// Writes the shares.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try ArtifactReader<ImagesArtifact>(task.input("images")).read(\.train)
    let label = task.parameters[Self.label]
    let threshold = task.parameters[Self.threshold]
    let indices = (0..<images.count).filter { label == nil || Int(images.labels[$0]) == label }
    guard !indices.isEmpty else { throw StageFailure("no training image has the label \(label ?? 0)") }
    let size = images.images.count / images.count
    let shares = indices.map { image in
      let pixels = images.images[image * size..<(image + 1) * size]
      return Double(pixels.count { $0 >= threshold }) / Double(size)
    }
    return try task.write(InkArtifact.self, Ink(indices: indices, shares: shares))
  }
}
