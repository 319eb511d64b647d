// JSON that can be written as Swift literals, for the schema's sake.

import PipelineCore

/// A piece of a JSON Schema.
struct Schema {
  var value: PipelineCore.Value

  init(_ value: PipelineCore.Value) { self.value = value }

  static func string(_ text: String) -> Schema { Schema(.string(text)) }
  static func integer(_ number: Int) -> Schema { Schema(.integer(number)) }
  static func number(_ number: Double) -> Schema { Schema(.number(number)) }
  static func list(_ values: [Schema]) -> Schema { Schema(.list(values.map(\.value))) }
  static func map(_ values: [String: Schema]) -> Schema { Schema(.map(values.mapValues(\.value))) }
}

extension Schema: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  init(stringLiteral value: String) { self = .string(value) }
  init(booleanLiteral value: Bool) { self.init(.boolean(value)) }
  init(integerLiteral value: Int) { self = .integer(value) }
  init(arrayLiteral elements: Schema...) { self = .list(elements) }
  init(dictionaryLiteral elements: (String, Schema)...) {
    self = .map(Dictionary(uniqueKeysWithValues: elements))
  }
}

extension Value {
  /// The JSON text with an entry a line, keys sorted.
  func indented(_ indent: String = "") -> String {
    let inner = indent + "  "
    switch self {
    case .list(let values) where values.contains(where: \.isDeep):
      return "[\n" + values.map { inner + $0.indented(inner) }.joined(separator: ",\n") + "\n\(indent)]"
    case .map(let values) where !values.isEmpty:
      let lines = values.sorted { $0.key < $1.key }.map { key, value in
        "\(inner)\(Value.string(key).json): \(value.indented(inner))"
      }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
    default: return json
    }
  }

  private var isDeep: Bool {
    switch self {
    case .list(let values): !values.isEmpty
    case .map(let values): !values.isEmpty
    default: false
    }
  }
}
