// The stage `features`: one vector an image, in which distances between images are taken.

import NeuralNet
import PipelineCore
import Tensor

/// Extracts features of training images.
public enum FeaturesStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "features", version: 1, summary: "extracts a feature vector from each of some training images",
    parameters: [
      ParameterDeclaration(
        "extractor", .choice(["cnn", "pixels"]), default: .string("cnn"),
        "cnn: the penultimate layer of the net in slot net; pixels: the image itself, as a control"),
      ParameterDeclaration(
        "label", .optional(.integer(0...9)), default: .null, "only images of this label (null: of all)"),
      ParameterDeclaration(
        "count", .optional(.integer(atLeast: 1)), default: .null, "only the first so many of them (null: all)"
      ),
    ],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration(
        "net", accepts: ["train", "retrain", "unlearn"], .optional, "the net of extractor cnn"),
    ],
    datasets: [
      LayoutDeclaration("/features", "f32 [n,d]", "one row an image"),
      LayoutDeclaration("/indices", "i64 [n]", "into the train split, ascending"),
    ],
    attributes: [
      LayoutDeclaration("extractor", "string", "as the parameter"),
      LayoutDeclaration("pixels", "int", "side of the image that the extractor saw, in pixels"),
      LayoutDeclaration("pooling", "string", "none: the extractors here give one vector an image"),
    ],
    resources: { _ in Resources(cores: 64, memory: 400 << 20) })

  /// Writes the features.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let indices = try selectImages(
      images, label: task.parameters.optionalInteger("label"), count: task.parameters.optionalInteger("count")
    )
    let extractor = task.parameters.string("extractor")
    let rows: [Float]
    let columns: Int
    switch extractor {
    case "cnn":
      guard task.optionalInput("net") != nil else {
        throw StageFailure("extractor cnn takes the features from a net: give the stage an input net")
      }
      let net = try task.loadNet("net")
      rows = try features(
        net.network, parameters: net.parameters, data: images, indices: indices,
        pool: ThreadPool(threads: task.threads))
      columns = net.network.featureCount
    default:
      rows = indices.flatMap { index in images.images[index * 784..<(index + 1) * 784].map { Float($0) / 255 }
      }
      columns = 784
    }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/features", rows, shape: [indices.count, columns])
    try artifact.write("/indices", indices.map { Int64($0) })
    try artifact.attribute("extractor", .string(extractor))
    try artifact.attribute("pixels", .integer(28))
    try artifact.attribute("pooling", .string("none"))
    return try artifact.finish()
  }
}

/// The training images of a label, or of all, ascending; the first `count` of them.
func selectImages(_ images: ImageSet, label: Int?, count: Int?) throws -> [Int] {
  var indices = Array(0..<images.count)
  if let label {
    indices = indices.filter { Int(images.labels[$0]) == label }
    if indices.isEmpty {
      let known = Set(images.labels).sorted().map(String.init).joined(separator: ", ")
      throw StageFailure("no training image has label \(label); the labels are \(known)")
    }
  }
  guard let count else { return indices }
  guard count <= indices.count else {
    throw StageFailure("count is \(count), but only \(indices.count) training images are to choose from")
  }
  return Array(indices.prefix(count))
}
