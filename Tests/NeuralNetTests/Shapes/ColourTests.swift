// Nets on colour images and images of other sizes, held to the same nets on grey images.

import NeuralNet
import Tensor
import Testing

@Suite struct ColourTests {
  private static let side = 32
  private static let pool = ThreadPool(threads: 2)

  private func nets(_ name: String) throws -> (grey: Network, colour: Network) {
    let (widths, width) = (name == "mlp" ? [20] : nil, name == "resnet18" ? 4 : nil)
    func net(_ channels: Int) throws -> Network {
      try Network.named(
        name, widths: widths, width: width, input: Shape(channels, Self.side, Self.side), classes: 7)
    }
    return (try net(1), try net(3))
  }

  /// The inputs of a first layer's output that belong to one channel, of a colour net's flat parameters.
  private func places(_ net: Network, channel: Int) -> [Int] {
    let layer = net.neuronLayers[0]
    let share = layer.fanIn / 3
    return (0..<layer.neurons).flatMap { neuron in
      (0..<share).map { layer.weight.lowerBound + neuron * layer.fanIn + channel * share + $0 }
    }
  }

  private func loss(_ net: Network, _ parameters: [Float], _ data: ImageSet) throws -> (Double, [Double]) {
    let curvature = try Curvature(
      net, parameters: parameters, data: data, indices: Array(0..<data.count), pool: Self.pool)
    let (loss, gradient) = try curvature.gradient()
    return (loss, gradient.map { Double($0) })
  }

  /// A net whose first layer looks at one channel only is the grey net on that channel: the same loss, and the same
  /// gradient of the weights that are in use.
  @Test(arguments: ["lenet", "tinynet", "mlp", "softmax", "resnet18"], [0, 1, 2])
  func oneChannelOfThreeIsAGreyImage(name: String, channel: Int) throws {
    let (grey, colour) = try nets(name)
    let parameters = unevenParameters(grey, key: 5)
    let area = Self.side * Self.side
    let images = try randomImages(
      40, height: Self.side, width: Self.side, channels: 3, classes: 7, key: 6)
    var plane: [UInt8] = []
    for image in 0..<40 {
      let start = (image * 3 + channel) * area
      plane += images.images[start..<start + area]
    }
    let one = try ImageSet(
      images: plane, labels: images.labels, height: Self.side, width: Self.side)
    var spread = [Float](repeating: 0, count: colour.parameterCount)
    let used = places(colour, channel: channel)
    let first = grey.neuronLayers[0].weight
    for (place, value) in zip(used, parameters[first]) { spread[place] = value }
    let rest = colour.neuronLayers[0].weight.upperBound
    spread.replaceSubrange(rest..., with: parameters[first.upperBound...])
    // Of a ResNet nothing stands before the first layer, as of the others.
    #expect(first.lowerBound == 0)

    let (greyLoss, greyGradient) = try loss(grey, parameters, one)
    let (colourLoss, gradient) = try loss(colour, spread, images)
    #expect(abs(colourLoss - greyLoss) < 1e-5 * greyLoss)
    let back = used.map { gradient[$0] } + gradient[rest...]
    #expect(relativeDistance(back, greyGradient) < 1e-4)
  }

  /// Each channel's weights have a gradient of their own: of images whose channels are equal it is the grey one's.
  @Test(arguments: ["lenet", "tinynet", "mlp", "softmax", "resnet18"])
  func equalChannelsHaveEqualGradients(name: String) throws {
    let (grey, colour) = try nets(name)
    let parameters = unevenParameters(grey, key: 7)
    let images = try randomImages(40, height: Self.side, width: Self.side, classes: 7, key: 8)
    let area = Self.side * Self.side
    var planes: [UInt8] = []
    for image in 0..<40 {
      for _ in 0..<3 { planes += images.images[image * area..<(image + 1) * area] }
    }
    let tripled = try ImageSet(
      images: planes, labels: images.labels, channels: 3, height: Self.side, width: Self.side)
    var spread = [Float](repeating: 0, count: colour.parameterCount)
    let first = grey.neuronLayers[0].weight
    for (channel, share) in [Float(0.5), 0.25, 0.25].enumerated() {
      for (place, value) in zip(places(colour, channel: channel), parameters[first]) {
        spread[place] = share * value
      }
    }
    let rest = colour.neuronLayers[0].weight.upperBound
    spread.replaceSubrange(rest..., with: parameters[first.upperBound...])
    let (greyLoss, greyGradient) = try loss(grey, parameters, images)
    let (colourLoss, gradient) = try loss(colour, spread, tripled)
    #expect(abs(colourLoss - greyLoss) < 1e-5 * greyLoss)
    for channel in 0..<3 {
      let own = places(colour, channel: channel).map { gradient[$0] }
      #expect(relativeDistance(own, Array(greyGradient[first])) < 1e-4)
    }
  }
}
