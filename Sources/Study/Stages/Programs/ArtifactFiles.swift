// The files within an artifact, for those who read them outside of the cache: what a command made, and pictures.

import Artifacts
import PipelineCore

/// The files that an artifact holds.
public struct ArtifactFiles {
  /// One of them.
  public struct File: Sendable, Equatable {
    /// Where it stands among the files of its artifact; never outside.
    public var path: String
    /// In bytes.
    public var byteCount: Int
    /// Whether it is a program.
    public var isExecutable = false
  }

  /// The stage type whose artifacts hold the files of programs.
  public static let commandStage = CommandStage.declaration.name

  /// In the order of their paths.
  public let files: [File]
  private let artifact: String
  /// The bytes of pictures, which are small; of commands none.
  private let pictures: [String: [UInt8]]

  /// Lists the files of an artifact; none, unless its stage type is `command` or `picture`.
  ///
  /// - Throws: `HDF5Error` for a file that can't be read, `StageFailure` for one that names a place outside.
  public init(of artifact: String, stage: String) throws {
    self.artifact = artifact
    switch stage {
    case CommandStage.declaration.name:
      pictures = [:]
      files = try ArtifactReader<CommandArtifact>(atChecked: artifact).files().map { info in
        // The artifact was checked against its record, but where its files go is checked all the same.
        guard let path = try? ProgramPath(info.path), path.text == info.path else {
          throw StageFailure("\(artifact) holds a file outside its folder: \(info.path)")
        }
        return File(path: info.path, byteCount: info.byteCount, isExecutable: info.isExecutable)
      }
    case PictureFiles.stage:
      let found = try PictureFiles.read(artifact).map { ("picture." + $0.ending, $0.bytes) }
      pictures = Dictionary(found) { first, _ in first }
      files = found.map { File(path: $0.0, byteCount: $0.1.count) }
    default:
      pictures = [:]
      files = []
    }
  }

  /// Reads a file block by block.
  public func read(_ file: File, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    if let bytes = pictures[file.path] { return try bytes.withUnsafeBytes(body) }
    let info = KeptFileInfo(path: file.path, byteCount: file.byteCount, isExecutable: file.isExecutable)
    try ArtifactReader<CommandArtifact>(atChecked: artifact).readBlocks(of: info, body)
  }
}
