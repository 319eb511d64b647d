// The artifact of the stage `ink`: how much of each image is drawn on.

import Artifacts

/// The ink of some training images.
package struct Ink: Sendable, Equatable {
  /// Into the train split, ascending.
  package var indices: [Int]
  /// The share of the pixels of each that are ink, from 0 to 1.
  package var shares: [Double]

  package init(indices: [Int], shares: [Double]) {
    self.indices = indices
    self.shares = shares
  }
}

/// The layout of the ink of images.
package struct InkArtifact: ArtifactLayout, Field {
  package let indices = List<Int>("/indices", "n", "into the train split, ascending")
  package let shares = List<Double>("/shares", "n", "share of the pixels that are ink, from 0 to 1")

  package init() {}

  package func write(_ ink: Ink, to sink: inout ArtifactSink) throws {
    try sink.write(indices, ink.indices)
    try sink.write(shares, ink.shares)
  }

  package func read(from source: borrowing ArtifactSource) throws -> Ink {
    Ink(indices: try source.read(indices), shares: try source.read(shares))
  }
}
