// The stage `load-images`: a labelled data set of 28 × 28 images, fetched and checked or read from a folder.

import Datasets
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
    datasets: [
      LayoutDeclaration("/train/images", "u8 [N,28,28]", "pixels, 0 background to 255"),
      LayoutDeclaration("/train/labels", "u8 [N]", "classes 0…9"),
      LayoutDeclaration("/test/images", "u8 [M,28,28]", "pixels"),
      LayoutDeclaration("/test/labels", "u8 [M]", "classes"),
    ],
    attributes: [LayoutDeclaration("dataset", "string", "the data set's name, or `folder`")],
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
        dataset = try Dataset(folder: task.resolve(folder))
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
    var artifact = try ArtifactWriter(task)
    try artifact.write("train", train, first: task.parameters[trainImages])
    try artifact.write("test", test, first: task.parameters[testImages])
    try artifact.attribute("dataset", .string(name))
    return try artifact.finish()
  }
}

extension StageTask {
  /// A path of the pipeline file, relative to the file's folder.
  func resolve(_ path: String) -> String { path.hasPrefix("/") ? path : baseDirectory + "/" + path }
}

/// Some consecutive images of a split.
private struct Section {
  let split: Split
  let range: Range<Int>

  var count: Int { range.count }
  func suffix(_ n: Int) -> Section { Section(split: split, range: range.upperBound - n..<range.upperBound) }
  func dropLast(_ n: Int) -> Section { Section(split: split, range: range.lowerBound..<range.upperBound - n) }
}

extension ArtifactWriter {
  /// Writes the images and labels of a section, or of its first ones.
  fileprivate mutating func write(_ name: String, _ section: Section, first limit: Int?) throws {
    let count = limit ?? section.count
    guard count <= section.count else {
      throw StageFailure("\(name)_images is \(count), but there are only \(section.count)")
    }
    let rows = section.range.prefix(count)
    let size = Dataset.side * Dataset.side
    let pixels = section.split.images[rows.startIndex * size..<rows.endIndex * size]
    try write("/\(name)/images", Array(pixels), shape: [count, Dataset.side, Dataset.side])
    try write("/\(name)/labels", Array(section.split.labels[rows]))
  }
}
