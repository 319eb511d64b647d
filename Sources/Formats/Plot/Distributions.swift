// Drawings of one sample of distances: histogram, box plot, probability plot.

import Glibc
import Wording

/// A sample of distances and what its figures say.
public struct DistanceSample: Sendable {
  /// What the sample is of, as the first half of each title: "Label 0, CNN features".
  public var title: String
  /// What is measured, with its unit if it has one: "Euclidean distance to the mean".
  public var quantity: String
  /// The values, in any order.
  public var values: [Double]
  /// Their mean.
  public var mean: Double
  /// Their standard deviation, divisor n − 1.
  public var deviation: Double

  /// A sample to draw.
  public init(title: String, quantity: String, values: [Double], mean: Double, deviation: Double) {
    self.title = title
    self.quantity = quantity
    self.values = values
    self.mean = mean
    self.deviation = deviation
  }

  /// A title such as "Label 0: distances and the fitted normal law".
  func heading(_ what: String) -> String { title.isEmpty ? what.capitalisedFirst : "\(title): \(what)" }
}

extension String {
  /// The text with a capital first letter.
  var capitalisedFirst: String { prefix(1).uppercased() + dropFirst() }
}

extension Drawing {
  /// A histogram with the normal law of the sample's mean and deviation, scaled to the count.
  ///
  /// - Parameters:
  ///   - moments: What stands under the title after n.
  ///   - tests: The line under that: tests of normality.
  public static func histogram(_ sample: DistanceSample, moments: String, tests: [String]) -> Drawing {
    let n = sample.values.count
    let bins = Bins(covering: sample.values.sorted())
    var counts = [Int](repeating: 0, count: bins.count)
    for value in sample.values { counts[bins.bin(of: value)] += 1 }
    var drawing = Drawing(
      title: sample.heading("distances and the fitted normal law"),
      subtitles: [
        trimmed("n = \(count(n))   \(moments)"), tests.joined(separator: "   "),
      ])
    let bars = drawing.data(counts.enumerated().map { [bins.middle($0.offset), Double($0.element)] })
    let low = min(bins.start, sample.mean - 3.2 * sample.deviation)
    let high = max(bins.start + bins.width * Double(bins.count), sample.mean + 3.2 * sample.deviation)
    drawing.add(
      "set xlabel \(quoted(sample.quantity))",
      "set ylabel \(quoted("images in a bin of \(figure(bins.width, digits: 2))"))",
      "set xrange [\(low):\(high)]", "set yrange [0:*]", "set boxwidth \(bins.width)",
      "set style fill solid 0.55 border rgb 'white'", "set samples 400", "set key top right Left reverse",
      "area = \(Double(n) * bins.width)", "m = \(sample.mean)", "s = \(sample.deviation)",
      "plot \(bars) using 1:2 with boxes lc rgb '\(Colour.near)' title 'images', "
        + "area * exp(-0.5 * ((x - m) / s)**2) / (s * sqrt(2 * pi)) with lines lw 3 lc rgb '\(Colour.far)' "
        + "title \(quoted("normal law, mean \(figure(sample.mean)), deviation \(figure(sample.deviation))"))")
    return drawing
  }

  /// The five figures of a box plot and the values beyond the whiskers.
  public struct Box: Sendable {
    /// Lower quartile.
    public var q1: Double
    /// Median.
    public var median: Double
    /// Upper quartile.
    public var q3: Double
    /// End of the lower whisker.
    public var whiskerLow: Double
    /// End of the upper whisker.
    public var whiskerHigh: Double
    /// Values beyond the whiskers.
    public var outliers: [Double]

    /// The figures of a box plot.
    public init(
      q1: Double, median: Double, q3: Double, whiskerLow: Double, whiskerHigh: Double, outliers: [Double]
    ) {
      self.q1 = q1
      self.median = median
      self.q3 = q3
      self.whiskerLow = whiskerLow
      self.whiskerHigh = whiskerHigh
      self.outliers = outliers
    }
  }

  /// A lying box plot with its figures written at it.
  public static func boxPlot(_ sample: DistanceSample, box: Box) -> Drawing {
    let n = sample.values.count
    let share = figure(100 * Double(box.outliers.count) / Double(max(1, n)), digits: 2)
    var drawing = Drawing(
      title: sample.heading("box plot of the distances"),
      subtitles: [
        "n = \(count(n))   \(count(box.outliers.count)) outliers (\(share) %; a normal law has 0.7 %)",
        "whiskers reach to the last value within 1.5 quartile ranges",
      ], height: 560)
    let values = [box.whiskerLow, box.whiskerHigh] + box.outliers
    let low = values.min() ?? 0
    let high = values.max() ?? 1
    let margin = max((high - low) * 0.08, 1e-12)
    // Outliers that fall together are told apart by their height, which means nothing else.
    let outliers = box.outliers.enumerated().map {
      [$0.element, 0.06 * Double(($0.offset * 7) % 11 - 5) / 5]
    }
    let points = drawing.data(outliers.isEmpty ? [[low - 10 * margin, 0]] : outliers)
    drawing.add(
      "set border 1", "unset ytics", "unset key", "set yrange [-1:1]",
      "set xlabel \(quoted(sample.quantity))",
      "set xrange [\(low - margin):\(high + margin)]",
      "set object 1 rectangle from \(box.q1),-0.3 to \(box.q3),0.3 fc rgb '\(Colour.near)' fs solid 0.35 "
        + "border rgb '\(Colour.near)'",
      "set arrow 1 from \(box.median),-0.3 to \(box.median),0.3 nohead lw 4 lc rgb '\(Colour.line)' front",
      "set arrow 2 from \(box.whiskerLow),0 to \(box.q1),0 nohead lw 2 lc rgb '\(Colour.near)'",
      "set arrow 3 from \(box.q3),0 to \(box.whiskerHigh),0 nohead lw 2 lc rgb '\(Colour.near)'")
    for (tag, end) in [(4, box.whiskerLow), (5, box.whiskerHigh)] {
      drawing.add("set arrow \(tag) from \(end),-0.15 to \(end),0.15 nohead lw 2 lc rgb '\(Colour.near)'")
    }
    // Neighbouring figures stand at different heights, so that narrow boxes don't make them overlap.
    let labels: [(String, Double, Double)] = [
      ("whisker", box.whiskerLow, -0.32), ("q₁", box.q1, -0.52), ("median", box.median, 0.52),
      ("q₃", box.q3, -0.72), ("whisker", box.whiskerHigh, -0.32),
    ]
    for (tag, label) in labels.enumerated() {
      drawing.add(
        "set label \(10 + tag) \(quoted("\(label.0) \(figure(label.1))")) at \(label.1),\(label.2) center")
    }
    drawing.add(
      "plot \(points) using 1:2 with points pt 6 ps 1 lw 1.5 lc rgb '\(Colour.far)' title 'outliers'")
    return drawing
  }

  /// The most points of a probability plot that are drawn one by one.
  static let mostPoints = 4000

  /// Ordered values against normal order statistic medians, with the least-squares line.
  public static func probabilityPlot(
    _ sample: DistanceSample, theoretical: [Double], ordered: [Double], slope: Double, intercept: Double,
    r: Double
  ) -> Drawing {
    let n = ordered.count
    // Of a large sample the tails are drawn whole, and of the dense middle every so many.
    let step = max(1, n / mostPoints)
    let tail = step == 1 ? n : 500
    let shown = (0..<n).filter { $0 < tail || $0 >= n - tail || $0 % step == 0 }
    let thinned = step == 1 ? "" : "   (every \(step)th of the middle is drawn)"
    var drawing = Drawing(
      title: sample.heading("normal probability plot of the distances"),
      subtitles: [
        "n = \(count(n))   r = \(figure(r, digits: 5))\(thinned)",
        "least-squares line: \(figure(slope)) · quantile + \(figure(intercept))",
      ])
    let points = drawing.data(shown.map { [theoretical[$0], ordered[$0]] })
    drawing.add(
      "set xlabel 'quantile of the standard normal law'", "set ylabel \(quoted(sample.quantity))",
      "set key top left Left reverse",
      "plot \(points) using 1:2 with points pt 7 ps 0.6 lc rgb '\(Colour.near)' title 'images, in order', "
        + "\(slope) * x + \(intercept) with lines lw 3 lc rgb '\(Colour.far)' title 'a normal law lies on this line'"
    )
    return drawing
  }
}
