// The stage `features`: one vector an image, in which distances between images are taken.

import Artifacts
import Datasets
import FoundationEssentials
import Influence
import NeuralNet
import PipelineCore
import Tensor
import VisionTransformer
import Wording

/// Extracts features of training images.
public enum FeaturesStage: Stage {
  /// Where features come from.
  enum Extractor: String, CaseIterable { case cnn, gradient, vit, pixels }

  static let extractor = Parameter(
    "extractor", .choice(Extractor.self), default: .cnn,
    "cnn: the penultimate layer of the net in slot net; gradient: the gradient of the image's loss with respect to that net's last layer; vit: a pretrained vision transformer; pixels: the image itself, as a control"
  )
  static let label = Parameter(
    "label", .optional(.integer(0...255)), default: nil, "only images of this label (null: of all)")
  static let count = Parameter(
    "count", .optional(.integer(1...)), default: nil, "only the first so many of them (null: all)")
  static let pixels = Parameter(
    "pixels", .integer(1...1036), default: 112,
    "vit: side of the image that it sees, a multiple of its patch (14 for the default weights)")
  static let pooling = Parameter(
    "pooling", .choice(Pooling.self), default: .class,
    "vit: class: the class token; mean: the mean of the patch tokens, after the final layer norm")
  static let weights = Parameter(
    "weights", .optional(.string), default: nil,
    "vit: a file of weights, ONNX or safetensors (null: a ViT-S/14, fetched once and checked by SHA-256)")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "features", version: 3, summary: "extracts a feature vector from each of some training images",
    parameters: [extractor, label, count, pixels, pooling, weights],
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration(
        "net", accepts: NetStages.trained, .optional, "the net of extractors cnn and gradient"),
      InputDeclaration("group", accepts: ["group"], .optional, "only the images of this group"),
    ],
    datasets: FeaturesArtifact.datasets, attributes: FeaturesArtifact.attributes,
    resources: { parameters in
      Resources(cores: 64, memory: (parameters[extractor] == .vit ? 1000 : 400) << 20)
    },
    externalFiles: { parameters in
      guard parameters[extractor] == .vit else { return [] }
      return parameters[weights].map { [$0] } ?? []
    },
    allowsOutsideFiles: true,
    check: { parameters in
      let pixels = parameters[Self.pixels]
      guard parameters[extractor] == .vit, parameters[weights] == nil,
        pixels % 14 != 0
      else { return nil }
      return ParameterProblem(
        Self.pixels, "\(pixels) pixels are not a multiple of 14, the default weights' patch")
    })

  /// Writes the features.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let group = try task.optionalInput("group").map { _ in try task.loadGroup().indices }
    let indices = try selectImages(
      images, among: group, label: task.parameters[label],
      count: task.parameters[count])
    let extractor = task.parameters[Self.extractor]
    let rows: [Float]
    let columns: Int
    var (pixels, pooling) = (images.width, "none")
    switch extractor {
    case .cnn:
      guard task.optionalInput("net") != nil else {
        throw StageFailure("extractor cnn takes the features from a net: give the stage an input net")
      }
      let net = try task.loadNet("net")
      rows = try features(
        net.network, parameters: net.parameters, data: images, indices: indices,
        pool: ThreadPool(threads: task.threads))
      columns = net.network.featureCount
    case .gradient:
      guard task.optionalInput("net") != nil else {
        throw StageFailure("extractor gradient differentiates a net's loss: give the stage an input net")
      }
      let net = try task.loadNet("net")
      let outputs = try NetOutputs(
        net.network, parameters: net.parameters, data: images, indices: indices,
        pool: ThreadPool(threads: task.threads))
      rows = outputs.lastLayerGradients(labels: indices.map { images.labels[$0] })
      columns = net.network.classes * (net.network.featureCount + 1)
    case .vit:
      (rows, columns) = try transformerFeatures(of: images, indices: indices, task, context)
      (pixels, pooling) = (task.parameters[Self.pixels], task.parameters[Self.pooling].rawValue)
    case .pixels:
      columns = images.channels * images.height * images.width
      rows = indices.flatMap { index in
        images.images[index * columns..<(index + 1) * columns].map { Float($0) / 255 }
      }
    }
    var artifact = try ArtifactWriter<FeaturesArtifact>(task)
    try artifact.write(\.features, Block(rows, indices.count, columns))
    try artifact.write(\.indices, indices)
    try artifact.write(\.extractor, extractor.rawValue)
    try artifact.write(\.pixels, pixels)
    try artifact.write(\.pooling, pooling)
    return try artifact.finish()
  }

  /// Features by the vision transformer, taken from shards where these hold them.
  ///
  /// With or without shards the result is the same to the last bit.
  private static func transformerFeatures(
    of images: ImageSet, indices: [Int], _ task: StageTask, _ context: some StageContext
  ) throws -> (rows: [Float], columns: Int) {
    let path: String
    let digest: String
    do {
      if let own = task.parameters[weights] {
        path = task.file(own)
        digest = try digestOfWeights(path)
      } else {
        path = try VisionTransformerWeights.fetch(
          Fetcher(folder: task.downloads, log: { line in context.log(line) }))
        digest = VisionTransformerWeights.file.sha256
      }
    } catch let error as DatasetError {
      throw StageFailure("\(error)", kind: .unavailable)
    } catch let error as VisionTransformerError {
      throw StageFailure("\(error)", kind: .unavailable)
    }
    let pooling = task.parameters[Self.pooling]
    do {
      let extractor = try FeatureExtractor(
        VisionTransformer(contentsOf: path), pixels: task.parameters[pixels], pooling: pooling,
        image: ImageShape(channels: images.channels, height: images.height, width: images.width))
      let identity = [
        digest, task.input("images").content.hex, String(extractor.pixels), pooling.rawValue,
        String(declaration.version), extractor.arithmetic,
      ]
      let shards = FeatureShards(
        in: context.section("features", of: identity), width: extractor.width)
      let pool = ThreadPool(threads: task.threads)
      let rows = try shards.features(
        indices,
        progress: { done in
          let fraction = indices.isEmpty ? 1 : Double(done) / Double(indices.count)
          context.progress(fraction, "\(done) of \(indices.count) images at \(extractor.pixels) pixels")
        },
        extract: { try extractor.features(of: images.images, indices: $0, pool: pool) })
      return (rows, extractor.width)
    } catch {
      throw StageFailure("\(error)")
    }
  }
}

/// SHA-256 of the user's own weights in hex.
private func digestOfWeights(_ path: String) throws(VisionTransformerError) -> String {
  do {
    return Digest(of: try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)).hex
  } catch {
    throw .unreadable(file: path, reason: Wording.reason(of: error))
  }
}

/// The training images of a label, or of all, ascending; the first `count` of them.
///
/// - Parameter among: the images to choose from; nil for all.
func selectImages(_ images: ImageSet, among: [Int]? = nil, label: Int?, count: Int?) throws -> [Int] {
  var indices = among ?? Array(0..<images.count)
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
