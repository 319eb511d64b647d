// A net: its layers, the layout of its parameters, and the fused operations that compute it.

import Tensor

/// The shape of an activation: channels × height × width; vectors have height and width 1.
public struct Shape: Sendable, Hashable {
  /// Feature planes.
  public let channels: Int
  /// Rows.
  public let height: Int
  /// Columns.
  public let width: Int

  /// Numbers an image.
  public var count: Int { channels * height * width }

  /// A shape; a vector by default.
  public init(_ channels: Int, _ height: Int = 1, _ width: Int = 1) {
    self.channels = channels
    self.height = height
    self.width = width
  }
}

/// One layer, with the name its parameters have in a PyTorch state_dict.
public enum Layer: Sendable, Hashable {
  /// A convolution with bias; kernel 1, 3, 5 or 7, square.
  case convolution(name: String, outputs: Int, kernel: Int, stride: Int, padding: Int)
  /// A fully connected layer with bias, over the flattened activation.
  case linear(name: String, outputs: Int)
  /// max(0, x); its derivative at 0 is 0.
  case relu
  /// 2×2 max-pooling with stride 2; ties go to the first pixel in row-major order.
  case maxPool
  /// In training, zeroes activations with this probability and scales the others up; else nothing.
  case dropout(Float)
}

/// Where a parameter tensor lies in the flat parameter vector.
public struct ParameterLayout: Sendable, Hashable {
  /// Its name in the state_dict, such as `conv1.weight`.
  public let name: String
  /// Its shape in PyTorch's order.
  public let shape: [Int]
  /// Position of its first number in the flat vector.
  public let offset: Int
  /// Inputs that feed one output.
  public let fanIn: Int

  /// Numbers in the tensor.
  public var count: Int { shape.reduce(1, *) }
  /// Its place in the flat vector.
  public var range: Range<Int> { offset..<offset + count }
}

/// A feed-forward net with a softmax over its last layer's outputs.
public struct Network: Sendable {
  /// The net's name.
  public let name: String
  /// Shape of an input image.
  public let input: Shape
  /// The layers in order.
  public let layers: [Layer]
  /// All parameter tensors in state_dict order; the flat vector holds them one after the other.
  public let parameterLayouts: [ParameterLayout]
  /// Length of the flat parameter vector.
  public let parameterCount: Int
  /// Number of classes.
  public let classes: Int
  /// Numbers an image that go into the last layer.
  public let featureCount: Int
  package let plan: Plan

  /// Composes a net from layers; every ReLU and pooling follows a parametrised layer.
  ///
  /// - Throws: `invalidOption` for a layer that does not fit the activation before it.
  public init(name: String, input: Shape, layers: [Layer]) throws(NeuralNetError) {
    self.name = name
    self.input = input
    self.layers = layers
    var layouts: [ParameterLayout] = []
    var offset = 0
    func add(_ name: String, _ shape: [Int], fanIn: Int) {
      layouts.append(ParameterLayout(name: name, shape: shape, offset: offset, fanIn: fanIn))
      offset += shape.reduce(1, *)
    }
    var operations: [Operation] = []
    var shape = input
    for (index, layer) in layers.enumerated() {
      switch layer {
      case .convolution(let name, let outputs, let kernel, let stride, let padding):
        let height = (shape.height + 2 * padding - kernel) / stride + 1
        let width = (shape.width + 2 * padding - kernel) / stride + 1
        guard [1, 3, 5, 7].contains(kernel), outputs > 0, stride > 0, padding >= 0, padding < kernel,
          shape.height + 2 * padding >= kernel, shape.width + 2 * padding >= kernel
        else {
          throw .invalidOption(name: name, reason: "this convolution does not fit an input of \(shape)")
        }
        let out = Shape(outputs, height, width)
        operations.append(
          Operation(
            kind: .convolution(kernel: kernel, stride: stride, padding: padding), input: shape, full: out,
            weight: offset, bias: offset + outputs * shape.channels * kernel * kernel))
        let fanIn = shape.channels * kernel * kernel
        add("\(name).weight", [outputs, shape.channels, kernel, kernel], fanIn: fanIn)
        add("\(name).bias", [outputs], fanIn: fanIn)
        shape = out
      case .linear(let name, let outputs):
        guard outputs > 0 else { throw .invalidOption(name: name, reason: "needs an output") }
        operations.append(
          Operation(
            kind: .linear, input: Shape(shape.count), full: Shape(outputs), weight: offset,
            bias: offset + outputs * shape.count))
        add("\(name).weight", [outputs, shape.count], fanIn: shape.count)
        add("\(name).bias", [outputs], fanIn: shape.count)
        shape = Shape(outputs)
      case .relu:
        guard !operations.isEmpty, !operations[operations.count - 1].relu else {
          throw .invalidOption(name: "layer \(index)", reason: "a ReLU must follow a parametrised layer")
        }
        operations[operations.count - 1].relu = true
      case .dropout(let probability):
        guard let last = operations.last, last.kind == .linear, last.relu, last.dropout == 0,
          probability >= 0, probability < 1
        else {
          throw .invalidOption(
            name: "dropout", reason: "must be in [0, 1) and follow a linear layer and its ReLU")
        }
        operations[operations.count - 1].dropout = probability
      case .maxPool:
        guard let last = operations.last, last.relu, !last.pool, last.isConvolution, shape.height >= 2,
          shape.width >= 2
        else {
          throw .invalidOption(
            name: "layer \(index)", reason: "a max-pool must follow a convolution and its ReLU")
        }
        operations[operations.count - 1].pool = true
        shape = Shape(shape.channels, shape.height / 2, shape.width / 2)
      }
    }
    guard let last = operations.last, last.kind == .linear, !last.relu, last.full.channels <= 256 else {
      throw .invalidOption(name: name, reason: "the last layer must be linear, with at most 256 outputs")
    }
    parameterLayouts = layouts
    parameterCount = offset
    classes = last.full.channels
    featureCount = last.input.count
    plan = Plan(input: input, operations: operations)
  }

  /// The names that `named` knows.
  public static let names = ["lenet", "tinynet", "mlp", "softmax"]

  /// The net of that name.
  ///
  /// - `lenet`: LeNet-5 with ReLU, max-pooling and a padding of 2; conv1, conv2, fc1, fc2, fc3.
  /// - `tinynet`: four 3×3 convolutions of stride 2 with 32, 64, 128, 256 outputs, then a linear layer, named as
  ///   in `nn.Sequential(Conv2d, ReLU, …, Flatten, Linear)`: 0, 2, 4, 6, 9.
  /// - `mlp`: hidden linear layers fc1, fc2, … of `widths` with ReLU and `dropout`, and the output layer.
  /// - `softmax`: multinomial logistic regression; one layer, `linear`.
  ///
  /// - Throws: `unknownNetwork`; `invalidOption` for widths or dropout that the net does not take.
  public static func named(
    _ name: String, widths: [Int]? = nil, dropout: Float = 0, input: Shape = Shape(1, 28, 28),
    classes: Int = 10
  ) throws(NeuralNetError) -> Network {
    if name != "mlp" && (widths != nil || dropout != 0) {
      throw .invalidOption(name: name, reason: "takes no widths and no dropout")
    }
    var layers: [Layer] = []
    switch name {
    case "lenet":
      layers = [
        .convolution(name: "conv1", outputs: 6, kernel: 5, stride: 1, padding: 2), .relu, .maxPool,
        .convolution(name: "conv2", outputs: 16, kernel: 5, stride: 1, padding: 0), .relu, .maxPool,
        .linear(name: "fc1", outputs: 120), .relu,
        .linear(name: "fc2", outputs: 84), .relu,
        .linear(name: "fc3", outputs: classes),
      ]
    case "tinynet":
      for (index, outputs) in [32, 64, 128, 256].enumerated() {
        layers += [
          .convolution(name: "\(2 * index)", outputs: outputs, kernel: 3, stride: 2, padding: 1), .relu,
        ]
      }
      layers.append(.linear(name: "9", outputs: classes))
    case "mlp":
      let widths = widths ?? [128]
      for (index, outputs) in widths.enumerated() {
        layers += [.linear(name: "fc\(index + 1)", outputs: outputs), .relu]
        if dropout != 0 { layers.append(.dropout(dropout)) }
      }
      layers.append(.linear(name: "fc\(widths.count + 1)", outputs: classes))
    case "softmax":
      layers = [.linear(name: "linear", outputs: classes)]
    default: throw .unknownNetwork(name, known: names)
    }
    return try Network(name: name, input: input, layers: layers)
  }

  /// Parameters drawn as PyTorch's layers draw theirs: weights and biases uniform in ±1/√fan_in
  /// (`kaiming_uniform_` with a = √5). Each tensor has its own substream, named as in the state_dict.
  public func initialParameters(stream: RandomStream) -> [Float] {
    var parameters = [Float](repeating: 0, count: parameterCount)
    for layout in parameterLayouts {
      var draws = stream.substream(layout.name)
      let bound = 1 / Float(layout.fanIn).squareRoot()
      for i in layout.range { parameters[i] = (2 * draws.uniformFloat() - 1) * bound }
    }
    return parameters
  }

  /// Checks length and finiteness of a flat parameter vector.
  ///
  /// - Throws: `wrongParameterCount`, or `nonFiniteParameter` naming the tensor.
  public func check(parameters: [Float]) throws(NeuralNetError) {
    guard parameters.count == parameterCount else {
      throw .wrongParameterCount(expected: parameterCount, found: parameters.count)
    }
    for layout in parameterLayouts {
      for i in layout.range where !parameters[i].isFinite {
        throw .nonFiniteParameter(name: layout.name, index: i - layout.offset)
      }
    }
  }
}
