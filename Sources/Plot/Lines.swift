// Drawings of results: figures with intervals by size or setting, and predicted against actual effects.

import Foundation

/// One line of a drawing: points from left to right.
public struct Series: Sendable {
  /// A point with its interval; NaN for none.
  public struct Point: Sendable {
    /// Across.
    public var x: Double
    /// Up.
    public var y: Double
    /// Lower end of the interval of y.
    public var lower: Double
    /// Upper end of the interval of y.
    public var upper: Double

    /// A point with an interval.
    public init(x: Double, y: Double, lower: Double = .nan, upper: Double = .nan) {
      self.x = x
      self.y = y
      self.lower = lower
      self.upper = upper
    }
  }

  /// Its name in the key.
  public var name: String
  /// Its points.
  public var points: [Point]

  /// A named line.
  public init(name: String, points: [Point]) {
    self.name = name
    self.points = points
  }
}

extension Drawing {
  /// Lines through means, with bars for their intervals.
  ///
  /// - Parameters:
  ///   - isLogarithmic: Whether x is a logarithmic scale.
  ///   - zero: What stands at the line y = 0; nil without that line.
  public static func lines(
    title: String, subtitle: String, x: String, y: String, series: [Series], isLogarithmic: Bool,
    zero: String?
  ) -> Drawing {
    var drawing = Drawing(title: title, subtitles: [subtitle])
    let places = series.flatMap { $0.points.map(\.x) }
    let (low, high) = (places.min() ?? 0, places.max() ?? 1)
    // Lines stand a little apart, so that bars at the same x can be told from one another.
    let step = isLogarithmic ? pow(high / max(low, 1e-300), 0.008) : (high - low) * 0.008
    drawing.add(
      "set xlabel \(quoted(x))", "set ylabel \(quoted(y))", "set key outside right top Left reverse")
    drawing.add("set grid ytics lc rgb '#DDDDDD'")
    if isLogarithmic {
      drawing.add("set logscale x", "set xrange [\(low / 1.3):\(high * 1.3)]")
    } else {
      let margin = max((high - low) * 0.06, abs(high) * 0.01 + 1e-12)
      drawing.add("set xrange [\(low - margin):\(high + margin)]")
    }
    if let zero {
      drawing.add(
        "set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lw 1.5 dt 2 lc rgb '\(Colour.line)'",
        "set label 20 \(quoted(zero)) at graph 0.99, first 0 right offset 0,0.6 textcolor rgb '\(Colour.faint)'"
      )
    }
    var plots: [String] = []
    for (index, line) in series.enumerated() {
      let shift = Double(index) - Double(series.count - 1) / 2
      let rows = line.points.sorted { $0.x < $1.x }.map { point -> [Double] in
        let place = isLogarithmic ? point.x * pow(step, shift) : point.x + shift * step
        return [
          place, point.y, point.lower.isNaN ? point.y : point.lower,
          point.upper.isNaN ? point.y : point.upper,
        ]
      }
      if rows.isEmpty { continue }
      let colour = Colour.all[index % Colour.all.count]
      plots.append(
        "\(drawing.data(rows)) using 1:2:3:4 with yerrorlines lw 2 pt \(4 + index % 9) ps 1 lc rgb '\(colour)' "
          + "title \(quoted(line.name))")
    }
    drawing.add("plot " + plots.joined(separator: ", "))
    return drawing
  }

  /// Predicted effects across, actual ones up, with the line on which they are equal.
  public static func effects(title: String, subtitle: String, series: [Series]) -> Drawing {
    var drawing = Drawing(title: title, subtitles: [subtitle])
    drawing.add(
      "set xlabel 'predicted change of loss'", "set ylabel 'actual change of loss (retrained)'",
      "set key top left Left reverse")
    var plots: [String] = []
    for (index, kind) in series.enumerated() where !kind.points.isEmpty {
      let colour = Colour.all[(index * 2) % Colour.all.count]
      plots.append(
        "\(drawing.data(kind.points.map { [$0.x, $0.y] })) using 1:2 with points pt \(6 + index) ps 1.2 lw 2 "
          + "lc rgb '\(colour)' title \(quoted(kind.name))")
    }
    plots.append("x with lines lw 2 dt 2 lc rgb '\(Colour.line)' title 'predicted = actual'")
    let places = series.flatMap { $0.points.map(\.x) }
    let (low, high) = (min(0, places.min() ?? 0), max(0, places.max() ?? 1))
    let margin = max((high - low) * 0.05, 1e-9)
    drawing.add(
      "set xrange [\(low - margin):\(high + margin)]", "plot " + plots.joined(separator: ", "))
    return drawing
  }
}
