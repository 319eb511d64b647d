// Finds a backbone's tensors in an ONNX file: some by their names, the others through the graph.

import FoundationEssentials
import SwiftProtobuf

/// Reads weights from ONNX.
///
/// PyTorch's exporter keeps the names of biases and norms. It folds the weights of linear layers, transposed, into
/// constants with generated names, and cuts the position embeddings into the class token's and the patches'. A
/// linear layer's weights are found as the constant of the MatMul whose result is added to the layer's bias;
/// the positions as the constants of the Concat that is added to the embeddings.
enum OnnxFile {
  private static let classToken = "embeddings.cls_token"
  private static let float32: Int32 = 1
  private static let external: Int32 = 1

  /// The tensors of the backbone under Hugging Face's names, without the backbone's own prefix.
  static func tensors(_ data: Data, file: String) throws(VisionTransformerError) -> [String: StoredTensor] {
    var options = BinaryDecodingOptions()
    options.discardUnknownFields = true
    let graph: Onnx_GraphProto
    do {
      graph = try Onnx_ModelProto(serializedBytes: data, options: options).graph
    } catch {
      throw .malformed(file: file, reason: "\(error)")
    }
    var constants: [String: Onnx_TensorProto] = [:]
    for tensor in graph.initializer { constants[tensor.name] = tensor }
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
    _ graph: Onnx_GraphProto, _ constants: [String: Onnx_TensorProto]
  ) -> [(bias: String, weights: Onnx_TensorProto)] {
    var products: [String: Onnx_TensorProto] = [:]
    for node in graph.node where node.opType == "MatMul" && node.input.count == 2 && node.output.count == 1 {
      if let weights = constants[node.input[1]] { products[node.output[0]] = weights }
    }
    var result: [(bias: String, weights: Onnx_TensorProto)] = []
    for node in graph.node where node.opType == "Add" && node.input.count == 2 {
      for (bias, product) in [(node.input[0], node.input[1]), (node.input[1], node.input[0])] {
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
    _ graph: Onnx_GraphProto, _ constants: [String: Onnx_TensorProto], token: String
  ) -> (classToken: Onnx_TensorProto, patches: Onnx_TensorProto)? {
    var producers: [String: Onnx_NodeProto] = [:]
    for node in graph.node { for output in node.output { producers[output] = node } }
    let transparent: Set = ["Reshape", "Transpose", "Resize", "Cast", "Expand", "Unsqueeze", "Identity"]
    func constant(_ value: String) -> Onnx_TensorProto? {
      var value = value
      // Bounded, for a file may hold a graph that goes in circles.
      for _ in 0..<graph.node.count {
        if let tensor = constants[value] { return tensor }
        guard let node = producers[value], transparent.contains(node.opType), let next = node.input.first
        else { return nil }
        value = next
      }
      return nil
    }
    func parts(_ value: String) -> [Onnx_TensorProto?]? {
      guard let node = producers[value], node.opType == "Concat", node.input.count == 2 else { return nil }
      return node.input.map(constant)
    }
    for node in graph.node where node.opType == "Add" && node.input.count == 2 {
      guard let left = parts(node.input[0]), let right = parts(node.input[1]) else { continue }
      for (embeddings, positions) in [(left, right), (right, left)] {
        if embeddings[0]?.name == token, let first = positions[0], let rest = positions[1] {
          return (first, rest)
        }
      }
    }
    return nil
  }

  private static func stored(
    _ tensor: Onnx_TensorProto, name: String, file: String
  ) throws(VisionTransformerError) -> StoredTensor {
    guard tensor.dataLocation != external else {
      throw .malformed(file: file, reason: "the tensor '\(name)' is kept in another file")
    }
    guard tensor.dataType == float32 else {
      throw .malformed(
        file: file, reason: "the tensor '\(name)' has ONNX type \(tensor.dataType), expected float (1)")
    }
    let shape = tensor.dims.map { Int($0) }
    var bytes = tensor.rawData
    if bytes.isEmpty {
      bytes = tensor.floatData.withUnsafeBytes { Data($0) }
    }
    guard let count = elementCount(shape), count <= bytes.count, bytes.count == count * 4 else {
      throw .malformed(
        file: file, reason: "the tensor '\(name)' of shape \(shape) has \(bytes.count) bytes of data")
    }
    return StoredTensor(shape: shape, element: .float32, bytes: bytes)
  }
}
