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
  /// A convolution, with bias unless said otherwise; kernel 1, 3, 5 or 7, square.
  case convolution(name: String, outputs: Int, kernel: Int, stride: Int, padding: Int, bias: Bool = true)
  /// A fully connected layer with bias, over the flattened activation.
  case linear(name: String, outputs: Int)
  /// max(0, x); its derivative at 0 is 0.
  case relu
  /// 2×2 max-pooling with stride 2; ties go to the first pixel in row-major order.
  case maxPool
  /// Batch normalisation of a convolution's channels (Ioffe & Szegedy 2015); PyTorch's defaults, with running
  /// statistics. It follows a convolution without bias, ReLU and pooling.
  case batchNorm(name: String)
  /// A residual block (He et al. 2016): two 3×3 convolutions NAME.conv1 and NAME.conv2, batch-normalised by
  /// NAME.bn1 and NAME.bn2, around which the input is carried; where the shape changes it goes through a 1×1
  /// convolution NAME.downsample.0 and its normalisation NAME.downsample.1. It follows a batch normalisation or
  /// a block, ReLU included.
  case basicBlock(name: String, outputs: Int, stride: Int)
  /// The mean of each channel over its pixels.
  case averagePool
  /// In training, zeroes activations with this probability and scales the others up; else nothing.
  case dropout(Float)
}

/// How a parameter tensor is drawn at first.
public enum Initialiser: Sendable, Hashable {
  /// Uniform in ±bound.
  case uniform(bound: Float)
  /// Normal with mean 0.
  case normal(deviation: Float)
  /// All the same.
  case constant(Float)
}

/// Where a tensor of a state_dict lies in the flat vector of the parameters, or of the buffers.
public struct ParameterLayout: Sendable, Hashable {
  /// Its name in the state_dict, such as `conv1.weight`.
  public let name: String
  /// Its shape in PyTorch's order.
  public let shape: [Int]
  /// Position of its first number in the flat vector.
  public let offset: Int
  /// Inputs that feed one output; 1 for batch normalisation.
  public let fanIn: Int
  /// Its first values.
  public let initialiser: Initialiser

  /// Numbers in the tensor.
  public var count: Int { shape.reduce(1, *) }
  /// Its place in the flat vector.
  public var range: Range<Int> { offset..<offset + count }
}

/// A convolution or linear layer as a set of neurons, for methods that choose among them.
public struct NeuronLayer: Sendable, Hashable {
  /// The layer's name, such as `layer1.0.conv1`.
  public let name: String
  /// Place of its weights in the flat parameter vector, [neurons, fanIn] row after row.
  public let weight: Range<Int>
  /// Place of its biases, [neurons]; nil without bias.
  public let bias: Range<Int>?
  /// Outputs of a linear layer, output channels of a convolution.
  public let neurons: Int
  /// Weights of one neuron.
  public let fanIn: Int
}

/// A feed-forward net with a softmax over its last layer's outputs.
///
/// A value of it includes the net's buffers, batch normalisation's running statistics: they belong to the
/// function that the net computes, but nothing is differentiated by them.
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
  /// All buffers in state_dict order: `NAME.running_mean`, `NAME.running_var` and `NAME.num_batches_tracked` (of
  /// shape []) of each batch normalisation; offsets are into `buffers`.
  public let bufferLayouts: [ParameterLayout]
  /// The buffers' values one after the other; of a new net 0, 1 and 0.
  public private(set) var buffers: [Float]
  /// The convolution and linear layers in state_dict order.
  public let neuronLayers: [NeuronLayer]
  /// Number of classes.
  public let classes: Int
  /// Numbers an image that go into the last layer.
  public let featureCount: Int
  package let plan: MemoryPlan

  /// Composes a net from layers; every ReLU and pooling follows a parametrised layer.
  ///
  /// - Throws: `invalidOption` for a layer that does not fit the activation before it.
  public init(name: String, input: Shape, layers: [Layer]) throws(NeuralNetError) {
    var builder = NetworkBuilder(input: input)
    for (index, layer) in layers.enumerated() { try builder.append(layer, index: index) }
    let last = try builder.finish(name)
    self.name = name
    self.input = input
    self.layers = layers
    parameterLayouts = builder.parameters
    parameterCount = builder.parameters.last?.range.upperBound ?? 0
    bufferLayouts = builder.buffers
    buffers = builder.buffers.flatMap { layout in
      guard case .constant(let value) = layout.initialiser else { return [Float]() }
      return [Float](repeating: value, count: layout.count)
    }
    neuronLayers = builder.neuronLayers
    classes = last.full.channels
    featureCount = last.input.count
    plan = MemoryPlan(input: input, operations: builder.operations)
  }

  /// The net with other buffers.
  ///
  /// - Throws: `wrongParameterCount`; `nonFiniteParameter` naming the buffer; `invalidOption` for a negative
  ///   variance.
  public func with(buffers: [Float]) throws(NeuralNetError) -> Network {
    guard buffers.count == self.buffers.count else {
      throw .wrongParameterCount(expected: self.buffers.count, found: buffers.count)
    }
    for layout in bufferLayouts {
      for i in layout.range {
        guard buffers[i].isFinite else {
          throw .nonFiniteParameter(name: layout.name, index: i - layout.offset)
        }
        if layout.name.hasSuffix(".running_var"), buffers[i] < 0 {
          throw .invalidOption(name: layout.name, reason: "a variance must not be negative")
        }
      }
    }
    var network = self
    network.buffers = buffers
    return network
  }

  /// Parameters drawn as PyTorch draws them. Weights and biases are uniform in ±1/√fan_in (`kaiming_uniform_` with
  /// a = √5, the layers' own default); convolutions without bias normal with variance 2/fan_out
  /// (`kaiming_normal_`, as in torchvision's ResNet); batch normalisation begins with weight 1 and bias 0. Each
  /// tensor has its own substream, named as in the state_dict.
  public func initialParameters(stream: RandomStream) -> [Float] {
    var parameters = [Float](repeating: 0, count: parameterCount)
    for layout in parameterLayouts {
      var draws = stream.substream(layout.name)
      for i in layout.range {
        parameters[i] =
          switch layout.initialiser {
          case .uniform(let bound): (2 * draws.uniformFloat() - 1) * bound
          case .normal(let deviation): Float(draws.normal()) * deviation
          case .constant(let value): value
          }
      }
    }
    return parameters
  }

  /// The largest magnitude of a parameter that passes take. The maximum of a pooling window may pass over a NaN,
  /// so none must arise before one: with inputs up to `ImageSet.largestInput` the sums of two convolutions of some
  /// hundred products stay below the largest float.
  package static let largestParameter: Float = 1e12

  /// Checks length and magnitude of a flat parameter vector.
  ///
  /// - Throws: `wrongParameterCount`, or `nonFiniteParameter` or `parameterTooLarge` naming the tensor.
  public func check(parameters: [Float]) throws(NeuralNetError) {
    guard parameters.count == parameterCount else {
      throw .wrongParameterCount(expected: parameterCount, found: parameters.count)
    }
    for layout in parameterLayouts {
      for i in layout.range where !(abs(parameters[i]) <= Self.largestParameter) {
        let (name, index) = (layout.name, i - layout.offset)
        throw parameters[i].isFinite
          ? .parameterTooLarge(name: name, index: index, value: parameters[i])
          : .nonFiniteParameter(name: name, index: index)
      }
    }
  }
}
