// The artifact of the stage `load-images`: a labelled data set.

import NeuralNet

/// Training and test images, all of one shape.
package struct LoadedImages: Sendable {
  /// The classes of a data set that says nothing of them.
  package static let usualClasses = 10

  package var train: ImageSet
  package var test: ImageSet
  /// How many classes there are; every label is below it.
  package var classes: Int

  /// The shape of an image, as a net takes it.
  package var shape: Shape { Shape(train.channels, train.height, train.width) }
}

/// The images of one split, with their labels.
package struct SplitFields: FieldGroup, Field {
  package let images: Grid<UInt8>
  package let labels: List<UInt8>

  /// Split `name`, whose number of images is called `count`.
  init(_ name: String, _ count: String) {
    images = Grid(
      "/\(name)/images", oneOf: ["\(count),H,W", "\(count),3,H,W"],
      "pixels, grey or in colour, 0 background to 255")
    labels = List("/\(name)/labels", count, "classes, counted from 0")
  }

  package func write(_ split: ImageSet, to sink: inout ArtifactSink) throws {
    let channels = split.channels == 1 ? [] : [split.channels]
    try sink.write(
      images, Block(split.images, shape: [split.count] + channels + [split.height, split.width]))
    try sink.write(labels, split.labels)
  }

  package func read(from source: borrowing ArtifactSource) throws -> ImageSet {
    let block = try source.read(images)
    // Of a file of another rank the set says what is wrong: its pixels are no images.
    let shape = block.shape.count == 3 ? [1] + block.shape.dropFirst() : Array(block.shape.dropFirst())
    guard shape.count == 3 else {
      throw NeuralNetError.wrongImageShape(expected: [block.shape.first ?? 0, 1, 28, 28], found: block.shape)
    }
    return try ImageSet(
      images: block.values, labels: try source.read(labels), channels: shape[0], height: shape[1],
      width: shape[2])
  }
}

/// The layout of a data set.
package struct ImagesArtifact: ArtifactLayout {
  package let train = SplitFields("train", "N")
  package let test = SplitFields("test", "M")
  package let dataset = Attribute<String>("dataset", "the data set's name, or `folder`, or `command`")
  package let classes = Maybe(
    Attribute<Int>("classes", "number of classes; absent where it is \(LoadedImages.usualClasses)"))

  package init() {}
}

extension ArtifactReader<ImagesArtifact> {
  /// Both splits.
  package func images() throws -> LoadedImages {
    LoadedImages(
      train: try read(\.train), test: try read(\.test),
      classes: try read(\.classes) ?? LoadedImages.usualClasses)
  }
}
