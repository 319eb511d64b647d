// The files that a command has made, laid out of its artifact into the folder of another program.

import Artifacts
import FileTree
import Glibc
import PipelineCore
import Synchronization

/// The files in the artifact of a command.
struct KeptFiles {
  private let input: TaskInput

  init(_ input: TaskInput) { self.input = input }

  /// A whole file, of a small artifact.
  private struct Whole {
    var file: KeptFileInfo
    var bytes: [UInt8]
  }

  /// The files of the small artifact that this process has laid last: many nodes often take the same one.
  private static let last = Mutex<(artifact: Digest, files: [Whole])?>(nil)
  /// How many bytes an artifact has that is kept so.
  private static let small = 1 << 20

  /// Writes all files below a folder, block by block.
  func lay(in folder: String) throws {
    if let last = Self.last.withLock({ $0 }), last.artifact == input.fileDigest {
      for whole in last.files {
        let file = try create(whole.file, in: folder)
        try whole.bytes.withUnsafeBytes { try file.write($0) }
        try file.finish()
      }
      return
    }
    let artifact = try ArtifactReader<CommandArtifact>(atChecked: input.path)
    let files = try artifact.files()
    let isSmall = files.reduce(0) { $0 + $1.byteCount } <= Self.small
    var wholes: [Whole] = []
    for info in files {
      let file = try create(info, in: folder)
      var bytes: [UInt8] = []
      try artifact.readBlocks(of: info) { block in
        try file.write(block)
        if isSmall { bytes += block }
      }
      try file.finish()
      if isSmall { wholes.append(Whole(file: info, bytes: bytes)) }
    }
    if isSmall { Self.last.withLock { $0 = (input.fileDigest, wholes) } }
  }

  private func create(_ file: KeptFileInfo, in folder: String) throws -> NewFile {
    // The artifact was checked against its record, but where it writes is checked all the same.
    guard let path = try? ProgramPath(file.path), path.text == file.path else {
      throw StageFailure("\(input.path) holds a file outside its folder: \(file.path)")
    }
    var place = folder
    for step in path.steps.dropLast() {
      place += "/" + step
      guard mkdir(place, 0o755) == 0 || errno == EEXIST else {
        throw StageFailure("can't make the folder \(place): \(String(cString: strerror(errno)))")
      }
    }
    return try NewFile(folder + "/" + file.path, isExecutable: file.isExecutable)
  }
}
