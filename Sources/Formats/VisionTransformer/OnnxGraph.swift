// The parts of an ONNX model that weights are found by; numbers of fields as in the format's description, onnx.proto.

import FoundationEssentials

/// A model's graph: what it computes, and its constants.
package struct OnnxGraph {
  package var nodes: [OnnxNode] = []
  package var constants: [OnnxTensor] = []

  /// The graph of a model. As the format has it, a field that stands twice is merged.
  package init(ofModel data: Data) throws(WireError) {
    var model = WireReader(data)
    while let (field, value) = try model.next() {
      if field == 7 { try merge(try OnnxField.bytes(value, "graph", data)) }
    }
  }

  private mutating func merge(_ data: Data) throws(WireError) {
    var graph = WireReader(data)
    while let (field, value) = try graph.next() {
      switch field {
      case 1: nodes.append(try OnnxNode(try OnnxField.bytes(value, "node", data)))
      case 5: constants.append(try OnnxTensor(try OnnxField.bytes(value, "initializer", data)))
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

  package init(_ data: Data) throws(WireError) {
    var node = WireReader(data)
    while let (field, value) = try node.next() {
      switch field {
      case 1: inputs.append(try OnnxField.text(value, "input", data))
      case 2: outputs.append(try OnnxField.text(value, "output", data))
      case 4: operation = try OnnxField.text(value, "op_type", data)
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

  package init(_ data: Data) throws(WireError) {
    var (raw, floats) = (Data(), Data())
    var tensor = WireReader(data)
    while let (field, value) = try tensor.next() {
      switch field {
      case 1: shape += try OnnxField.numbers(value, "dims", data).map { Int(truncatingIfNeeded: $0) }
      case 2: type = try OnnxField.number(value, "data_type", data)
      case 4: floats += try OnnxField.floats(value, "float_data", data)
      case 8: name = try OnnxField.text(value, "name", data)
      case 9: raw = try OnnxField.bytes(value, "raw_data", data)
      case 14: location = try OnnxField.number(value, "data_location", data)
      default: break
      }
    }
    bytes = raw.isEmpty ? floats : raw
  }
}

/// Values of fields as the types that the description gives them.
private enum OnnxField {
  static func number(_ value: WireValue, _ name: String, _ message: Data) throws(WireError) -> UInt64 {
    guard case .number(let number) = value else { throw wrong(name, message) }
    return number
  }

  static func bytes(_ value: WireValue, _ name: String, _ message: Data) throws(WireError) -> Data {
    guard case .bytes(let bytes) = value else { throw wrong(name, message) }
    return bytes
  }

  static func text(_ value: WireValue, _ name: String, _ message: Data) throws(WireError) -> String {
    guard let text = String(validating: try bytes(value, name, message), as: UTF8.self) else {
      throw wrong(name, message)
    }
    return text
  }

  /// A repeated number: one a field, or packed one after another.
  static func numbers(_ value: WireValue, _ name: String, _ message: Data) throws(WireError) -> [UInt64] {
    if case .number(let number) = value { return [number] }
    var reader = WireReader(try bytes(value, name, message))
    var numbers: [UInt64] = []
    while !reader.isAtEnd { numbers.append(try reader.number()) }
    return numbers
  }

  /// The bytes of repeated float32 numbers: one a field, or packed.
  static func floats(_ value: WireValue, _ name: String, _ message: Data) throws(WireError) -> Data {
    switch value {
    case .fixed(let data) where data.count == 4: return data
    case .bytes(let data) where data.count % 4 == 0: return data
    default: throw wrong(name, message)
    }
  }

  private static func wrong(_ name: String, _ message: Data) -> WireError {
    WireError(
      offset: message.startIndex, reason: "a message has a field '\(name)' of another type than ONNX gives it"
    )
  }
}
