// The binary files of CIFAR-10 and CIFAR-100: a label or two, then three planes of 32 × 32 bytes, image after image.

/// What CIFAR's files look like (Krizhevsky, "Learning multiple layers of features from tiny images", 2009).
enum CIFAR {
  static let side = 32
  static let channels = 3
  static var pixels: Int { channels * side * side }

  /// Whether a name is that of a training file of CIFAR-10.
  static func isTrainingBatch(_ name: String) -> Bool {
    name.hasPrefix("data_batch_") && name.hasSuffix(".bin")
  }
}

extension Dataset {
  /// Reads a folder of CIFAR-10's binary files, or of CIFAR-100's, whose fine labels are taken.
  init(cifar folder: String, _ names: [String], isFine: Bool) throws(DatasetError) {
    let classes = isFine ? 100 : 10
    let training = isFine ? ["train.bin"] : names.filter(CIFAR.isTrainingBatch)
    let train = try Split(cifar: training.map { folder + "/" + $0 }, isFine: isFine, classes: classes)
    let test = try Split(
      cifar: [folder + (isFine ? "/test.bin" : "/test_batch.bin")], isFine: isFine, classes: classes)
    try self.init(name: folder, train: train, test: test, classes: classes, source: folder)
  }
}

extension Split {
  fileprivate init(cifar files: [String], isFine: Bool, classes: Int) throws(DatasetError) {
    let labelBytes = isFine ? 2 : 1
    let row = labelBytes + CIFAR.pixels
    var (images, labels) = ([UInt8](), [UInt8]())
    for file in files {
      let bytes = try wholeFile(file)
      guard bytes.count % row == 0, !bytes.isEmpty else {
        throw .malformed(
          file: file, what: "length", found: "\(bytes.count) bytes",
          expected: "a multiple of \(row), as many as an image takes")
      }
      for start in stride(from: 0, to: bytes.count, by: row) {
        let label = bytes[start + labelBytes - 1]
        guard label < classes else {
          throw .malformed(
            file: file, what: "label of image \(start / row)", found: "\(label)", expected: "0…\(classes - 1)"
          )
        }
        labels.append(label)
        images += bytes[start + labelBytes..<start + row]
      }
    }
    try self.init(
      images: images, labels: labels, channels: CIFAR.channels, height: CIFAR.side, width: CIFAR.side,
      files: (files[0], files[0]))
  }
}
