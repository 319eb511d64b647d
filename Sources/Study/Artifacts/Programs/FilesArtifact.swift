// The artifact of a picture: files, small enough to be read whole.

/// A file as an artifact keeps it.
package struct KeptFile: Sendable, Equatable {
  /// Relative to the folder that it was made in.
  package var path: String
  package var bytes: [UInt8]

  package init(path: String, bytes: [UInt8]) {
    self.path = path
    self.bytes = bytes
  }
}

/// The files of an artifact by their paths.
package struct FileFields: FieldGroup, Field {
  private let all: Family<Bytes>

  package init(_ path: String, _ summary: String) { all = Family(Bytes("/files/\(path)", summary)) }

  package func write(_ kept: [KeptFile], to sink: inout ArtifactSink) throws {
    for file in kept { try sink.write(all[file.path], file.bytes) }
  }

  /// All files, in the order of their paths.
  package func read(from source: borrowing ArtifactSource) throws -> [KeptFile] {
    try source.read(all).sorted { $0.key < $1.key }.map { KeptFile(path: $0.key, bytes: $0.value) }
  }
}

/// The layout of a picture.
package struct PictureArtifact: ArtifactLayout {
  package let files = FileFields("KIND.ENDING", "the picture as png and as svg")
  package let gnuplot = Attribute<String>("gnuplot", "version of the gnuplot that drew it")

  package init() {}
}
