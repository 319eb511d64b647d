// What can go wrong with an HDF5 file, told with the file, the object in it and the library's own words.

/// An error in reading or writing an HDF5 file.
public enum HDF5Error: Error, Equatable, Sendable {
  /// The file can't be opened: it is missing, no HDF5 file, cut short, or was never closed by its writer.
  case unreadableFile(file: String, reason: String)
  /// The file's bytes differ from those its writer sealed.
  case damaged(file: String, reason: String)
  /// There is no dataset of that path.
  case missingDataset(file: String, object: String)
  /// The object has no attribute of that name.
  case missingAttribute(file: String, object: String, name: String)
  /// A dataset's or an attribute's type is not the one asked for.
  case typeMismatch(file: String, object: String, found: String, expected: String)
  /// A dataset's shape is not the one asked for; `nil` stands for any length.
  case shapeMismatch(file: String, object: String, found: [Int], expected: [Int?])
  /// The value can't be stored, or the file holds something that this module doesn't read.
  case unsupported(file: String, object: String, reason: String)
  /// The file system is full.
  case noSpace(file: String, object: String)
  /// A call of the library or of the system failed.
  case failed(file: String, object: String, operation: String, reason: String)
}

extension HDF5Error: CustomStringConvertible {
  /// One line: the file, the object, what is wrong.
  public var description: String {
    switch self {
    case .unreadableFile(let file, let reason):
      "\(file): can't be opened: \(reason)"
    case .damaged(let file, let reason):
      "\(file): is damaged: \(reason)"
    case .missingDataset(let file, let object):
      "\(file): \(object): no such dataset"
    case .missingAttribute(let file, let object, let name):
      "\(file): \(object): no attribute '\(name)'"
    case .typeMismatch(let file, let object, let found, let expected):
      "\(file): \(object): type is \(found), expected \(expected)"
    case .shapeMismatch(let file, let object, let found, let expected):
      "\(file): \(object): shape is \(found), "
        + "expected [\(expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", "))]"
    case .unsupported(let file, let object, let reason):
      "\(file): \(object): \(reason)"
    case .noSpace(let file, let object):
      "\(file): \(object): no space left on the file system"
    case .failed(let file, let object, let operation, let reason):
      "\(file): \(object): \(operation): \(reason)"
    }
  }
}
