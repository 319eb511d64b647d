// The stage `load-images`: a labelled data set of 28 × 28 images, fetched and checked or read from a folder.

import Artifacts
import Datasets
import NeuralNet
import PipelineCore

/// Loads MNIST, Fashion-MNIST or a folder of IDX files.
public enum LoadImagesStage: Stage {
  static let dataset = Parameter(
    "dataset", .word(["mnist", "fashion-mnist"]), default: "mnist",
    "which data set; fetched once, checked by SHA-256 and kept among the cache's downloads")
  static let folder = Parameter(
    "folder", .optional(.string), default: nil,
    "a folder of four IDX files (train-images-idx3-ubyte, …; also .gz) to read instead of fetching")
  static let trainImages = Parameter(
    "train_images", .optional(.integer(1...)), default: nil,
    "use only the first so many training images (null: all)")
  static let testImages = Parameter(
    "test_images", .optional(.integer(1...)), default: nil,
    "use only the first so many test images (null: all)")
  static let validationImages = Parameter(
    "validation_images", .optional(.integer(1...)), default: nil,
    "put the last so many training images in place of the test images, to choose settings without those")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "load-images", version: 1, summary: "loads a labelled data set of 28 × 28 images",
    parameters: [dataset, folder, trainImages, testImages, validationImages],
    datasets: ImagesArtifact.datasets, attributes: ImagesArtifact.attributes,
    resources: { _ in Resources(cores: 1, memory: 512 << 20) },
    externalFiles: { parameters in parameters[folder].map { [$0] } ?? [] },
    allowsOutsideFiles: true)

  /// Writes the images.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let dataset: Dataset
    let name: String
    do throws(DatasetError) {
      if let folder = task.parameters[Self.folder] {
        name = "folder"
        dataset = try Dataset(folder: task.file(folder))
      } else {
        name = task.parameters[Self.dataset]
        dataset = try Dataset.load(name, downloads: task.downloads) { context.log($0) }
      }
    } catch {
      throw StageFailure("\(error)", kind: .unavailable)
    }
    var train = Section(split: dataset.train, range: 0..<dataset.train.count)
    var test = Section(split: dataset.test, range: 0..<dataset.test.count)
    if let held = task.parameters[validationImages] {
      guard held < train.count else {
        throw StageFailure("validation_images is \(held), but there are only \(train.count) training images")
      }
      test = train.suffix(held)
      train = train.dropLast(held)
    }
    var artifact = try ArtifactWriter<ImagesArtifact>(task)
    try artifact.write(\.train, train.images(first: task.parameters[trainImages], trainImages))
    try artifact.write(\.test, test.images(first: task.parameters[testImages], testImages))
    try artifact.write(\.dataset, name)
    return try artifact.finish()
  }
}

/// Some consecutive images of a split.
private struct Section {
  let split: Split
  let range: Range<Int>

  var count: Int { range.count }
  func suffix(_ n: Int) -> Section { Section(split: split, range: range.upperBound - n..<range.upperBound) }
  func dropLast(_ n: Int) -> Section { Section(split: split, range: range.lowerBound..<range.upperBound - n) }

  /// The images with their labels, or the first ones as a parameter says.
  func images(first limit: Int?, _ parameter: Parameter<Int?>) throws -> ImageSet {
    let taken = limit ?? count
    guard taken <= count else {
      throw StageFailure("\(parameter.name) is \(taken), but there are only \(count)")
    }
    let rows = range.prefix(taken)
    let size = Dataset.side * Dataset.side
    return try ImageSet(
      images: Array(split.images[rows.startIndex * size..<rows.endIndex * size]),
      labels: Array(split.labels[rows]))
  }
}
