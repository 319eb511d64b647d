// The folder that a program starts in: private copies of its inputs and files, and room for its outputs.

import Artifacts
import FileTree
import Glibc
import PipelineCore

/// A folder of a program's own. Nothing in it shares bytes with the cache or with the user's files: whatever the program
/// writes to, it writes to a copy.
struct ProgramFolder {
  /// The folder; made by `fill`.
  let path: String

  init(_ path: String) { self.path = path }

  /// Where a file of the program's stands.
  func path(of file: ProgramPath) -> String { path + "/" + file.text }

  /// Makes the folder and lays all that the program reads.
  func fill(for task: StageTask, _ order: ProgramOrder) throws {
    try make(path)
    for (slot, inputs) in task.inputs { try lay(inputs, slot, isGather: task.gathers.contains(slot)) }
    for file in task.files { try lay(file, mayBeNeededAgain: order.retries.count > 0) }
    for output in order.outputs where !output.folder.isEmpty {
      try make(path + "/" + output.folder.joined(separator: "/"))
    }
  }

  /// A file that the program is to read, which can't be told before its inputs are there.
  func existingFile(_ file: ProgramPath, of parameter: String) throws -> String {
    var info = stat()
    guard stat(path(of: file), &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw StageFailure("there is no file '\(file.text)' for '\(parameter)'")
    }
    return path(of: file)
  }

  // MARK: Inputs

  /// One artifact stands at `inputs/SLOT`. Those of a gather stand at `inputs/SLOT/0000` and so on, in the plan's order
  /// and whatever their number, beside an index of them.
  private func lay(_ inputs: [TaskInput], _ slot: String, isGather: Bool) throws {
    let place = try inputPlace(slot)
    guard isGather else {
      for input in inputs { try lay(input, at: place) }
      return
    }
    try make(path + "/" + place)
    let width = max(4, String(inputs.count - 1).count)
    var index: [Value] = []
    for (position, input) in inputs.enumerated() {
      let number = String(position)
      let member = place + "/" + String(repeating: "0", count: width - number.count) + number
      try lay(input, at: member)
      index.append(entry(input, at: member))
    }
    let text = "[\n" + index.map(\.json).joined(separator: ",\n") + "\n]\n"
    try write(Array(text.utf8), to: "\(path)/\(place)/index.json")
  }

  /// What the index says of a member; all of it is in the node's key.
  private func entry(_ input: TaskInput, at place: String) -> Value {
    .map([
      "label": .string(input.label), "stage": .string(input.stage), "path": .string(place),
      "axes": .map(Dictionary(input.axes.map { ($0.axis, $0.value) }) { first, _ in first }),
    ])
  }

  private func inputPlace(_ slot: String) throws -> String {
    // Checked when the file was read, and here before anything is written.
    guard let name = try? ProgramPath(slot), name.steps.count == 1 else {
      throw StageFailure("the input '\(slot)' can't be the name of a folder")
    }
    return ProgramPath.inputs + "/" + name.text
  }

  /// The files of another command as files, any other artifact as the HDF5 file itself.
  private func lay(_ input: TaskInput, at place: String) throws {
    let place = path + "/" + place
    if input.stage == CommandStage.declaration.name {
      try make(place)
      return try KeptFiles(input).lay(in: place)
    }
    try make(parent(of: place))
    guard Digest(try FileTree.copy(input.path, to: place)) == input.fileDigest else {
      throw StageFailure("the artifact of \(input.node) changed while it was copied: \(input.path)")
    }
  }

  // MARK: Files of the project

  /// Puts the task's own copy, which is what the key says, in its place; a copy of that where it may be needed again.
  private func lay(_ file: TaskFile, mayBeNeededAgain: Bool) throws {
    guard let place = try? ProgramPath(ofFile: file.path) else {
      throw StageFailure("'\(file.path)' is no path below the program's folder")
    }
    try make(parent(of: path(of: place)))
    if !mayBeNeededAgain, rename(file.copy, path(of: place)) == 0 { return }
    _ = try FileTree.copy(file.copy, to: path(of: place))
  }

  // MARK: Making

  /// Makes a folder and those above it.
  private func make(_ path: String) throws {
    if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    if errno == ENOENT {
      try make(parent(of: path))
      if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
    }
    throw StageFailure("can't make the folder \(path): \(String(cString: strerror(errno)))")
  }

  private func parent(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let file = try NewFile(path)
    try bytes.withUnsafeBytes { try file.write($0) }
    try file.finish()
  }
}
