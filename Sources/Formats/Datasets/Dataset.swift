// Labelled images of one size in a training and a test split.

import FoundationEssentials

/// Images with their labels.
public struct Split: Equatable, Sendable {
  /// Pixels, [count, channels, height, width], 0 for the background.
  public let images: [UInt8]
  /// Labels from 0, [count].
  public let labels: [UInt8]
  /// 1 (grey) or 3 (red, green, blue).
  public let channels: Int
  /// Rows of pixels.
  public let height: Int
  /// Columns of pixels.
  public let width: Int

  /// The number of images.
  public var count: Int { labels.count }
  /// Bytes of an image.
  public var pixels: Int { channels * height * width }

  /// A split whose pixels and labels are as many as they should be.
  ///
  /// - Parameter files: those that the images and the labels come from, for messages.
  init(
    images: [UInt8], labels: [UInt8], channels: Int, height: Int, width: Int, files: (String, String)
  ) throws(DatasetError) {
    let size = channels * height * width
    guard size > 0 else {
      throw .malformed(
        file: files.0, what: "size of the images", found: "\(height) × \(width)", expected: "a pixel or more")
    }
    guard !images.isEmpty else {
      throw .malformed(file: files.0, what: "number of images", found: "0", expected: "1 or more")
    }
    guard images.count == labels.count * size else {
      throw .malformed(
        file: files.1, what: "number of labels", found: "\(labels.count)",
        expected: "\(images.count / size), one an image")
    }
    self.images = images
    self.labels = labels
    self.channels = channels
    self.height = height
    self.width = width
  }
}

/// A data set for classification.
public struct Dataset: Equatable, Sendable {
  /// The number of classes of MNIST, and of a folder of IDX files whose labels are all below it.
  static let usualClasses = 10

  /// Its name, or the folder it came from.
  public let name: String
  /// The images to train on.
  public let train: Split
  /// The images to test on.
  public let test: Split
  /// How many classes there are; every label is below it.
  public let classes: Int

  /// Reads the four IDX files, plain or `.gz`, of a folder.
  public init(folder: String, name: String? = nil) throws(DatasetError) {
    let train = try Split(folder: folder, prefix: "train")
    let test = try Split(folder: folder, prefix: "t10k")
    let classes = max(Self.usualClasses, Self.leastClasses(train, test))
    try self.init(name: name ?? folder, train: train, test: test, classes: classes, source: folder)
  }

  /// Two splits of images of one shape.
  ///
  /// - Parameters:
  ///   - classes: nil for as many as the labels need.
  ///   - source: where it comes from, for messages.
  init(name: String, train: Split, test: Split, classes: Int? = nil, source: String) throws(DatasetError) {
    let shapes = [train, test].map { [$0.channels, $0.height, $0.width] }
    guard shapes[0] == shapes[1] else {
      throw .malformed(
        file: source, what: "shape of the test images (channels, height, width)", found: "\(shapes[1])",
        expected: "\(shapes[0]), as that of the training images")
    }
    self.name = name
    self.train = train
    self.test = test
    self.classes = max(classes ?? Self.leastClasses(train, test), 2)
  }

  private static func leastClasses(_ train: Split, _ test: Split) -> Int {
    1 + Int(max(train.labels.max() ?? 0, test.labels.max() ?? 0))
  }
}

extension Split {
  fileprivate init(folder: String, prefix: String) throws(DatasetError) {
    let imageFile = try idxFile(folder, prefix, "images", "idx3")
    let labelFile = try idxFile(folder, prefix, "labels", "idx1")
    let images = try IDX(file: imageFile, rank: 3)
    let labels = try IDX(file: labelFile, rank: 1)
    try self.init(
      images: images.bytes, labels: labels.bytes, channels: 1, height: images.shape[1],
      width: images.shape[2], files: (imageFile, labelFile))
  }
}

/// The file of that part under the names in use, for instance `train-images-idx3-ubyte.gz`.
private func idxFile(
  _ folder: String, _ prefix: String, _ part: String, _ kind: String
) throws(DatasetError) -> String {
  let name = "\(prefix)-\(part)-\(kind)-ubyte"
  let names = [name, "\(prefix)-\(part).\(kind)-ubyte"].flatMap { [$0, $0 + ".gz"] }
  let path = names.map { folder + "/" + $0 }.first { FileManager.default.fileExists(atPath: $0) }
  guard let path else { throw .unreadable(file: "\(folder)/\(name)[.gz]", reason: "no such file") }
  return path
}
