// The artifact of the stage `margins`: how sure a net is of the label of each image.

/// The margins of a net on some images of a split.
package struct Margins: Sendable, Equatable {
  /// Into the split, ascending.
  package var indices: [Int]
  /// ln(p / (1 − p)) of each, p being the probability that the net gives to the image's label.
  package var margins: [Double]
  /// Whether the net was made to do without the image.
  package var removed: [Bool]

  package init(indices: [Int], margins: [Double], removed: [Bool]) {
    self.indices = indices
    self.margins = margins
    self.removed = removed
  }
}

/// The layout of margins.
package struct MarginsArtifact: ArtifactLayout, Field {
  package let indices = List<Int>("/indices", "n", "into the split, ascending")
  package let margins = List<Double>(
    "/margins", "n",
    "ln(p / (1 - p)), p the probability of the label; the cross-entropy is ln(1 + exp(-margin))")
  package let removed = List<Bool>("/removed", "n", "1 for an image of the group in slot group")

  package init() {}

  package func write(_ margins: Margins, to sink: inout ArtifactSink) throws {
    try sink.write(indices, margins.indices)
    try sink.write(self.margins, margins.margins)
    try sink.write(removed, margins.removed)
  }

  package func read(from source: borrowing ArtifactSource) throws -> Margins {
    Margins(
      indices: try source.read(indices), margins: try source.read(margins), removed: try source.read(removed))
  }
}
