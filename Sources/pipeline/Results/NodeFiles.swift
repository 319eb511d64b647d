// The files of a node, as people read them: what a command made, pictures, and tables.

import FileTree
import FoundationEssentials
import Glibc
import PipelineCore
import PipelineExecution
import Stages

/// The files that a node has to show.
struct NodeFiles {
  /// One of them.
  struct File {
    /// Its path among the node's files, as `pipeline cat` takes it.
    var path: String
    /// Its path below a folder of many nodes' files.
    var exported: String
    var isExecutable = false
    /// The file that it is a copy of, where it is one.
    var source: String?
    /// Gives its bytes, block by block.
    var read: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  }

  let node: NodeID
  let artifact: Artifact
  let files: [File]

  /// The files of an up-to-date node, its artifact checked; a damaged one ends the program.
  ///
  /// - Parameters:
  ///   - name: What the node is called among files.
  ///   - withArtifact: Whether the artifact itself is one of its files.
  init(
    of id: NodeID, _ artifact: Artifact, called name: String, in session: Session, withArtifact: Bool = false
  ) throws {
    node = id
    self.artifact = artifact
    let path = try session.file(of: id, artifact)
    let type = session.plan.stage(of: id).declaration.name
    let kept = try ArtifactFiles(of: path, stage: type)
    var files = kept.files.map { file in
      let isPicture = type == PictureFiles.stage
      let ending = file.path.fileEnding
      return File(
        path: file.path, exported: isPicture ? "\(name).\(ending)" : "\(name)/\(file.path)",
        isExecutable: file.isExecutable
      ) { try kept.read(file, $0) }
    }
    if TableReport.stages.contains(type) {
      files.append(
        File(path: "table.csv", exported: name + ".csv") { body in
          try Array(session.table(id, artifact).render(.csv).utf8).withUnsafeBytes(body)
        })
    }
    if withArtifact {
      files.append(
        File(path: "artifact.h5", exported: name + ".h5", source: path) { body in try Self.readAll(path, body)
        })
    }
    self.files = files
  }

  /// Whether nodes of a stage type have files to show besides the artifact.
  static func has(_ type: String) -> Bool {
    type == PictureFiles.stage || type == ArtifactFiles.commandStage || TableReport.stages.contains(type)
  }

  private static func readAll(_ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw SystemError("open", path) }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw SystemError("read", path) }
      if count == 0 { return }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}

extension NodeFiles.File {
  /// Writes it to a name that is free.
  func write(to path: String) throws {
    let file = try NewFile(path, isExecutable: isExecutable)
    if let source, try file.share(source) { return try file.finish() }
    try read { try file.write($0) }
    try file.finish()
  }
}
