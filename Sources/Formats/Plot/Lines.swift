// Drawings of results: figures with intervals by size or setting, and predicted against actual effects.

import Glibc
import Wording

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
    /// Whether a dagger stands beside it: a result behind it is not to be trusted.
    public var isMarked: Bool

    /// A point with an interval.
    public init(
      x: Double, y: Double, lower: Double = .nan, upper: Double = .nan, isMarked: Bool = false
    ) {
      self.x = x
      self.y = y
      self.lower = lower
      self.upper = upper
      self.isMarked = isMarked
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

/// How y is divided, so that small figures beside huge ones can be read.
private enum Scale {
  case linear, logarithmic
  /// Linear around 0 up to the unit, logarithmic beyond, on both sides.
  case symmetric(unit: Double)

  /// The scale of some lines; only differences have two sides.
  init(_ series: [Series], isDifference: Bool) {
    let points = series.flatMap(\.points)
    let sizes = points.map { abs($0.y) }.filter { $0 > 0 && $0.isFinite }.sorted()
    let ends = points.flatMap { [abs($0.y), abs($0.lower), abs($0.upper)] }.filter(\.isFinite)
    self = .linear
    guard let least = sizes.first, let most = sizes.last else { return }
    let typical = sizes[sizes.count / 2]
    if isDifference {
      if (ends.max() ?? 0) > 100 * typical { self = .symmetric(unit: pow(10, floor(log10(typical)))) }
    } else if most > 50 * least, points.allSatisfy({ !($0.y <= 0) }) {
      self = .logarithmic
    }
  }
}

/// The places of lines that stand a little apart, so that bars at the same x can be told from one another.
private struct SideBySide {
  private let isLogarithmic: Bool
  private let count: Int
  private let step: Double
  /// Commands for the scale of x.
  let commands: [String]

  /// They are apart by a share of the width, or less where all of them together would take a third of the way to the
  /// next x.
  init(_ series: [Series], isLogarithmic: Bool, share: Double) {
    self.isLogarithmic = isLogarithmic
    count = series.count
    let places = series.flatMap { $0.points.map(\.x) }
    let (low, high) = (places.min() ?? 0, places.max() ?? 1)
    let distinct = Set(places).sorted().map { isLogarithmic ? log($0) : $0 }
    let width = (distinct.last ?? 1) - (distinct.first ?? 0)
    let next = zip(distinct, distinct.dropFirst()).map { $1 - $0 }.min() ?? width
    let apart = min(share * width, next / 3 / Double(max(1, count - 1)))
    step = isLogarithmic ? exp(apart) : apart
    let spread = apart * Double(count - 1) / 2
    if isLogarithmic {
      commands = ["set logscale x", "set xrange [\(low / 1.3 / exp(spread)):\(high * 1.3 * exp(spread))]"]
    } else {
      let margin = max((high - low) * 0.06, abs(high) * 0.01 + 1e-12) + spread
      commands = ["set xrange [\(low - margin):\(high + margin)]"]
    }
  }

  /// Where a point at `x` of the line with a number stands.
  func place(_ x: Double, of line: Int) -> Double {
    let shift = Double(line) - Double(count - 1) / 2
    return isLogarithmic ? x * pow(step, shift) : x + shift * step
  }
}

extension Drawing {
  /// Says what a dagger beside a point means, if there is one.
  private mutating func explainMarks(_ series: [Series], at place: String) {
    guard series.contains(where: { $0.points.contains(where: \.isMarked) }) else { return }
    add(
      "set label 30 '† a solver behind the point did not converge' at \(place) font ',12' "
        + "textcolor rgb '\(Colour.faint)'")
  }

  /// Commands for the scale of y over the ends of some rows.
  private mutating func divide(_ scale: Scale, _ series: [Series], y name: String) {
    switch scale {
    case .linear: break
    case .logarithmic:
      let least = series.flatMap { $0.points.map(\.y) }.filter { $0 > 0 }.min() ?? 1
      add("set logscale y", "set yrange [\(least / 2):*]", "set format y '%g'")
    case .symmetric(let unit):
      let ends = series.flatMap { $0.points.flatMap { [$0.y, $0.lower, $0.upper] } }.filter(\.isFinite)
      let (low, high) = (min(ends.min() ?? 0, -unit), max(ends.max() ?? 0, unit))
      var tics = ["'0' 0"]
      var tick = unit
      while tick <= max(-low, high) {
        let text = printed(tick, "%g")
        tics += ["'\(text)' \(tick)", "'−\(text)' \(-tick)"]
        tick *= 10
      }
      add(
        "set ylabel \(quoted("\(name) (logarithmic beyond ±\(printed(unit, "%g")))"))",
        "set nonlinear y via asinh(y/\(unit)) inverse \(unit)*sinh(y)",
        "set yrange [\(low * 1.5):\(high * 3)]", "set ytics (\(tics.joined(separator: ", ")))")
    }
  }

  /// Lines through means, with bars for their intervals. Of two places none: there is nothing between them that a line would
  /// show.
  ///
  /// - Parameters:
  ///   - isLogarithmic: Whether x is a logarithmic scale.
  ///   - levels: What has one figure at every x: horizontal lines with their names.
  public static func lines(
    title: String, subtitle: String, x: String, y: String, series: [Series],
    levels: [(name: String, y: Double)] = [], isLogarithmic: Bool
  ) -> Drawing {
    var drawing = Drawing(title: title, subtitles: [subtitle])
    drawing.add(
      "set xlabel \(quoted(x))", "set ylabel \(quoted(y))", "set key outside right top Left reverse")
    let isJoined = Set(series.flatMap { $0.points.map(\.x) }).count > 2
    let side = SideBySide(series, isLogarithmic: isLogarithmic, share: 0.01)
    var plots = drawing.intervals(
      series, y: y, side, Scale(series, isDifference: false), style: isJoined ? "yerrorlines" : "yerrorbars"
    ) { " title \(quoted($0.name))" }
    for (index, level) in levels.enumerated() {
      let colour = Colour.all[(series.count + index) % Colour.all.count]
      plots.append(
        "\(level.y) with lines lw 2 dt \(2 + index % 4) lc rgb '\(colour)' title \(quoted(level.name))")
    }
    drawing.add("plot " + plots.joined(separator: ", "))
    return drawing
  }

  /// Mean differences as points, with bars for their intervals, side by side at their places; their names stand below.
  ///
  /// - Parameters:
  ///   - lead: A word before the names.
  ///   - isLogarithmic: Whether x is a logarithmic scale.
  ///   - zero: What the line y = 0 divides, in the upper left corner.
  public static func differences(
    title: String, subtitle: String, x: String, y: String, series: [Series], lead: String,
    isLogarithmic: Bool, zero: String
  ) -> Drawing {
    var drawing = Drawing(title: title, subtitles: [subtitle])
    drawing.add("set xlabel \(quoted(x))", "set ylabel \(quoted(y))")
    let places = Set(series.flatMap { $0.points.map(\.x) }).sorted()
    if places.count <= 8 {
      // Points stand beside their place: the marks say which places there are.
      drawing.add("set xtics (\(places.map { "'\(printed($0, "%g"))' \($0)" }.joined(separator: ", ")))")
    }
    drawing.add(
      "set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lw 1.5 dt 2 lc rgb '\(Colour.line)'",
      "set label 20 \(quoted(zero)) at graph 0.01, graph 0.97 font ',12' textcolor rgb '\(Colour.faint)'")
    let plots = drawing.intervals(
      series, y: y, SideBySide(series, isLogarithmic: isLogarithmic, share: 0.03),
      Scale(series, isDifference: true), style: "yerrorbars"
    ) { _ in " notitle" }
    drawing.names = NameLines(
      lead: lead,
      names: series.enumerated().filter { !$1.points.isEmpty }.map { index, line in
        NameLines.Name(text: line.name, point: point(index))
      })
    drawing.add("plot " + plots.joined(separator: ", "))
    return drawing
  }

  /// How the points of a series look.
  private static func point(_ index: Int) -> String {
    "lw 2 pt \(4 + index % 9) ps 1 lc rgb '\(Colour.all[index % Colour.all.count])'"
  }

  /// Adds the scales and the data of series with intervals.
  ///
  /// - Returns: What `plot` draws of them.
  private mutating func intervals(
    _ series: [Series], y name: String, _ side: SideBySide, _ scale: Scale, style: String,
    title: (Series) -> String
  ) -> [String] {
    add("set grid ytics lc rgb '#DDDDDD'")
    commands += side.commands
    divide(scale, series, y: name)
    explainMarks(series, at: "graph 0.01, graph 0.03")
    var plots: [String] = []
    for (index, line) in series.enumerated() where !line.points.isEmpty {
      let points = line.points.sorted { $0.x < $1.x }
      var rows = points.map { point in
        [
          side.place(point.x, of: index), point.y, point.lower.isNaN ? point.y : point.lower,
          point.upper.isNaN ? point.y : point.upper,
        ]
      }
      if case .logarithmic = scale {
        // An interval that reaches below 0 goes to the bottom.
        for row in rows.indices where rows[row][2] <= 0 { rows[row][2] = rows[row][1] * 1e-6 }
      }
      plots.append("\(data(rows)) using 1:2:3:4 with \(style) \(Self.point(index))\(title(line))")
      let marked = zip(rows, points).filter(\.1.isMarked).map { [$0.0[0], $0.0[1]] }
      if let marks = marks(marked, Colour.all[index % Colour.all.count]) { plots.append(marks) }
    }
    return plots
  }

  /// Daggers beside points; nil for none.
  private mutating func marks(_ places: [[Double]], _ colour: String) -> String? {
    if places.isEmpty { return nil }
    return "\(data(places)) using 1:2:('†') with labels offset 1,0.4 textcolor rgb '\(colour)' notitle"
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
      if let marks = drawing.marks(kind.points.filter(\.isMarked).map { [$0.x, $0.y] }, colour) {
        plots.append(marks)
      }
    }
    drawing.explainMarks(series, at: "graph 0.45, graph 0.03")
    plots.append("x with lines lw 2 dt 2 lc rgb '\(Colour.line)' title 'predicted = actual'")
    let places = series.flatMap { $0.points.map(\.x) }
    let (low, high) = (min(0, places.min() ?? 0), max(0, places.max() ?? 1))
    let margin = max((high - low) * 0.05, 1e-9)
    drawing.add(
      "set xrange [\(low - margin):\(high + margin)]", "plot " + plots.joined(separator: ", "))
    return drawing
  }
}
