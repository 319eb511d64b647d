// How a drawing looks in a paper.

import Wording

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

  /// A command of the drawing, with the style's labels, and with what stands beside a wide drawing above a narrow one.
  func fitted(_ command: String) -> String {
    if command.hasPrefix("set key outside") {
      return "set key tmargin center horizontal Left reverse samplen 1.5"
    }
    for (name, label) in [("set xlabel", xLabel), ("set ylabel", yLabel)] {
      if let label, command.hasPrefix(name + " ") { return "\(name) \(quoted(label))" }
    }
    return command
  }
}
