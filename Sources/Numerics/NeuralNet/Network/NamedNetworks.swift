// The nets that have a name.

extension Network {
  /// The names that `named` knows.
  public static let names = ["lenet", "tinynet", "mlp", "softmax", "resnet18"]

  /// The net of that name.
  ///
  /// - `lenet`: LeNet-5 with ReLU, max-pooling and a padding of 2; conv1, conv2, fc1, fc2, fc3.
  /// - `tinynet`: four 3×3 convolutions of stride 2 with 32, 64, 128, 256 outputs, then a linear layer, named as
  ///   in `nn.Sequential(Conv2d, ReLU, …, Flatten, Linear)`: 0, 2, 4, 6, 9.
  /// - `mlp`: hidden linear layers fc1, fc2, … of `widths` with ReLU and `dropout`, and the output layer.
  /// - `softmax`: multinomial logistic regression; one layer, `linear`.
  /// - `resnet18`: He et al. 2016's net for small images: a 3×3 convolution of stride 1 without pooling, then two
  ///   residual blocks each of width, 2·width, 4·width and 8·width channels; named as torchvision's.
  ///
  /// - Parameters:
  ///   - widths: `mlp`: outputs of the hidden layers; [128] by default.
  ///   - dropout: `mlp`: probability after each hidden layer.
  ///   - width: `resnet18`: channels of the first stage; 64 by default.
  /// - Throws: `unknownNetwork`; `invalidOption` for widths or dropout that the net does not take.
  public static func named(
    _ name: String, widths: [Int]? = nil, dropout: Float = 0, width: Int? = nil,
    input: Shape = Shape(1, 28, 28),
    classes: Int = 10
  ) throws(NeuralNetError) -> Network {
    if name != "mlp" && (widths != nil || dropout != 0) {
      throw .invalidOption(name: name, reason: "takes no widths and no dropout")
    }
    if name != "resnet18" && width != nil { throw .invalidOption(name: name, reason: "takes no width") }
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
    case "resnet18":
      let width = width ?? 64
      guard width >= 1 else { throw .invalidOption(name: "width", reason: "must be at least 1") }
      layers = [
        .convolution(name: "conv1", outputs: width, kernel: 3, stride: 1, padding: 1, bias: false),
        .batchNorm(name: "bn1"), .relu,
      ]
      for stage in 0..<4 {
        let outputs = width << stage
        layers += [
          .basicBlock(name: "layer\(stage + 1).0", outputs: outputs, stride: stage == 0 ? 1 : 2),
          .basicBlock(name: "layer\(stage + 1).1", outputs: outputs, stride: 1),
        ]
      }
      layers += [.averagePool, .linear(name: "fc", outputs: classes)]
    default: throw .unknownNetwork(name, known: names)
    }
    return try Network(name: name, input: input, layers: layers)
  }

  /// What says how wide the net is: `named`'s width for `resnet18`, else `featureCount`.
  public var width: Int { name == "resnet18" ? featureCount / 8 : featureCount }
}
