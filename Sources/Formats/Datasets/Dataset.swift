// Labelled images of 28 × 28 pixels in a training and a test split.

import FoundationEssentials

/// Images with their labels.
public struct Split: Equatable, Sendable {
  /// Pixels, [count, 28, 28], 0 for the background.
  public let images: [UInt8]
  /// Labels 0…9, [count].
  public let labels: [UInt8]

  /// The number of images.
  public var count: Int { labels.count }
}

/// A data set in MNIST's form.
public struct Dataset: Equatable, Sendable {
  /// Height and width of an image, in pixels.
  public static let side = 28

  /// Its name, or the folder it came from.
  public let name: String
  /// The images to train on.
  public let train: Split
  /// The images to test on.
  public let test: Split

  /// Reads the four IDX files, plain or `.gz`, of a folder.
  public init(folder: String, name: String? = nil) throws(DatasetError) {
    self.name = name ?? folder
    train = try Split(folder: folder, prefix: "train")
    test = try Split(folder: folder, prefix: "t10k")
  }
}

extension Split {
  fileprivate init(folder: String, prefix: String) throws(DatasetError) {
    let imageFile = try idxFile(folder, prefix, "images", "idx3")
    let labelFile = try idxFile(folder, prefix, "labels", "idx1")
    let images = try IDX(file: imageFile, rank: 3)
    let labels = try IDX(file: labelFile, rank: 1)
    let size = [Dataset.side, Dataset.side]
    guard Array(images.shape.dropFirst()) == size else {
      throw .malformed(
        file: imageFile, what: "size of images", found: "\(images.shape.dropFirst())", expected: "\(size)")
    }
    guard images.shape[0] > 0 else {
      throw .malformed(file: imageFile, what: "number of images", found: "0", expected: "1 or more")
    }
    guard images.shape[0] == labels.shape[0] else {
      throw .malformed(
        file: labelFile, what: "number of labels", found: "\(labels.shape[0])",
        expected: "\(images.shape[0]), one an image")
    }
    if let index = labels.bytes.firstIndex(where: { $0 > 9 }) {
      throw .malformed(
        file: labelFile, what: "label \(index)", found: "\(labels.bytes[index])", expected: "0…9")
    }
    self.images = images.bytes
    self.labels = labels.bytes
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
