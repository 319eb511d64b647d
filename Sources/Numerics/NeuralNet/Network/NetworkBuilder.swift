// Turns layers into operations and lays their parameters and buffers out.

/// The state of a composition: the operations so far and the shape that the next layer gets.
struct NetworkBuilder {
  private(set) var operations: [Operation] = []
  private(set) var parameters: [ParameterLayout] = []
  private(set) var buffers: [ParameterLayout] = []
  private(set) var neuronLayers: [NeuronLayer] = []
  private var shape: Shape

  init(input: Shape) { shape = input }

  /// The activation that the next layer reads; 0 is the image.
  private var current: Int { operations.count }

  mutating func append(_ layer: Layer, index: Int) throws(NeuralNetError) {
    switch layer {
    case .convolution(let name, let outputs, let kernel, let stride, let padding, let bias):
      try convolve(
        name, outputs: outputs, kernel: kernel, stride: stride, padding: padding, bias: bias, source: current)
    case .linear(let name, let outputs): try connect(name, outputs: outputs)
    case .batchNorm(let name): try normalise(name, source: current)
    case .basicBlock(let name, let outputs, let stride):
      try appendBlock(name, outputs: outputs, stride: stride)
    case .averagePool:
      guard let last = operations.last, last.isNormalisation else {
        throw .invalidOption(
          name: "layer \(index)", reason: "average pooling must follow a batch normalisation or a block")
      }
      operations.append(
        Operation(kind: .averagePool, input: shape, full: Shape(shape.channels), source: current))
      shape = Shape(shape.channels)
    case .relu:
      guard let last = operations.last, !last.relu, last.kind != .averagePool else {
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
      guard let last = operations.last, last.relu, !last.pool, last.isConvolution else {
        throw .invalidOption(
          name: "layer \(index)", reason: "a max-pool must follow a convolution and its ReLU")
      }
      guard shape.height >= 2, shape.width >= 2 else {
        throw .invalidOption(
          name: "layer \(index)",
          reason:
            "the images are too small for this net: \(shape.height) × \(shape.width) is left to a max-pool of 2 × 2"
        )
      }
      operations[operations.count - 1].pool = true
      shape = Shape(shape.channels, shape.height / 2, shape.width / 2)
    }
  }

  /// Checks the last layer and returns it.
  func finish(_ name: String) throws(NeuralNetError) -> Operation {
    guard let last = operations.last, last.kind == .linear, !last.relu, last.full.channels <= 256 else {
      throw .invalidOption(name: name, reason: "the last layer must be linear, with at most 256 outputs")
    }
    for (index, operation) in operations.enumerated() where operation.isConvolution && !operation.hasBias {
      guard operations.contains(where: { $0.isNormalisation && $0.source == index + 1 }) else {
        throw .invalidOption(
          name: name, reason: "a convolution without bias must have a batch normalisation behind it")
      }
    }
    guard !operations.contains(where: \.isNormalisation) || operations.allSatisfy({ $0.dropout == 0 }) else {
      throw .invalidOption(
        name: name,
        reason: "takes no dropout: training through batch normalisation has none; leave one of them out")
    }
    return last
  }

  // MARK: - Operations

  private mutating func convolve(
    _ name: String, outputs: Int, kernel: Int, stride: Int, padding: Int, bias: Bool, source: Int
  ) throws(NeuralNetError) {
    let from = source == current ? shape : operations[source - 1].output
    let height = (from.height + 2 * padding - kernel) / max(stride, 1) + 1
    let width = (from.width + 2 * padding - kernel) / max(stride, 1) + 1
    guard [1, 3, 5, 7].contains(kernel), outputs > 0, stride > 0, padding >= 0, padding < kernel else {
      throw .invalidOption(
        name: name,
        reason: "there is no convolution of kernel \(kernel), stride \(stride) and padding \(padding)")
    }
    guard from.height + 2 * padding >= kernel, from.width + 2 * padding >= kernel else {
      throw .invalidOption(
        name: name,
        reason:
          "the images are too small for this net: \(from.height) × \(from.width) is left to a kernel of "
          + "\(kernel) × \(kernel)")
    }
    let fanIn = from.channels * kernel * kernel
    let (weight, own) = addNeurons(
      name, [outputs, from.channels, kernel, kernel], fanIn: fanIn, bias: bias,
      bias
        ? .uniform(bound: 1 / Float(fanIn).squareRoot())
        : .normal(deviation: (2 / Float(outputs * kernel * kernel)).squareRoot()))
    shape = Shape(outputs, height, width)
    operations.append(
      Operation(
        kind: .convolution(kernel: kernel, stride: stride, padding: padding), input: from, full: shape,
        weight: weight, bias: own, hasBias: bias, source: source))
  }

  private mutating func connect(_ name: String, outputs: Int) throws(NeuralNetError) {
    guard outputs > 0 else { throw .invalidOption(name: name, reason: "needs an output") }
    let fanIn = shape.count
    let (weight, bias) = addNeurons(
      name, [outputs, fanIn], fanIn: fanIn, bias: true, .uniform(bound: 1 / Float(fanIn).squareRoot()))
    operations.append(
      Operation(
        kind: .linear, input: Shape(fanIn), full: Shape(outputs), weight: weight, bias: bias, source: current)
    )
    shape = Shape(outputs)
  }

  private mutating func normalise(_ name: String, source: Int, addend: Int? = nil) throws(NeuralNetError) {
    guard source > 0, operations[source - 1].isConvolution, !operations[source - 1].relu,
      !operations[source - 1].hasBias
    else {
      throw .invalidOption(
        name: name, reason: "a batch normalisation must follow a convolution without bias, ReLU and pooling")
    }
    let channels = shape.channels
    let weight = add(name + ".weight", [channels], fanIn: 1, .constant(1))
    let bias = add(name + ".bias", [channels], fanIn: 1, .constant(0))
    let statistics = addBuffer(name + ".running_mean", [channels], 0)
    _ = addBuffer(name + ".running_var", [channels], 1)
    _ = addBuffer(name + ".num_batches_tracked", [], 0)
    operations.append(
      Operation(
        kind: .batchNorm(statistics: statistics), input: shape, full: shape, weight: weight, bias: bias,
        source: source, addend: addend))
  }

  private mutating func appendBlock(_ name: String, outputs: Int, stride: Int) throws(NeuralNetError) {
    guard let last = operations.last, last.isNormalisation, last.relu else {
      throw .invalidOption(
        name: name, reason: "a block must follow a batch normalisation with ReLU or a block")
    }
    let entry = current
    let reshapes = stride != 1 || outputs != shape.channels
    try convolve(
      name + ".conv1", outputs: outputs, kernel: 3, stride: stride, padding: 1, bias: false, source: entry)
    try normalise(name + ".bn1", source: current)
    operations[operations.count - 1].relu = true
    try convolve(
      name + ".conv2", outputs: outputs, kernel: 3, stride: 1, padding: 1, bias: false, source: current)
    let inner = current
    try normalise(name + ".bn2", source: inner, addend: entry)
    if reshapes {
      // Computed before the block's end, but named after it.
      let end = operations.removeLast()
      try convolve(
        name + ".downsample.0", outputs: outputs, kernel: 1, stride: stride, padding: 0, bias: false,
        source: entry)
      try normalise(name + ".downsample.1", source: current)
      operations.append(end)
      operations[operations.count - 1].addend = current - 1
    }
    operations[operations.count - 1].relu = true
  }

  // MARK: - Layouts

  private mutating func add(
    _ name: String, _ shape: [Int], fanIn: Int, _ initialiser: Initialiser
  ) -> Int {
    let offset = parameters.last?.range.upperBound ?? 0
    parameters.append(
      ParameterLayout(name: name, shape: shape, offset: offset, fanIn: fanIn, initialiser: initialiser))
    return offset
  }

  private mutating func addBuffer(_ name: String, _ shape: [Int], _ value: Float) -> Int {
    let offset = buffers.last?.range.upperBound ?? 0
    buffers.append(
      ParameterLayout(name: name, shape: shape, offset: offset, fanIn: 1, initialiser: .constant(value)))
    return offset
  }

  /// Weights and biases of a convolution or linear layer; without a bias its place is the weights' end.
  private mutating func addNeurons(
    _ name: String, _ shape: [Int], fanIn: Int, bias: Bool, _ initialiser: Initialiser
  ) -> (weight: Int, bias: Int) {
    let weight = add(name + ".weight", shape, fanIn: fanIn, initialiser)
    let end = weight + shape[0] * fanIn
    if bias { _ = add(name + ".bias", [shape[0]], fanIn: fanIn, initialiser) }
    neuronLayers.append(
      NeuronLayer(
        name: name, weight: weight..<end, bias: bias ? end..<end + shape[0] : nil, neurons: shape[0],
        fanIn: fanIn))
    return (weight, end)
  }
}
