// Labelled images as bytes, with the normalisation that nets see.

/// Images u8 [n, channels, height, width] with labels u8 [n], kept as bytes: 60,000 MNIST images are 47 MB.
public struct ImageSet: Sendable {
  /// Pixels, image after image.
  public let images: [UInt8]
  /// One label an image.
  public let labels: [UInt8]
  /// Colour planes an image.
  public let channels: Int
  /// Rows of pixels.
  public let height: Int
  /// Columns of pixels.
  public let width: Int
  /// Subtracted from pixel/255 before division by `deviation`.
  public let mean: Float
  /// See `mean`.
  public let deviation: Float

  /// The largest magnitude of a normalised pixel.
  package static let largestInput: Float = 1e6

  /// A set of `labels.count` images; the default normalisation is MNIST's.
  ///
  /// - Throws: `wrongImageShape` if the pixels are not labels.count × channels × height × width; `invalidOption` for
  ///   a normalisation that makes inputs so large that a net's sums overflow.
  public init(
    images: [UInt8], labels: [UInt8], channels: Int = 1, height: Int = 28, width: Int = 28,
    mean: Float = 0.1307, deviation: Float = 0.3081
  ) throws(NeuralNetError) {
    guard images.count == labels.count * channels * height * width else {
      throw .wrongImageShape(expected: [labels.count, channels, height, width], found: [images.count])
    }
    guard deviation > 0, mean.isFinite, deviation.isFinite else {
      throw .invalidOption(name: "deviation", reason: "must be positive and finite")
    }
    let largest = max(abs(mean), abs(1 - mean)) / deviation
    guard largest <= Self.largestInput else {
      throw .invalidOption(
        name: "deviation",
        reason:
          "of \(deviation) with mean \(mean) makes inputs of \(largest); the most is \(Self.largestInput)")
    }
    self.images = images
    self.labels = labels
    self.channels = channels
    self.height = height
    self.width = width
    self.mean = mean
    self.deviation = deviation
  }

  /// Number of images.
  public var count: Int { labels.count }

  /// Bytes an image.
  package var pixels: Int { channels * height * width }

  /// Checks that the set suits a net and that each index names an image with a label of the net.
  package func check(_ indices: [Int], for network: Network) throws(NeuralNetError) {
    let shape = network.input
    guard [channels, height, width] == [shape.channels, shape.height, shape.width] else {
      throw .wrongImageShape(
        expected: [shape.channels, shape.height, shape.width], found: [channels, height, width])
    }
    if indices.isEmpty { throw .emptyIndexSet }
    for index in indices {
      guard index >= 0 && index < count else { throw .indexOutOfRange(index: index, count: count) }
      guard Int(labels[index]) < network.classes else {
        throw .labelOutOfRange(image: index, label: Int(labels[index]), classes: network.classes)
      }
    }
  }
}
