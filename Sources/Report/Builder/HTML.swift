// HTML as it is written: every text from a pipeline, a log or an artifact is escaped here.

/// A piece of HTML under construction.
package struct HTML {
  package private(set) var source = ""

  package init() {}

  /// Adds markup of our own, in which nothing of the user's stands.
  package mutating func markup(_ text: String) { source += text }

  /// Adds text, escaped.
  package mutating func text(_ text: String) { source += Self.escaped(text) }

  /// Adds a text of the user's, apart from the direction of what stands around it.
  package mutating func foreign(_ text: String) { source += "<bdi>" + Self.escaped(text) + "</bdi>" }

  /// Adds an element with what `body` writes into it.
  package mutating func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ body: (inout HTML) -> Void
  ) {
    open(name, attributes)
    body(&self)
    source += "</\(name)>"
  }

  /// Adds an element with a text.
  package mutating func element(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String
  ) {
    element(name, attributes) { $0.text(text) }
  }

  /// Adds a part that scrolls by itself when it is wider or higher than the page, by keyboard too.
  package mutating func region(_ label: String, _ body: (inout HTML) -> Void) {
    element("div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": label], body)
  }

  /// Adds a table that scrolls by itself, with a heading of our own for each column; `rows` writes its body.
  package mutating func table(_ titles: [String], label: String, rows: (inout HTML) -> Void) {
    region(label) { html in
      html.markup("<table><thead><tr>")
      for title in titles { html.element("th", ["scope": "col"], text: title) }
      html.markup("</tr></thead><tbody>\n")
      rows(&html)
      html.markup("</tbody></table>")
    }
  }

  /// Adds the opening tag of an element.
  package mutating func open(_ name: String, _ attributes: KeyValuePairs<String, String> = [:]) {
    source += "<\(name)"
    for (key, value) in attributes { source += " \(key)=\"\(Self.escaped(value))\"" }
    source += ">"
  }

  /// A text in which nothing is markup, in elements and in quoted attributes. Control characters, which HTML forbids, and
  /// what would turn the direction of the text around it are shown as the replacement character.
  package static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value),
        "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
