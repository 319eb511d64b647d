// What can go wrong with a data set: where, what was found, what was expected, what to do.

/// An error in fetching or reading data.
public enum DatasetError: Error, Equatable, Sendable {
  /// No data set has that name.
  case unknownName(String, known: [String])
  /// A file can't be read.
  case unreadable(file: String, reason: String)
  /// A file is not what it should be.
  case malformed(file: String, what: String, found: String, expected: String)
  /// A file's SHA-256 is not the one known for it.
  case wrongChecksum(file: String, found: String, expected: String)
  /// Something that is not on this machine can't be fetched.
  case unavailable(what: String, tried: [String], advice: String)
  /// A file can't be written.
  case unwritable(file: String, reason: String)
}

extension DatasetError: CustomStringConvertible {
  /// What is wrong and, where there is something, what to do.
  public var description: String {
    switch self {
    case .unknownName(let name, let known):
      "unknown data set '\(name)'; known: \(known.joined(separator: ", "))"
    case .unreadable(let file, let reason):
      "\(file): can't be read: \(reason)"
    case .malformed(let file, let what, let found, let expected):
      "\(file): \(what) is \(found), expected \(expected)"
    case .wrongChecksum(let file, let found, let expected):
      "\(file): SHA-256 is \(found), expected \(expected)"
    case .unavailable(let what, let tried, let advice):
      "\(what) can't be fetched\n"
        + tried.map { "  tried: \($0)\n" }.joined() + "  \(advice)"
    case .unwritable(let file, let reason):
      "\(file): can't be written: \(reason)"
    }
  }
}
