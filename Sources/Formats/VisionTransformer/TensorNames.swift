// The tensors that a backbone consists of, under Hugging Face's names for its two layouts.

/// Which of Hugging Face's models a file's names are those of.
enum Layout {
  /// `Dinov2Model`: layer scale after each branch.
  case dinov2
  /// `ViTModel`.
  case vit

  /// The epsilon of the layer norms: the default of each model's configuration.
  var epsilon: Float { self == .dinov2 ? 1e-6 : 1e-12 }

  /// Names in layer `index`, in the order of a `LayerNames`.
  func names(layer index: Int) -> LayerNames {
    let layer = "encoder.layer.\(index)."
    let attention = layer + "attention.attention."
    return switch self {
    case .dinov2:
      LayerNames(
        norm1: layer + "norm1", query: attention + "query", key: attention + "key",
        value: attention + "value", output: layer + "attention.output.dense", norm2: layer + "norm2",
        expand: layer + "mlp.fc1", contract: layer + "mlp.fc2", scale1: layer + "layer_scale1.lambda1",
        scale2: layer + "layer_scale2.lambda1")
    case .vit:
      LayerNames(
        norm1: layer + "layernorm_before", query: attention + "query", key: attention + "key",
        value: attention + "value", output: layer + "attention.output.dense",
        norm2: layer + "layernorm_after", expand: layer + "intermediate.dense",
        contract: layer + "output.dense", scale1: nil, scale2: nil)
    }
  }
}

/// The modules of one layer; each has a `.weight` and a `.bias`, the scales are tensors themselves.
struct LayerNames {
  var norm1, query, key, value, output, norm2, expand, contract: String
  var scale1, scale2: String?
}

/// Takes tensors out of a file one by one, checks each shape, and knows in the end what was left over.
struct TensorStore {
  private let file: String
  private let prefix: String
  private var left: [String: StoredTensor]

  /// - Parameter tensors: by the names in the file. The backbone's are those with the prefix of the class
  ///   token's; others, such as a classifier's, are not looked at.
  init(_ tensors: [String: StoredTensor], file: String) throws(VisionTransformerError) {
    let token = "embeddings.cls_token"
    guard let name = tensors.keys.filter({ $0.hasSuffix(token) }).min() else {
      throw .missingTensor(file: file, name: token)
    }
    let prefix = String(name.dropLast(token.count))
    self.prefix = prefix
    self.file = file
    left = [:]
    for (name, tensor) in tensors where name.hasPrefix(prefix) {
      left[String(name.dropFirst(prefix.count))] = tensor
    }
    // Parts of the models that the tokens do not depend on.
    for ignored in ["embeddings.mask_token", "pooler.dense.weight", "pooler.dense.bias"] {
      left[ignored] = nil
    }
  }

  func has(_ name: String) -> Bool { left[name] != nil }

  /// One more than the highest layer that a tensor belongs to.
  var depth: Int {
    left.keys.compactMap { name in
      guard name.hasPrefix("encoder.layer.") else { return nil }
      return name.dropFirst("encoder.layer.".count).split(separator: ".").first.flatMap { Int($0) }
    }.max().map { $0 + 1 } ?? 0
  }

  func shape(_ name: String) throws(VisionTransformerError) -> [Int] {
    guard let tensor = left[name] else { throw .missingTensor(file: file, name: prefix + name) }
    return tensor.shape
  }

  /// Throws the error for a shape that is not as expected.
  func refuse(_ name: String, expected: String) throws(VisionTransformerError) -> Never {
    throw .wrongShape(file: file, name: prefix + name, found: try shape(name), expected: expected)
  }

  /// Removes the tensor and returns its values, and whether they are stored transposed.
  mutating func take(
    _ name: String, _ shape: [Int]
  ) throws(VisionTransformerError) -> (values: [Float], isTransposed: Bool) {
    guard try self.shape(name) == shape, let tensor = left.removeValue(forKey: name) else {
      try refuse(name, expected: "\(shape)")
    }
    let values = tensor.values()
    // x·0 is NaN just where x is not finite.
    guard values.reduce(0, { $0 + $1 * 0 }) == 0 else { throw .notFinite(file: file, name: prefix + name) }
    return (values, tensor.isTransposed)
  }

  /// Throws if tensors of the backbone were not taken.
  func expectEmpty() throws(VisionTransformerError) {
    if let name = left.keys.min() { throw .extraTensor(file: file, name: prefix + name) }
  }
}
