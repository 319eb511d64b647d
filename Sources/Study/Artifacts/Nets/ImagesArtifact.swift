// The artifact of the stage `load-images`: a labelled data set.

import NeuralNet

/// Training and test images.
package struct LoadedImages: Sendable {
  package var train: ImageSet
  package var test: ImageSet
}

/// The images of one split, with their labels.
package struct SplitFields: FieldGroup, Field {
  package let images: Grid<UInt8>
  package let labels: List<UInt8>

  /// Split `name`, whose number of images is called `count`.
  init(_ name: String, _ count: String) {
    images = Grid("/\(name)/images", "\(count),28,28", "pixels, 0 background to 255")
    labels = List("/\(name)/labels", count, "classes 0…9")
  }

  package func write(_ split: ImageSet, to sink: inout ArtifactSink) throws {
    try sink.write(images, Block(split.images, split.count, split.height, split.width))
    try sink.write(labels, split.labels)
  }

  package func read(from source: borrowing ArtifactSource) throws -> ImageSet {
    try ImageSet(images: try source.read(images).values, labels: try source.read(labels))
  }
}

/// The layout of a data set.
package struct ImagesArtifact: ArtifactLayout {
  package let train = SplitFields("train", "N")
  package let test = SplitFields("test", "M")
  package let dataset = Attribute<String>("dataset", "the data set's name, or `folder`")

  package init() {}
}

extension ArtifactReader<ImagesArtifact> {
  /// Both splits.
  package func images() throws -> LoadedImages {
    LoadedImages(train: try read(\.train), test: try read(\.test))
  }
}
