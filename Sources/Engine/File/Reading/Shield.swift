// Characters of the private use area that stand for YAML's flow indicators inside `${…}` and `stage[…]`.

/// Hides `{ } [ ] ,` of bare references from a YAML reader, and shows them again.
enum Shield {
  private static let hidden: [Unicode.Scalar: Unicode.Scalar] = [
    "{": "\u{E000}", "}": "\u{E001}", "[": "\u{E002}", "]": "\u{E003}", ",": "\u{E004}",
  ]
  private static let shown: [Unicode.Scalar: Unicode.Scalar] = [
    "\u{E000}": "{", "\u{E001}": "}", "\u{E002}": "[", "\u{E003}": "]", "\u{E004}": ",",
  ]

  /// Hides `${…}` and `name[…]`, each within its line.
  static func hide(_ scalars: inout [Unicode.Scalar]) {
    var index = 0
    while index < scalars.count {
      switch scalars[index] {
      case "$" where index + 1 < scalars.count && scalars[index + 1] == "{":
        if let end = close(scalars, after: index + 1, with: "}") {
          hide(&scalars, index + 1...end)
          index = end
        }
      case "[" where index > 0 && isNameScalar(scalars[index - 1]):
        if let end = close(scalars, after: index, with: "]") {
          hide(&scalars, index...end)
          index = end
        }
      default: break
      }
      index += 1
    }
  }

  /// Shows what was hidden.
  static func reveal(_ text: String) -> String {
    // Stand-ins start with the byte EE in UTF-8, which hardly any text has.
    guard text.utf8.contains(0xEE) else { return text }
    var view = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { view.append(shown[scalar] ?? scalar) }
    return String(view)
  }

  private static func hide(_ scalars: inout [Unicode.Scalar], _ range: ClosedRange<Int>) {
    for index in range { scalars[index] = hidden[scalars[index]] ?? scalars[index] }
  }

  /// The index of the closing bracket on the same line, if nothing on the way speaks against a reference.
  private static func close(
    _ scalars: [Unicode.Scalar], after open: Int, with bracket: Unicode.Scalar
  ) -> Int? {
    // No reference is longer than this; without a bound, a line of open brackets would cost its square.
    for index in open + 1..<min(scalars.count, open + 1000) {
      let scalar = scalars[index]
      if scalar == bracket { return index }
      if SourceText.endsLine(scalar) || scalar == scalars[open] { return nil }
      // A quote ends the scalar, and what lies behind it are brackets of YAML's own.
      if scalar == "\"" || scalar == "'" { return nil }
    }
    return nil
  }

  private static func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "-": true
    default: false
    }
  }
}
