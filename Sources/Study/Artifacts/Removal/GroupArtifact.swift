// The artifact of the stage `group`: training images to remove.

/// A group of training images to remove.
package struct Group: Sendable, Equatable {
  /// Into the train split, ascending.
  package var indices: [Int]
  /// The step at which each is removed.
  package var parts: [UInt8]
  /// How many images the group was drawn from.
  package var poolSize: Int
  /// How it was chosen, as the parameter.
  package var kind: String

  package init(indices: [Int], parts: [UInt8], poolSize: Int, kind: String) {
    self.indices = indices
    self.parts = parts
    self.poolSize = poolSize
    self.kind = kind
  }

  /// The other images of the train split, ascending.
  package func complement(in count: Int) -> [Int] {
    var removed = [Bool](repeating: false, count: count)
    for index in indices { removed[index] = true }
    return (0..<count).filter { !removed[$0] }
  }
}

/// The layout of a group.
package struct GroupArtifact: ArtifactLayout, Field {
  package let indices = List<Int>("/indices", "m", "into the train split, ascending")
  package let parts = List<UInt8>("/parts", "m", "the step at which each is removed")
  package let poolSize = Attribute<Int>("pool_size", "how many images it was chosen from")
  package let kind = Attribute<String>("kind", "as the parameter")

  package init() {}

  package func write(_ group: Group, to sink: inout ArtifactSink) throws {
    try sink.write(indices, group.indices)
    try sink.write(parts, group.parts)
    try sink.write(poolSize, group.poolSize)
    try sink.write(kind, group.kind)
  }

  package func read(from source: borrowing ArtifactSource) throws -> Group {
    Group(
      indices: try source.read(indices), parts: try source.read(parts),
      poolSize: try source.read(poolSize), kind: try source.read(kind))
  }
}
