// Texts for readers: sentences broken between words where they are too long, and cells that Markdown leaves as they are.

/// Lines of text of a limited width.
enum TextLines {
  /// Breaks each text that is too long; all of its lines but the first are indented by two. A word that is longer than a
  /// line stays whole. Without a width nothing is broken.
  static func wrapped(_ texts: [String], width: Int?) -> [String] {
    guard let width else { return texts }
    return texts.flatMap { wrapped($0, width) }
  }

  /// A cell of a Markdown table: nothing in it ends the cell or begins a tag.
  static func inMarkdown(_ cell: String) -> String {
    cell.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("<", with: "\\<")
  }

  private static func wrapped(_ text: String, _ width: Int) -> [String] {
    guard text.count > width else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !line.allSatisfy({ $0 == " " }), line.count + 1 + word.count > width {
        lines.append(line)
        line = "  " + word
      } else {
        line += line.isEmpty && lines.isEmpty ? String(word) : " " + word
      }
    }
    return lines + [line]
  }
}
