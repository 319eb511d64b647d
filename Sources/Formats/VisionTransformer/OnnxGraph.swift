// The parts of an ONNX model that weights are found by; numbers of fields as in the format's description, onnx.proto.

import FoundationEssentials

/// A model's graph: what it computes, and its constants.
package struct OnnxGraph {
  package var nodes: [OnnxNode] = []
  package var constants: [OnnxTensor] = []

  /// The graph of a model. As the format has it, a field that stands twice is merged.
  package init(ofModel data: Data) throws(ProtobufError) {
    var model = ProtobufReader(data)
    while let field = try model.next() {
      if field.number == 7 { try merge(try field.bytes("graph")) }
    }
  }

  private mutating func merge(_ data: Data) throws(ProtobufError) {
    var graph = ProtobufReader(data)
    while let field = try graph.next() {
      switch field.number {
      case 1: nodes.append(try OnnxNode(try field.bytes("node")))
      case 5: constants.append(try OnnxTensor(try field.bytes("initializer")))
      default: break
      }
    }
  }
}

/// An operation of a graph, with the names of what goes in and comes out.
package struct OnnxNode {
  package var inputs: [String] = []
  package var outputs: [String] = []
  package var operation = ""

  package init(_ data: Data) throws(ProtobufError) {
    var node = ProtobufReader(data)
    while let field = try node.next() {
      switch field.number {
      case 1: inputs.append(try field.text("input"))
      case 2: outputs.append(try field.text("output"))
      case 4: operation = try field.text("op_type")
      default: break
      }
    }
  }
}

/// A constant of a graph.
package struct OnnxTensor {
  package var name = ""
  /// Lengths of the dimensions, outermost first.
  package var shape: [Int] = []
  /// The number of the element's type in ONNX: 1 is float32.
  package var type: UInt64 = 0
  /// 1 if the elements are kept in another file.
  package var location: UInt64 = 0
  /// The elements' bytes, little-endian, in C order.
  package var bytes = Data()

  package init(_ data: Data) throws(ProtobufError) {
    var (raw, floats) = (Data(), Data())
    var tensor = ProtobufReader(data)
    while let field = try tensor.next() {
      switch field.number {
      case 1: shape += try field.numbers("dims").map { Int(truncatingIfNeeded: $0) }
      case 2: type = try field.number("data_type")
      case 4: floats += try field.floats("float_data")
      case 8: name = try field.text("name")
      case 9: raw = try field.bytes("raw_data")
      case 14: location = try field.number("data_location")
      default: break
      }
    }
    bytes = raw.isEmpty ? floats : raw
  }
}

/// The values of fields as the types that the description gives them.
extension ProtobufField {
  fileprivate func number(_ name: String) throws(ProtobufError) -> UInt64 {
    guard case .number(let number) = value else { throw wrong(name) }
    return number
  }

  fileprivate func bytes(_ name: String) throws(ProtobufError) -> Data {
    guard case .bytes(let bytes) = value else { throw wrong(name) }
    return bytes
  }

  fileprivate func text(_ name: String) throws(ProtobufError) -> String {
    guard let text = String(validating: try bytes(name), as: UTF8.self) else { throw wrong(name) }
    return text
  }

  /// A repeated number: one a field, or packed one after another.
  fileprivate func numbers(_ name: String) throws(ProtobufError) -> [UInt64] {
    if case .number(let number) = value { return [number] }
    var reader = ProtobufReader(try bytes(name))
    var numbers: [UInt64] = []
    while !reader.isAtEnd { numbers.append(try reader.number()) }
    return numbers
  }

  /// The bytes of repeated float32 numbers: one a field, or packed.
  fileprivate func floats(_ name: String) throws(ProtobufError) -> Data {
    switch value {
    case .fixed(let data) where data.count == 4: return data
    case .bytes(let data) where data.count % 4 == 0: return data
    default: throw wrong(name)
    }
  }

  private func wrong(_ name: String) -> ProtobufError {
    ProtobufError(offset: offset, reason: "field '\(name)' has another type than ONNX gives it")
  }
}
