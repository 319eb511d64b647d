// How a drawing looks in a paper.

/// Size, labels and title of a drawing for a paper.
public struct PaperStyle: Sendable, Equatable {
  /// Width in millimetres; a column of many journals has 85.
  public var width: Double
  /// Height in millimetres.
  public var height: Double
  /// The size of its texts in points.
  public var points: Double
  /// The title; empty for none.
  public var title: String
  /// The label of the horizontal axis; nil for the drawing's own.
  public var xLabel: String?
  /// The label of the vertical axis; nil for the drawing's own.
  public var yLabel: String?

  /// A style.
  public init(
    width: Double, height: Double, points: Double, title: String, xLabel: String? = nil, yLabel: String? = nil
  ) {
    (self.width, self.height, self.points) = (width, height, points)
    (self.title, self.xLabel, self.yLabel) = (title, xLabel, yLabel)
  }

  /// By how much gnuplot enlarges a font of 15 points. Its terminal for PDF takes four thirds of the size that it is told:
  /// 96 points an inch, where a page has 72.
  var fontScale: Double { points / 15 * 0.75 }

  /// How many digits have room beside each other: in DejaVu one is somewhat less than two thirds as wide as it is high.
  var digits: Double { width / 25.4 * 72 / (0.65 * points) }

  /// What stands between the lines of a text.
  static let lineEnd = ".\"\\n\"."

  /// A command of the drawing, with the style's labels, and with what stands beside a wide drawing above a narrow one.
  func fitted(_ command: String) -> String {
    if command.hasPrefix("set key outside") {
      return "set key tmargin center horizontal Left reverse samplen 1.2 spacing 0.9 font ',13'"
    }
    for (name, label, length) in [("set xlabel", xLabel, width), ("set ylabel", yLabel, height)]
    where command.hasPrefix(name + " '") {
      let text = label.map(quoted) ?? String(command.dropFirst(name.count + 1))
      return "\(name) \(wrapped(text, length))"
    }
    if command.hasPrefix("set ytics ('0' 0, ") { return thinned(command) }
    return command
  }

  /// A text in quotes as lines that fit into so many millimetres, all but the margins. A line end stands in double quotes,
  /// and nothing else: in those gnuplot would expand the text.
  func wrapped(_ quoted: String, _ millimetres: Double) -> String {
    // DejaVu's letters are somewhat more than half as wide as they are high.
    let most = Int(0.85 * millimetres / 25.4 * 72 / (0.56 * points))
    var lines: [String] = []
    for word in quoted.dropFirst().dropLast().split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= most {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines.isEmpty ? "''" : lines.map { "'\($0)'" }.joined(separator: Self.lineEnd)
  }

  /// The marks of a scale of decades on both sides of 0, every second or third of them where all would touch.
  private func thinned(_ command: String) -> String {
    let marks = command.dropFirst("set ytics (".count).dropLast().components(", ")
    let decades = (marks.count - 1) / 2
    // The room for marks is some half of the height; one takes twice its font.
    let room = max(2, Int(0.5 * height / 25.4 * 72 / (2 * points) / 2))
    let step = (decades + room - 1) / room
    if step < 2 { return command }
    // From the outermost inwards; the least would touch the 0.
    let kept = marks.enumerated().filter { place, _ in
      let decade = (place - 1) / 2
      return place == 0 || decade > 0 && (decades - 1 - decade) % step == 0
    }
    return "set ytics (\(kept.map(\.element).joined(separator: ", ")))"
  }
}

extension Substring {
  /// What stands between separators.
  fileprivate func components(_ separator: String) -> [String] {
    self.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}
