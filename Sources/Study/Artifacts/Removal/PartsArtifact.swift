// The artifact of the stage `parts`: the step at which each image of a group is removed.

/// The division of a group.
package struct Parts: Sendable, Equatable {
  /// The group's images, into the train split, ascending.
  package var indices: [Int]
  /// The part of each, in the same order.
  package var parts: [UInt8]

  package init(indices: [Int], parts: [UInt8]) {
    self.indices = indices
    self.parts = parts
  }
}

/// The layout of a division.
package struct PartsArtifact: ArtifactLayout, Field {
  package let indices = List<Int>("/indices", "m", "the group's images, into the train split, ascending")
  package let parts = List<UInt8>("/parts", "m", "the step at which each is removed")

  package init() {}

  package func write(_ division: Parts, to sink: inout ArtifactSink) throws {
    try sink.write(indices, division.indices)
    try sink.write(parts, division.parts)
  }

  package func read(from source: borrowing ArtifactSource) throws -> Parts {
    Parts(indices: try source.read(indices), parts: try source.read(parts))
  }
}
