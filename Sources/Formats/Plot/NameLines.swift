// The names of a drawing's series as lines below it, each name as wide as it is: in gnuplot's own key all have the room of
// the widest, which takes a third of a column of a paper.

/// Names of series with their points, below the axis.
struct NameLines: Sendable, Equatable {
  /// A name, and the point that stands for it.
  struct Name: Sendable, Equatable {
    var text: String
    /// The command's words for the point.
    var point: String
  }

  /// A word before the first.
  var lead: String
  var names: [Name]

  /// A line of names is so high, in the height of a character.
  private static let height = 1.15
  /// A letter is so wide in the width of a digit, by which gnuplot counts: names are smaller than the drawing's other texts.
  private static let letter = 0.7

  /// Commands that write the names, and make room for them.
  ///
  /// - Parameters:
  ///   - width: What fits beside each other, in the width of a digit.
  ///   - labelLines: The lines of the axis's label above them.
  func commands(width: Double, labelLines: Int = 1) -> [String] {
    var lines: [[(place: Double, name: Name)]] = [[]]
    var place = Double(lead.count) * Self.letter + 1.2
    for name in names {
      let room = Double(name.text.count) * Self.letter + 3.2
      if place + room > width - 3, place > 0 {
        lines.append([])
        place = 0
      }
      lines[lines.count - 1].append((place, name))
      place += room
    }
    func y(_ line: Int) -> Double { (Double(lines.count - line) - 0.4) * Self.height }
    var commands = ["set label 100 \(quoted(lead)) at character 2, character \(y(0)) left font ',13'"]
    for (number, line) in lines.enumerated() {
      for (place, name) in line {
        // The point stands at the place, the name behind it.
        commands.append(
          "set label \(100 + commands.count) \(quoted(name.text)) at character \(place + 2.8), "
            + "character \(y(number)) left point \(name.point) offset character 0.9,-0.2 font ',13'")
      }
    }
    let room = Double(lines.count) * Self.height + 2.1 + 1.2 * Double(labelLines)
    return ["unset key", "set bmargin \(room)"] + commands
  }
}
