// Data sets in NumPy's arrays: a .npz file of four, or four .npy files.

import FoundationEssentials

extension Dataset {
  /// The names of the arrays of a data set: ours, and those of Keras's files.
  private static let arrayNames = [
    ["train_images", "x_train"], ["train_labels", "y_train"], ["test_images", "x_test"],
    ["test_labels", "y_test"],
  ]

  /// Reads an archive of four arrays.
  init(npz file: String) throws(DatasetError) {
    let archive = try ZipArchive(file: file)
    let found = archive.names
    try self.init(arrays: file, found) { (name) throws(DatasetError) in
      try NPYArray(archive.bytes(of: name), file: "\(file): \(name.dropLast(".npy".count))")
    }
  }

  /// Reads a folder of four arrays.
  init(npy folder: String, _ names: [String]) throws(DatasetError) {
    try self.init(arrays: folder, names) { (name) throws(DatasetError) in
      try NPYArray(file: folder + "/" + name)
    }
  }

  /// Reads four arrays, each from what has its name.
  private init(
    arrays place: String, _ found: [String], read: (String) throws(DatasetError) -> NPYArray
  ) throws(DatasetError) {
    var arrays: [NPYArray] = []
    for names in Self.arrayNames {
      guard let name = names.map({ $0 + ".npy" }).first(where: found.contains) else {
        let there = found.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(".npy".count)) }
        throw .malformed(
          file: place, what: "array \(names[0])",
          found: "missing (there are: \(there.isEmpty ? "none" : there.joined(separator: ", ")))",
          expected: "train_images, train_labels, test_images and test_labels")
      }
      arrays.append(try read(name))
    }
    let train = try Split(arrays[0], labels: arrays[1])
    let test = try Split(arrays[2], labels: arrays[3])
    try self.init(name: place, train: train, test: test, source: place)
  }
}

extension Split {
  /// Images [n,h,w], [n,h,w,channels] or [n,channels,h,w] with labels [n].
  fileprivate init(_ images: NPYArray, labels: NPYArray) throws(DatasetError) {
    guard labels.shape.count == 1 || (labels.shape.count == 2 && labels.shape[1] == 1) else {
      throw .malformed(
        file: labels.file, what: "shape of the labels", found: "\(labels.shape)",
        expected: "[n], a class an image; of one-hot rows take argmax(axis=1)")
    }
    let (shape, isLast) = try Self.layout(images)
    var pixels = try images.pixels()
    if isLast, shape[1] > 1 {
      pixels = planes(pixels, count: shape[0], channels: shape[1], area: shape[2] * shape[3])
    }
    try self.init(
      images: pixels, labels: labels.labels(), channels: shape[1], height: shape[2], width: shape[3],
      files: (images.file, labels.file))
  }

  /// The shape of images as [n, channels, h, w], and whether the channels come last in the file.
  private static func layout(_ images: NPYArray) throws(DatasetError) -> (shape: [Int], isLast: Bool) {
    let shape = images.shape
    if shape.count == 3 { return ([shape[0], 1, shape[1], shape[2]], false) }
    if shape.count == 4 {
      let (first, last) = ([1, 3].contains(shape[1]), [1, 3].contains(shape[3]))
      if first, !last { return (shape, false) }
      if last, !first { return ([shape[0], shape[3], shape[1], shape[2]], true) }
      if first, last {
        throw .malformed(
          file: images.file, what: "shape of the images",
          found: "\(shape), in which axis 1 or axis 3 may be the channels",
          expected: "images that are not 1 or 3 pixels high or wide, or [n,height,width]")
      }
    }
    throw .malformed(
      file: images.file, what: "shape of the images", found: "\(shape)",
      expected: "[n,height,width], [n,height,width,channels] or [n,channels,height,width], 1 or 3 channels")
  }
}

/// Images with a pixel's channels side by side, as images with their planes one after the other.
private func planes(_ pixels: [UInt8], count: Int, channels: Int, area: Int) -> [UInt8] {
  var result = [UInt8](repeating: 0, count: pixels.count)
  for image in 0..<count {
    let start = image * channels * area
    for channel in 0..<channels {
      for place in 0..<area {
        result[start + channel * area + place] = pixels[start + place * channels + channel]
      }
    }
  }
  return result
}
