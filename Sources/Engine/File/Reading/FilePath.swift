// Paths as a pipeline file writes them: relative to a folder, and kept within it.

/// Lexical work on paths; nothing here touches the file system.
enum FilePath {
  /// The folder of a file, `.` for a bare name.
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The file's name without folders and its last ending.
  static func baseName(of path: String) -> String {
    let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return String(name) }
    return String(name[..<dot])
  }

  /// A path below a folder, as one would write it.
  static func join(_ folder: String, _ path: String) -> String {
    if path.hasPrefix("/") || folder == "." { return path }
    return folder.hasSuffix("/") ? folder + path : folder + "/" + path
  }

  /// The steps of an absolute path, `.` and `..` taken.
  static func steps(of path: String) -> [String] {
    var steps: [String] = []
    for step in path.split(separator: "/") where step != "." {
      if step != ".." { steps.append(String(step)) } else if !steps.isEmpty { steps.removeLast() }
    }
    return steps
  }

  /// The folder some levels above another.
  static func up(_ levels: Int, from folder: String) -> String {
    var folder = folder
    for _ in 0..<levels {
      let last = folder.split(separator: "/").last
      if folder == "." || last == ".." || last == "." {
        folder = join(folder, "..")
      } else {
        folder = self.folder(of: folder)
      }
    }
    return folder
  }

  /// The path without `.`, `..` and empty steps; nil if it is absolute, empty or leads out of its folder.
  static func within(_ path: String) -> String? {
    guard !path.hasPrefix("/"), !path.utf8.contains(0) else { return nil }
    var steps: [Substring] = []
    for step in path.split(separator: "/") {
      switch step {
      case ".": break
      case "..":
        guard steps.popLast() != nil else { return nil }
      default: steps.append(step)
      }
    }
    return steps.isEmpty ? nil : steps.joined(separator: "/")
  }
}

extension FilePath {
  /// How many folders up a relative path leads before it goes down, and where to from there; nil for one that does not go
  /// down, or is absolute.
  static func climb(_ path: String) -> (levels: Int, rest: String)? {
    guard !path.hasPrefix("/") else { return nil }
    let steps = path.split(separator: "/").filter { $0 != "." }
    let levels = steps.prefix { $0 == ".." }.count
    return within(steps.dropFirst(levels).joined(separator: "/")).map { (levels, $0) }
  }
}

/// Where a pipeline file stands: the folder that all files of the pipeline are in, and its path there.
struct FileHome {
  /// The folder: the nearest one upwards with the name `pipelines`, or else the file's own.
  var root: String
  /// The path of the file relative to the root.
  var path: String
  /// The path as the user gave it.
  var given: String
  /// How many folders the project's root is above the file's own: that of a file below `pipelines` is where this folder is.
  var levels = 0

  /// Looks for the root by names alone. `workingDirectory` is the absolute path that a relative one starts from.
  init(of given: String, workingDirectory: String = "/") {
    self.given = given
    let folder = FilePath.folder(of: given)
    let steps = FilePath.steps(of: given.hasPrefix("/") ? given : workingDirectory + "/" + given)
    let name = steps.last ?? given
    guard let pipelines = steps.dropLast().lastIndex(of: "pipelines") else {
      (root, path) = (folder, name)
      return
    }
    let depth = steps.count - 2 - pipelines
    levels = depth + 1
    root = FilePath.up(depth, from: folder)
    path = steps.suffix(depth + 1).joined(separator: "/")
  }

  /// A path relative to the root as a user would write it.
  func display(_ path: String) -> String { path == self.path ? given : FilePath.join(root, path) }
}
