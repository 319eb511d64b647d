// Where the project is: the folder that all commands start from, wherever within it they are given.

import FoundationEssentials

/// The project that the working folder belongs to.
enum Project {
  /// The nearest folder upwards that has a folder `pipelines` or a file `pipeline.yaml`, as a path relative to the
  /// working folder: `.`, `..`, `../..`. Without one it is the working folder.
  static let root: String = {
    var folder = URL(fileURLWithPath: FileManager.default.currentDirectoryPath).standardizedFileURL
    var steps = 0
    while true {
      if isFolder(folder.appending(path: "pipelines").path)
        || FileManager.default.fileExists(atPath: folder.appending(path: "pipeline.yaml").path)
      {
        return steps == 0 ? "." : Array(repeating: "..", count: steps).joined(separator: "/")
      }
      guard folder.path != "/" else { return "." }
      folder.deleteLastPathComponent()
      folder = folder.standardizedFileURL
      steps += 1
    }
  }()

  /// The path, from the working folder, of what stands in the project's root.
  static func path(_ name: String) -> String { root == "." ? name : root + "/" + name }

  /// Whether a path is a folder, and no link to one.
  static func isFolder(_ path: String) -> Bool {
    let type = try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
    return type == .typeDirectory
  }
}
