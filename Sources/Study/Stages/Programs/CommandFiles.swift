// The files of a command, laid for a stage that reads them as data or weights.

import Artifacts
import Glibc
import PipelineCore

/// What a command has made, in a folder of the reading task's own.
struct CommandFiles {
  private let node: String
  private let folder: String

  /// Lays the files of an input of a command.
  init(of input: TaskInput, for task: StageTask) throws {
    node = input.node
    folder = [task.scratch, "made"].joined(separator: "/")
    for path in [task.scratch, folder] where mkdir(path, 0o755) != 0 && errno != EEXIST {
      throw StageFailure("can't make the folder \(path): \(String(cString: strerror(errno)))")
    }
    try KeptFiles(input).lay(in: folder)
  }

  /// Where a file or folder of the command stands; all of them if none is named.
  func path(of name: String?, parameter: some DeclaredParameter) throws -> String {
    guard let name else { return folder }
    guard let path = try? ProgramPath(name) else {
      throw StageFailure(
        "\(parameter.declaration.name) is '\(name)', which is no path among the files of \(node)")
    }
    let place = folder + "/" + path.text
    guard access(place, F_OK) == 0 else {
      throw StageFailure(
        "\(node) has made no '\(name)'; it made \(try names().joined(separator: ", "))")
    }
    return place
  }

  /// The one file that there is.
  func onlyFile(parameter: some DeclaredParameter) throws -> String {
    let names = try names()
    guard names.count == 1 else {
      throw StageFailure(
        "\(node) has made \(names.joined(separator: ", ")): say in \(parameter.declaration.name) which is meant"
      )
    }
    return folder + "/" + names[0]
  }

  /// A message in which the node stands instead of this task's folder.
  func namingNode(_ message: String) -> String {
    message.replacing(folder + "/", with: "\(node): ").replacing(folder, with: node)
  }

  private func names() throws -> [String] {
    var names: [String] = []
    guard let directory = opendir(folder) else { return names }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
