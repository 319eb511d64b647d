// The stage `margins`: how sure a net is of each image's label, for questions that go image by image.

import Artifacts
import Influence
import PipelineCore
import Tensor

/// Takes a net's margin on each image of a split.
public enum MarginsStage: Stage {
  /// The images that a net is tried on.
  enum Split: String, CaseIterable { case train, test }

  static let split = Parameter("split", .choice(Split.self), default: .train, "the images that are taken")
  static let label = Parameter(
    "label", .optional(.integer(0...255)), default: nil, "the images of this label only (null: of all)")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "margins", version: 1, summary: "takes the margin of a net on each image of a split",
    parameters: [split, label],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: NetStages.all, "the net"),
      InputDeclaration(
        "group", accepts: ["group"], .optional,
        "with split train: the images that the net was made to do without, which are marked"),
    ],
    datasets: MarginsArtifact.datasets, attributes: MarginsArtifact.attributes,
    resources: { _ in Resources(cores: 64, memory: 400 << 20) })

  /// Writes the margins.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages()
    let net = try task.loadNet("net")
    let (split, label) = (task.parameters[split], task.parameters[label])
    let data = split == .train ? images.train : images.test
    let indices = data.labels.indices.filter { label == nil || Int(data.labels[$0]) == label }
    guard !indices.isEmpty else {
      throw StageFailure("no \(split.rawValue) image has the label \(label ?? 0)")
    }
    var removed: Set<Int> = []
    if task.optionalInput("group") != nil {
      guard split == .train else {
        throw StageFailure("a group is of training images: take input group away, or set split to train")
      }
      removed = Set(try task.loadGroup().indices)
    }
    let outputs = try NetOutputs(
      net.network, parameters: net.parameters, data: data, indices: indices,
      pool: ThreadPool(threads: task.threads))
    return try task.write(
      MarginsArtifact.self,
      Margins(
        indices: indices, margins: outputs.margins(labels: indices.map { data.labels[$0] }),
        removed: indices.map(removed.contains)))
  }
}
