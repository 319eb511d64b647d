// Parts of a path: the folder that it is in, its ending, and what stands before it.

extension String {
  /// The path of the folder that a file is in; empty for a name alone.
  var parentFolder: String {
    guard let slash = lastIndex(of: "/") else { return "" }
    return slash == startIndex ? "/" : String(self[..<slash])
  }

  /// What stands after the last point of the last name; empty without one, and for a name that begins with its only one.
  var fileEnding: String { endingStart.map { String(self[index(after: $0)...]) } ?? "" }

  /// The path without its ending and the point before it.
  var withoutFileEnding: String { endingStart.map { String(self[..<$0]) } ?? self }

  private var endingStart: String.Index? {
    let name = lastIndex(of: "/").map { index(after: $0) } ?? startIndex
    guard let point = lastIndex(of: "."), point > name, index(after: point) < endIndex else { return nil }
    return point
  }
}
