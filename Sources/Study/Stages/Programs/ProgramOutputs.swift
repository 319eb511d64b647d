// What a program made: found as the pipeline file names it, and kept block by block.

import Artifacts
import Glibc
import PipelineCore

/// The outputs of a program that has ended well.
struct ProgramOutputs {
  private let order: ProgramOrder
  private let folder: ProgramFolder

  init(_ order: ProgramOrder, in folder: ProgramFolder) {
    self.order = order
    self.folder = folder
  }

  private var name: String { order.arguments[0] }

  /// Writes the artifact of the task; returns the digest of its content.
  func keep(for task: StageTask) throws -> Digest {
    let (paths, figures) = try madeWell()
    var artifact = try ArtifactWriter<CommandArtifact>(task)
    for path in paths {
      let file = try OutputFile(path, in: folder.path)
      try artifact.write(KeptFileInfo(path: path, byteCount: file.size, isExecutable: file.isExecutable)) {
        block in
        try file.read(block)
      }
    }
    try artifact.write(\.metrics, figures)
    return try artifact.finish()
  }

  /// The paths of all files to be kept, and the program's figures.
  ///
  /// - Throws: `ProgramFailure` where something is missing or no figures: before anything is written, so that another try
  ///   finds nothing in its way.
  private func madeWell() throws -> (paths: [String], figures: [String: Double]) {
    do {
      return (try find(), try order.metrics.map { try MetricsFile.read($0, in: folder) } ?? [:])
    } catch let failure as StageFailure where failure.kind == .failed {
      throw ProgramFailure(.outputs, failure.message)
    }
  }

  /// The paths of all files to be kept, in the order of their bytes, each once.
  private func find() throws -> [String] {
    var paths: [[UInt8]: String] = [:]
    for output in order.outputs {
      let found =
        switch output.kind {
        case .file: try file(output)
        case .folder: try files(below: output)
        case .pattern: try files(thatFit: output)
        }
      for path in found { paths[Array(path.utf8)] = path }
    }
    return paths.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
  }

  private func file(_ output: OutputPattern) throws -> [String] {
    let path = output.path.text
    switch Kind(of: folder.path + "/" + path) {
    case .absent:
      if output.isOptional { return [] }
      throw StageFailure("\(name) exited well but did not make its output \(path)")
    case .folder:
      throw StageFailure(
        "\(name) made a folder at \(path), which is named as a file; name it '\(path)/' to keep it")
    case .file, .other: return [path]
    }
  }

  private func files(below output: OutputPattern) throws -> [String] {
    let path = output.path.text
    switch Kind(of: folder.path + "/" + path) {
    case .folder:
      let files = try files(below: path, within: [])
      if files.isEmpty, !output.isOptional {
        throw StageFailure("\(name) exited well but made no file in its output folder \(path)/")
      }
      return files
    case .absent:
      if output.isOptional { return [] }
      throw StageFailure("\(name) exited well but did not make its output folder \(path)/")
    case .file, .other:
      throw StageFailure(
        "\(name) made a file at \(path), which is named as a folder; name it '\(path)' to keep it")
    }
  }

  /// The files of a folder, those behind links to folders included.
  ///
  /// - Parameter parents: The folders that lead there, as they really are: a link to one of them would never end.
  private func files(below path: String, within parents: [String]) throws -> [String] {
    let real = try realPath(ofOutput: path, in: folder.path)
    if parents.contains(real) {
      throw StageFailure(
        "the output \(path) is a link to \(real), a folder that it stands in itself; leave the link out")
    }
    return try names(in: path).flatMap { name in
      let inner = path + "/" + name
      return Kind(of: folder.path + "/" + inner) == .folder
        ? try files(below: inner, within: parents + [real]) : [inner]
    }
  }

  private func files(thatFit output: OutputPattern) throws -> [String] {
    var found: [String] = [""]
    for step in output.path.steps {
      found = try found.flatMap { folder in
        guard OutputPattern.hasWildcard(step) else { return [folder + "/" + step] }
        guard Kind(of: self.folder.path + folder) == .folder else { return [String]() }
        return try names(in: folder).filter { OutputPattern.fits($0, step) }.map { folder + "/" + $0 }
      }
    }
    let files = found.map { String($0.dropFirst()) }.filter { path in
      Kind(of: folder.path + "/" + path) == .file && !isLaid(path)
    }
    if files.isEmpty, !output.isOptional {
      throw StageFailure("\(name) exited well but made no file that fits '\(output.path.text)'")
    }
    return files
  }

  /// Whether a path is among what was laid for the program.
  private func isLaid(_ path: String) -> Bool {
    guard let path = try? ProgramPath(path) else { return false }
    return path.isInput || order.files.contains { $0.contains(path) }
  }

  private func names(in path: String) throws -> [String] {
    let place = folder.path + "/" + path
    guard let directory = opendir(place) else {
      throw StageFailure("can't look into \(path), which \(name) made: \(String(cString: strerror(errno)))")
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let text = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let text else { throw StageFailure("\(name) made a file in \(path) whose name is no UTF-8") }
      if text != ".", text != ".." { names.append(text) }
    }
    return names
  }

  private enum Kind {
    case absent, file, folder, other

    init(of path: String) {
      var info = stat()
      guard stat(path, &info) == 0 else {
        self = .absent
        return
      }
      switch info.st_mode & S_IFMT {
      case S_IFREG: self = .file
      case S_IFDIR: self = .folder
      default: self = .other
      }
    }
  }
}

/// Where an output really is. Links are followed as long as they stay in the program's folder.
private func realPath(ofOutput path: String, in folder: String) throws -> String {
  guard let top = realpath(folder, nil) else {
    throw StageFailure("can't read the folder of the program: \(String(cString: strerror(errno)))")
  }
  defer { free(top) }
  guard let found = realpath(folder + "/" + path, nil) else {
    let reason = String(cString: strerror(errno))
    var target = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink(folder + "/" + path, &target, target.count - 1)
    guard length > 0 else { throw StageFailure("can't read the output \(path): \(reason)") }
    let text = String(decoding: target[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    throw StageFailure("the output \(path) is a link to '\(text)', which can't be followed: \(reason)")
  }
  defer { free(found) }
  let real = String(cString: found)
  guard real.hasPrefix(String(cString: top) + "/") else {
    throw StageFailure(
      "the output \(path) is a link to \(real), outside of the program's folder; copy the file")
  }
  return real
}

/// A file that a program made, open for reading.
private final class OutputFile {
  let size: Int
  let isExecutable: Bool
  private let path: String
  private let descriptor: Int32

  /// Opens a file below a folder. Links are followed as long as they stay in it.
  init(_ path: String, in folder: String) throws {
    self.path = path
    let real = try realPath(ofOutput: path, in: folder)
    var info = stat()
    guard stat(real, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      throw StageFailure("the output \(path) is no ordinary file, so its content can't be kept")
    }
    descriptor = open(real, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw StageFailure("can't open the output \(path): \(String(cString: strerror(errno)))")
    }
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw StageFailure("the output \(path) is no ordinary file, so its content can't be kept")
    }
    size = Int(info.st_size)
    isExecutable = info.st_mode & S_IXUSR != 0
  }

  deinit { close(descriptor) }

  /// Fills a block with the next bytes.
  func read(_ block: UnsafeMutableRawBufferPointer) throws {
    var done = 0
    while done < block.count {
      let got = Glibc.read(descriptor, block.baseAddress! + done, block.count - done)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else {
        throw StageFailure("can't read the output \(path): \(String(cString: strerror(errno)))")
      }
      guard got > 0 else { throw StageFailure("the output \(path) got shorter while it was kept") }
      done += got
    }
  }
}
