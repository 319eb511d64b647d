// Finds a backbone's tensors in an ONNX file: some by their names, the others through the graph.

import FoundationEssentials

/// Reads weights from ONNX.
///
/// PyTorch's exporter keeps the names of biases and norms. It folds the weights of linear layers, transposed, into
/// constants with generated names, and cuts the position embeddings into the class token's and the patches'. A
/// linear layer's weights are found as the constant of the MatMul whose result is added to the layer's bias;
/// the positions as the constants of the Concat that is added to the embeddings.
enum OnnxFile {
  private static let classToken = "embeddings.cls_token"
  private static let float32: UInt64 = 1
  private static let external: UInt64 = 1

  /// The tensors of the backbone under Hugging Face's names, without the backbone's own prefix.
  static func tensors(_ data: Data, file: String) throws(VisionTransformerError) -> [String: StoredTensor] {
    let graph: OnnxGraph
    do {
      graph = try OnnxGraph(ofModel: data)
    } catch {
      throw .malformed(file: file, reason: "\(error)")
    }
    var constants: [String: OnnxTensor] = [:]
    for tensor in graph.constants { constants[tensor.name] = tensor }
    guard let token = constants.keys.filter({ $0.hasSuffix(classToken) }).min() else {
      throw .missingTensor(file: file, name: classToken)
    }
    let prefix = token.dropLast(classToken.count)

    var found: [String: StoredTensor] = [:]
    for (name, tensor) in constants where name.hasPrefix(prefix) {
      found[String(name.dropFirst(prefix.count))] = try stored(tensor, name: name, file: file)
    }
    for (bias, weights) in linearWeights(graph, constants) where bias.hasPrefix(prefix) {
      let name = bias.dropFirst(prefix.count).dropLast("bias".count) + "weight"
      var tensor = try stored(weights, name: weights.name, file: file)
      tensor.shape.reverse()
      tensor.isTransposed = true
      found[String(name)] = tensor
    }
    if found["embeddings.position_embeddings"] == nil,
      let positions = positions(graph, constants, token: token)
    {
      var tensor = try stored(positions.classToken, name: positions.classToken.name, file: file)
      let patches = try stored(positions.patches, name: positions.patches.name, file: file)
      guard patches.shape.count == 3, tensor.shape == [1, 1, patches.shape[2]] else {
        throw .wrongShape(
          file: file, name: positions.classToken.name, found: tensor.shape, expected: "[1, 1, width]")
      }
      tensor.bytes += patches.bytes
      tensor.shape[1] += patches.shape[1]
      found["embeddings.position_embeddings"] = tensor
    }
    return found
  }

  /// Bias name → the constant of the MatMul that it is added to.
  private static func linearWeights(
    _ graph: OnnxGraph, _ constants: [String: OnnxTensor]
  ) -> [(bias: String, weights: OnnxTensor)] {
    var products: [String: OnnxTensor] = [:]
    for node in graph.nodes
    where node.operation == "MatMul" && node.inputs.count == 2 && node.outputs.count == 1 {
      if let weights = constants[node.inputs[1]] { products[node.outputs[0]] = weights }
    }
    var result: [(bias: String, weights: OnnxTensor)] = []
    for node in graph.nodes where node.operation == "Add" && node.inputs.count == 2 {
      for (bias, product) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
        if bias.hasSuffix(".bias"), constants[bias] != nil, let weights = products[product] {
          result.append((bias, weights))
        }
      }
    }
    return result
  }

  /// The position embeddings of the class token and of the patches.
  ///
  /// Both operands of an addition are a Concat: the first of the class token and the patches, the second of their
  /// positions. Each Concat's parts are followed back to their constants through the first input of shape, type
  /// and size changes.
  private static func positions(
    _ graph: OnnxGraph, _ constants: [String: OnnxTensor], token: String
  ) -> (classToken: OnnxTensor, patches: OnnxTensor)? {
    var producers: [String: OnnxNode] = [:]
    for node in graph.nodes { for output in node.outputs { producers[output] = node } }
    let transparent: Set = ["Reshape", "Transpose", "Resize", "Cast", "Expand", "Unsqueeze", "Identity"]
    func constant(_ value: String) -> OnnxTensor? {
      var value = value
      // Bounded, for a file may hold a graph that goes in circles.
      for _ in 0..<graph.nodes.count {
        if let tensor = constants[value] { return tensor }
        guard let node = producers[value], transparent.contains(node.operation), let next = node.inputs.first
        else { return nil }
        value = next
      }
      return nil
    }
    func parts(_ value: String) -> [OnnxTensor?]? {
      guard let node = producers[value], node.operation == "Concat", node.inputs.count == 2 else {
        return nil
      }
      return node.inputs.map(constant)
    }
    for node in graph.nodes where node.operation == "Add" && node.inputs.count == 2 {
      guard let left = parts(node.inputs[0]), let right = parts(node.inputs[1]) else { continue }
      for (embeddings, positions) in [(left, right), (right, left)] {
        if embeddings[0]?.name == token, let first = positions[0], let rest = positions[1] {
          return (first, rest)
        }
      }
    }
    return nil
  }

  private static func stored(
    _ tensor: OnnxTensor, name: String, file: String
  ) throws(VisionTransformerError) -> StoredTensor {
    guard tensor.location != external else {
      throw .malformed(file: file, reason: "the tensor '\(name)' is kept in another file")
    }
    guard tensor.type == float32 else {
      throw .malformed(
        file: file, reason: "the tensor '\(name)' has ONNX type \(tensor.type), expected float (1)")
    }
    let (shape, bytes) = (tensor.shape, tensor.bytes)
    guard let count = elementCount(shape), count <= bytes.count, bytes.count == count * 4 else {
      throw .malformed(
        file: file, reason: "the tensor '\(name)' of shape \(shape) has \(bytes.count) bytes of data")
    }
    return StoredTensor(shape: shape, element: .float32, bytes: bytes)
  }
}
