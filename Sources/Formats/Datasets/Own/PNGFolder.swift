// A folder of PNG images: train and test, and in each a folder for each class.

import FoundationEssentials

extension Dataset {
  /// Reads `train/CLASS/*.png` and `test/CLASS/*.png`. Classes are numbered in the order of their names: of their values if
  /// all names are numbers, or else of their bytes.
  init(images folder: String) throws(DatasetError) {
    let train = Self.ordered(try Self.names(in: folder + "/train"))
    let test = try Self.names(in: folder + "/test")
    guard (2...256).contains(train.count) else {
      throw .malformed(
        file: folder + "/train", what: "number of classes", found: "\(train.count)",
        expected: "2 to 256 folders")
    }
    if let unknown = test.first(where: { !train.contains($0) }) {
      throw .malformed(
        file: folder + "/test", what: "class '\(unknown)'", found: "not among those of train",
        expected: "the same names of folders")
    }
    let first = try Split(pngs: folder + "/train", classes: train, like: nil)
    let second = try Split(pngs: folder + "/test", classes: train, like: first)
    try self.init(name: folder, train: first, test: second, classes: train.count, source: folder)
  }

  /// The folders of a split.
  private static func names(in folder: String) throws(DatasetError) -> [String] {
    let names = try entries(of: folder)
    for name in names {
      var isFolder = false
      guard FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder), isFolder
      else {
        throw .malformed(
          file: folder + "/" + name, what: "it", found: "a file",
          expected: "a folder of PNG images, one a class")
      }
    }
    return names
  }

  /// The names by their values where all are numbers, or else by their bytes: one rule for all, since pairs that follow
  /// different rules have no order (9 < 10 < 1a < 9).
  private static func ordered(_ names: [String]) -> [String] {
    let byBytes = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    let values = byBytes.compactMap { Int($0) }
    guard values.count == byBytes.count else { return byBytes }
    return zip(values, byBytes).enumerated()
      .sorted { ($0.element.0, $0.offset) < ($1.element.0, $1.offset) }.map(\.element.1)
  }
}

extension Split {
  /// Reads the images of each class in turn, so that the first so many of a split are of all classes.
  fileprivate init(pngs folder: String, classes: [String], like other: Split?) throws(DatasetError) {
    var files: [[String]] = []
    for name in classes {
      let place = folder + "/" + name
      files.append(
        FileManager.default.fileExists(atPath: place) ? try entries(of: place).map { place + "/" + $0 } : [])
    }
    var first: PNGImage?
    var (pixels, labels) = ([UInt8](), [UInt8]())
    for round in 0..<(files.map(\.count).max() ?? 0) {
      for (label, names) in files.enumerated() where round < names.count {
        let image = try PNGImage(file: names[round])
        let shape =
          first.map { [$0.channels, $0.height, $0.width] }
          ?? other.map { [$0.channels, $0.height, $0.width] }
        if let shape, shape != [image.channels, image.height, image.width] {
          throw .malformed(
            file: names[round], what: "image",
            found: Self.words([image.channels, image.height, image.width]),
            expected: Self.words(shape) + ", as the first one")
        }
        first = first ?? image
        pixels += image.pixels
        labels.append(UInt8(label))
      }
    }
    guard let first else {
      throw .malformed(file: folder, what: "number of images", found: "0", expected: "1 or more")
    }
    try self.init(
      images: pixels, labels: labels, channels: first.channels, height: first.height, width: first.width,
      files: (folder, folder))
  }

  private static func words(_ shape: [Int]) -> String {
    "\(shape[2]) × \(shape[1]) pixels \(shape[0] == 1 ? "in grey" : "in colour")"
  }
}
