// The stage `load-images`: a labelled data set, fetched and checked, or read from a user's own files or a command's.

import Artifacts
import Datasets
import NeuralNet
import PipelineCore

/// Loads MNIST, Fashion-MNIST, or a data set of the user's in one of several forms.
public enum LoadImagesStage: Stage {
  static let dataset = Parameter(
    "dataset", .word(["mnist", "fashion-mnist"]), default: "mnist",
    "which data set; fetched once, checked by SHA-256 and kept among the cache's downloads")
  static let folder = Parameter(
    "folder", .optional(.string), default: nil,
    "a folder of one's own to read instead of fetching, of IDX, .npy, CIFAR or PNG files; or one .npz file")
  static let output = Parameter(
    "output", .optional(.string), default: nil,
    "slot command: the folder or .npz file among its outputs (null: all of them are the data set)")
  static let classes = Parameter(
    "classes", .optional(.integer(2...256)), default: nil,
    "how many classes there are (null: as many as the labels need, and at least 10 of MNIST and of IDX files)"
  )
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
    name: "load-images", version: 2, summary: "loads a labelled data set of grey or colour images",
    parameters: [dataset, folder, output, classes, trainImages, testImages, validationImages],
    inputs: [
      InputDeclaration("command", accepts: ["command"], .optional, "whose files are the data set")
    ],
    datasets: ImagesArtifact.datasets, attributes: ImagesArtifact.attributes,
    resources: { _ in Resources(cores: 1, memory: 512 << 20) },
    externalFiles: { parameters in parameters[folder].map { [$0] } ?? [] },
    allowsOutsideFiles: true,
    unused: { values, slots in
      var names: Set<ParameterName> = []
      if slots.contains("command") { names.formUnion([dataset.name, folder.name]) }
      if values[output] == nil { names.insert(output.name) }
      if values[classes] == nil { names.insert(classes.name) }
      return names
    })

  /// Writes the images.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let (dataset, name) = try load(task, context)
    let needed = 1 + Int(max(dataset.train.labels.max() ?? 0, dataset.test.labels.max() ?? 0))
    let classes = task.parameters[classes] ?? dataset.classes
    guard needed <= classes else {
      throw StageFailure("classes is \(classes), but there is an image of label \(needed - 1)")
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
    try artifact.write(\.classes, classes == LoadedImages.usualClasses ? nil : classes)
    return try artifact.finish()
  }

  /// The data set, and what its artifact calls it.
  private static func load(_ task: StageTask, _ context: some StageContext) throws -> (Dataset, String) {
    do {
      if let command = task.optionalInput("command") {
        if task.parameters[folder] != nil {
          throw StageFailure("parameter folder and input command exclude each other: take one of them away")
        }
        return (try read(command, task), "command")
      }
      if task.parameters[output] != nil {
        throw StageFailure("parameter output names files of an input command, and there is none")
      }
      if let folder = task.parameters[folder] { return (try Dataset(at: task.file(folder)), "folder") }
      let name = task.parameters[dataset]
      return (try Dataset.load(name, downloads: task.downloads) { context.log($0) }, name)
    } catch let error as DatasetError {
      throw StageFailure("\(error)", kind: .unavailable)
    }
  }

  /// The data set that a command has made: its files are laid in a folder of this task's own.
  private static func read(_ command: TaskInput, _ task: StageTask) throws -> Dataset {
    let made = try CommandFiles(of: command, for: task)
    do {
      return try Dataset(at: try made.path(of: task.parameters[output], parameter: output))
    } catch let error as DatasetError {
      // Files of a command are no fault of what is outside: the node that made them is to be mended.
      throw StageFailure(made.namingNode("\(error)"))
    }
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
    let size = split.pixels
    return try ImageSet(
      images: Array(split.images[rows.startIndex * size..<rows.endIndex * size]),
      labels: Array(split.labels[rows]), channels: split.channels, height: split.height, width: split.width)
  }
}
