// A user's own data set: which of the known forms a file or folder has, and the images in it.

import FoundationEssentials
import Wording

/// The forms in which a user may have a data set.
enum OwnForm: String, CaseIterable {
  case idx, npz, npy, cifar10, cifar100, png

  /// What a folder of that form has in it, for messages.
  var words: String {
    switch self {
    case .idx: "the IDX files train-images-idx3-ubyte, …"
    case .npz: "one .npz file"
    case .npy: "train_images.npy, train_labels.npy, test_images.npy and test_labels.npy"
    case .cifar10: "CIFAR-10's data_batch_1.bin, … and test_batch.bin"
    case .cifar100: "CIFAR-100's train.bin and test.bin"
    case .png: "folders train and test with a folder of PNG images for each class"
    }
  }

  /// The forms that names of a folder tell.
  static func told(by names: [String]) -> [OwnForm] {
    allCases.filter { form in
      switch form {
      case .idx: names.contains { name in idxBeginnings.contains { name.hasPrefix($0) } }
      case .npz: names.contains { $0.hasSuffix(".npz") }
      case .npy: names.contains { $0.hasSuffix(".npy") }
      case .cifar10: names.contains { CIFAR.isTrainingBatch($0) }
      case .cifar100: names.contains("train.bin")
      case .png: names.contains("train")
      }
    }
  }

  private static let idxBeginnings = [
    "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1", "train-images.idx3",
    "train-labels.idx1", "t10k-images.idx3", "t10k-labels.idx1",
  ]
}

extension Dataset {
  /// Reads a data set of the user's: a .npz file, or a folder whose names tell its form.
  ///
  /// - Throws: `unreadable` for what is not there, `malformed` for what has no form or not that of its names.
  public init(at path: String) throws(DatasetError) {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .unreadable(file: path, reason: "no such file or folder")
    }
    if !isFolder {
      try self.init(npz: path)
      return
    }
    let names = try entries(of: path)
    let forms = OwnForm.told(by: names)
    guard let form = forms.first, forms.count == 1 else {
      let found =
        forms.isEmpty
        ? (names.isEmpty
          ? "nothing" : names.prefix(4).joined(separator: ", ") + (names.count > 4 ? ", …" : ""))
        : forms.map(\.words).joined(separator: "; and ")
      throw .malformed(
        file: path, what: "content", found: found,
        expected: (forms.isEmpty ? "one of: " : "only one of: ")
          + OwnForm.allCases.map(\.words).joined(separator: "; "))
    }
    switch form {
    case .idx: try self.init(folder: path)
    case .npz:
      let archives = names.filter { $0.hasSuffix(".npz") }
      guard archives.count == 1 else {
        throw .malformed(
          file: path, what: "content", found: archives.joined(separator: ", "), expected: "one .npz file")
      }
      try self.init(npz: path + "/" + archives[0])
    case .npy: try self.init(npy: path, names)
    case .cifar10, .cifar100: try self.init(cifar: path, names, isFine: form == .cifar100)
    case .png: try self.init(images: path)
    }
  }
}

/// The names in a folder, sorted by their bytes; hidden ones do not count.
func entries(of folder: String) throws(DatasetError) -> [String] {
  do {
    return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  } catch {
    throw .unreadable(file: folder, reason: reason(of: error))
  }
}
