// The artifact of a command: the files that its program made, each with its mode, and its figures.

import HDF5

/// A file in the artifact of a command.
package struct KeptFileInfo: Sendable, Equatable {
  /// Relative to the folder that it was made in.
  package var path: String
  package var byteCount: Int
  package var isExecutable: Bool

  package init(path: String, byteCount: Int, isExecutable: Bool) {
    self.path = path
    self.byteCount = byteCount
    self.isExecutable = isExecutable
  }
}

/// The layout of a command's files and figures.
package struct CommandArtifact: ArtifactLayout {
  package let files = CommandFileFields()
  package let metrics = Family(
    Number<Double>("/metrics/NAME", "the figures of the file that `metrics` names"))

  package init() {}
}

/// The files by their paths. They may be larger than the memory, so they are written and read in blocks.
package struct CommandFileFields: LayoutPart {
  private let all = Family(
    Bytes("/files/PATH", "each file of `outputs`; attribute `mode` 0755 if it is executable, or else 0644"))

  package var lines: [LayoutLine] { all.lines }

  /// A sentence on a dataset, with a file under its own name where it is one.
  package static func naming(_ sentence: String) -> String {
    let folder = CommandFileFields().all[""].path
    return sentence.hasPrefix(folder) ? String(sentence.dropFirst(folder.count)) : sentence
  }

  /// The attribute of each dataset.
  private static let mode = "mode"
  private static let executable = "0755"
  private static let plain = "0644"

  fileprivate func write(
    _ file: KeptFileInfo, to sink: inout ArtifactSink, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let path = all[file.path].path
    try sink.file.write(path, byteCount: file.byteCount, filling: fill)
    try sink.file.setAttribute(
      Self.mode, of: path, to: .string(file.isExecutable ? Self.executable : Self.plain))
  }

  fileprivate func list(_ source: borrowing ArtifactSource) throws -> [KeptFileInfo] {
    try all.members(in: source).map { name, count in
      let mode = try source.file.string(Self.mode, of: all[name].path)
      return KeptFileInfo(path: name, byteCount: count, isExecutable: mode == Self.executable)
    }
  }

  fileprivate func readBlocks(
    of file: KeptFileInfo, from source: borrowing ArtifactSource,
    _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try source.file.readBlocks(all[file.path].path, byteCount: file.byteCount, body)
  }
}

extension ArtifactWriter where Layout == CommandArtifact {
  /// Writes a file; `fill` is given each block of it in turn, and fills it whole.
  package mutating func write(
    _ file: KeptFileInfo, filling fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    try layout.files.write(file, to: &sink, fill)
  }
}

extension ArtifactReader where Layout == CommandArtifact {
  /// All files, in the order of their paths.
  package func files() throws -> [KeptFileInfo] { try layout.files.list(source) }

  /// Reads a file block by block.
  package func readBlocks(
    of file: KeptFileInfo, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try layout.files.readBlocks(of: file, from: source, body)
  }
}
