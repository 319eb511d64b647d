// How wide a text stands on a terminal, and as much of it as fits.

import CGlibc
import Glibc

/// Text for a terminal of some width.
package enum TerminalText {
  /// The locale by which the C library says how wide a character is, whatever the user's own is.
  nonisolated(unsafe) private static let locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)

  /// The columns of a character: 2 for wide ones, 0 for marks that join the one before; nil for control characters,
  /// which a terminal would obey.
  static func columns(_ scalar: Unicode.Scalar) -> Int? {
    if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F ? nil : 1 }
    let before = uselocale(locale)
    defer { uselocale(before) }
    let columns = wcwidth(wchar_t(scalar.value))
    return columns < 0 ? nil : Int(columns)
  }

  /// The beginning of a text that takes no more than some columns, on one line; an ellipsis where something is left
  /// out.
  package static func fitted(_ text: String, columns limit: Int) -> String {
    var fitting = String.UnicodeScalarView()
    // Up to where an ellipsis still fits.
    var (shortened, used) = (fitting, 0)
    for scalar in text.unicodeScalars {
      let columns = columns(scalar)
      used += columns ?? 1
      if used > limit { return limit > 0 ? String(shortened) + "…" : "" }
      fitting.append(columns == nil ? " " : scalar)
      if used < limit { shortened = fitting }
    }
    return String(fitting)
  }
}
