// What an unquoted YAML scalar means: the core schema of YAML 1.2, without its not-numbers.

import PipelineCore

/// The meaning of unquoted scalars (YAML 1.2.2, section 10.3.2). So `yes`, `on` and `12:30` are text.
enum PlainScalar {
  /// Why a scalar can't be read.
  struct Problem: Error {
    var message: String
  }

  static func value(of text: String) -> Result<Value, Problem> {
    switch text {
    case "", "~", "null", "Null", "NULL": return .success(.null)
    case "true", "True", "TRUE": return .success(.boolean(true))
    case "false", "False", "FALSE": return .success(.boolean(false))
    case ".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF", "-.inf", "-.Inf", "-.INF", "+.inf", "+.Inf", "+.INF":
      return .failure(Problem(message: "'\(text)' is no finite number; quote it if it is text"))
    default: break
    }
    guard let first = text.utf8.first, (0x2B...0x39).contains(first) else { return .success(.string(text)) }
    let bytes = Array(text.utf8)
    if bytes.count > 2, first == UInt8(ascii: "0"),
      bytes[1] == UInt8(ascii: "x") || bytes[1] == UInt8(ascii: "o")
    {
      return based(text, radix: bytes[1] == UInt8(ascii: "x") ? 16 : 8)
    }
    switch shape(bytes) {
    case .text: return .success(.string(text))
    case .integer:
      let digits = bytes.drop { !isDigit($0) }
      if digits.count > 1, digits.first == UInt8(ascii: "0") {
        let message =
          "'\(text.shortened)' may mean octal or decimal; write 0o… for octal, or quote it if it is text"
        return .failure(Problem(message: message))
      }
      guard let value = Int(text) else {
        return .failure(Problem(message: "the integer \(text.shortened) is beyond 64 bits"))
      }
      return .success(.integer(value))
    case .number:
      // 1e-400 would be 0, as little what is meant as infinity is for 1e400.
      guard let value = Double(text), value.isFinite, value != 0 || text.digits.isEmpty else {
        return .failure(Problem(message: "the number \(text.shortened) is beyond the range of a double"))
      }
      // Minus zero equals zero, and equal values have equal keys.
      return .success(.number(value == 0 ? 0 : value))
    }
  }

  private static func based(_ text: String, radix: Int) -> Result<Value, Problem> {
    let digits = text.dropFirst(2)
    let isNumber = digits.utf8.allSatisfy { byte in
      isDigit(byte) ? radix == 16 || byte < UInt8(ascii: "8") : radix == 16 && isHexLetter(byte)
    }
    guard isNumber else { return .success(.string(text)) }
    guard let value = Int(digits, radix: radix) else {
      return .failure(Problem(message: "the integer \(text.shortened) is beyond 64 bits"))
    }
    return .success(.integer(value))
  }

  private enum Shape { case text, integer, number }

  /// `[-+]?[0-9]+` is an integer, `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?` a number.
  private static func shape(_ bytes: [UInt8]) -> Shape {
    var index = 0
    func digits() -> Int {
      let start = index
      while index < bytes.count, isDigit(bytes[index]) { index += 1 }
      return index - start
    }
    func take(_ characters: UInt8...) -> Bool {
      guard index < bytes.count, characters.contains(bytes[index]) else { return false }
      index += 1
      return true
    }
    _ = take(UInt8(ascii: "+"), UInt8(ascii: "-"))
    let whole = digits()
    if index == bytes.count { return whole > 0 ? .integer : .text }
    if take(UInt8(ascii: ".")) {
      let fraction = digits()
      if whole + fraction == 0 { return .text }
    } else if whole == 0 {
      return .text
    }
    if take(UInt8(ascii: "e"), UInt8(ascii: "E")) {
      _ = take(UInt8(ascii: "+"), UInt8(ascii: "-"))
      if digits() == 0 { return .text }
    }
    return index == bytes.count ? .number : .text
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isHexLetter(_ byte: UInt8) -> Bool { (0x41...0x46).contains(byte & 0xDF) }
}

extension String {
  /// The digits of a number from the first that is not 0 on, without its exponent: 310 of `3.10`, 31 of `3.1`.
  var digits: Substring {
    let mantissa = prefix { $0 != "e" && $0 != "E" }
    return mantissa.filter(\.isNumber)[...].drop { $0 == "0" }
  }
}
