// Drawings of near and far images: cluster bands, contact sheets, influence by distance.

import Wording

/// One cluster of a band drawing.
public struct BandShare: Sendable {
  /// Its name: "near", "cluster 3".
  public var name: String
  /// Share of the images in it.
  public var fraction: Double
  /// Share that a normal law would have there; nil where the clusters are no bands of the distance.
  public var normalFraction: Double?

  /// A cluster's shares.
  public init(name: String, fraction: Double, normalFraction: Double?) {
    self.name = name
    self.fraction = fraction
    self.normalFraction = normalFraction
  }
}

/// A correlation with its 95 % interval.
public struct IntervalFigure: Sendable {
  /// The coefficient.
  public var value: Double
  /// Lower end of the 95 % interval.
  public var lower: Double
  /// Upper end of the 95 % interval.
  public var upper: Double

  /// A figure with its interval.
  public init(value: Double, lower: Double, upper: Double) {
    self.value = value
    self.lower = lower
    self.upper = upper
  }

  /// "0.412 (0.38 to 0.44)".
  var text: String {
    "\(figure(value, digits: 3)) (\(figure(lower, digits: 3)) to \(figure(upper, digits: 3)))"
  }
}

extension Drawing {
  /// A histogram of the distances in which each cluster has a colour.
  ///
  /// - Parameters:
  ///   - assignment: The cluster of each of the sample's values.
  ///   - thresholds: Distances at which bands end; none for other clusters.
  ///   - note: What stands under the title after n.
  public static func bands(
    _ sample: DistanceSample, assignment: [UInt8], shares: [BandShare], thresholds: [Double], note: String
  ) -> Drawing {
    let bins = Bins(covering: sample.values.sorted())
    var counts = [[Int]](repeating: [Int](repeating: 0, count: bins.count), count: shares.count)
    for (value, cluster) in zip(sample.values, assignment) { counts[Int(cluster)][bins.bin(of: value)] += 1 }
    var drawing = Drawing(
      title: sample.heading("clusters by distance"),
      subtitles: ["n = \(count(sample.values.count))   \(note)"])
    // Stacked: a bar reaches from the sum of the clusters before it to its own top.
    let rows = (0..<bins.count).map { bin -> [Double] in
      var sum = 0
      return [bins.middle(bin)]
        + counts.map {
          sum += $0[bin]; return Double(sum)
        }
    }
    let data = drawing.data(rows)
    // The key stands above the tallest bar, whatever the shape.
    let tallest = max(1, rows.compactMap(\.last).max() ?? 1)
    let headroom = 1.2 + 0.06 * Double(shares.count)
    drawing.add(
      "set xlabel \(quoted(sample.quantity))",
      "set ylabel \(quoted("images in a bin of \(figure(bins.width, digits: 2))"))",
      "set yrange [0:\(tallest * headroom)]",
      "set boxwidth \(bins.width)", "set style fill solid 0.75 border rgb 'white'",
      "set key inside right top Left reverse samplen 1.5 spacing 1.3 title 'share of the images' left")
    for (tag, threshold) in thresholds.enumerated() {
      drawing.add(
        "set arrow \(tag + 1) from \(threshold), graph 0 to \(threshold),\(tallest * 1.04) nohead lw 2 dt 2 "
          + "lc rgb '\(Colour.line)' front")
    }
    let colours = shares.count == 2 ? [Colour.near, Colour.far] : Colour.all
    // The tallest sums are drawn first, so that each bar shows above the next.
    let plots = shares.indices.reversed().map { index -> String in
      let share = shares[index]
      let normal = share.normalFraction.map { " (normal law: \(percent($0)))" } ?? ""
      let title = "\(share.name) \(percent(share.fraction))\(normal)"
      return
        "\(data) using 1:\(index + 2) with boxes lc rgb '\(colours[index % colours.count])' title \(quoted(title))"
    }
    drawing.add("plot " + plots.joined(separator: ", "))
    return drawing
  }

  private static func percent(_ fraction: Double) -> String { printed(100 * fraction, "%.2f %%") }

  /// Images of a contact sheet, of one shape: planes of bytes, row by row, 0 the background.
  public struct Sheet: Sendable {
    /// What it shows: "nearest 60".
    public var caption: String
    /// Their range of distances, for the second line.
    public var distances: ClosedRange<Double>
    /// The images in order, the first at the top left.
    public var images: [ArraySlice<UInt8>]
    /// Whether the first image is the reference, which gets a frame.
    public var startsWithReference: Bool
    /// Channels (1 or 3), height and width of each image.
    public var shape: (channels: Int, height: Int, width: Int)

    /// One half of a contact sheet.
    public init(
      caption: String, distances: ClosedRange<Double>, images: [ArraySlice<UInt8>],
      startsWithReference: Bool = false, shape: (channels: Int, height: Int, width: Int) = (1, 28, 28)
    ) {
      self.caption = caption
      self.distances = distances
      self.images = images
      self.startsWithReference = startsWithReference
      self.shape = shape
    }

    /// The colours of a pixel on paper: grey images are drawn as ink, colour images as they are.
    func colours(of image: ArraySlice<UInt8>, _ y: Int, _ x: Int) -> [UInt8] {
      let place = image.startIndex + y * shape.width + x
      let plane = shape.height * shape.width
      if shape.channels == 3 { return (0..<3).map { image[place + $0 * plane] } }
      return [UInt8](repeating: 255 - image[place], count: 3)
    }
  }

  private static let columns = 10
  /// The height of an image on the sheet that its zoom comes close to, in pixels.
  private static let cellHeight = 56

  /// The images of two groups side by side; both have images of one shape.
  public static func contactSheet(title: String, subtitle: String, near: Sheet, far: Sheet) -> Drawing {
    let shape = near.shape
    let zoom = max(1, (cellHeight + shape.height / 2) / shape.height)
    let (down, across) = (shape.height * zoom, shape.width * zoom)
    let rows = (max(near.images.count, far.images.count, 1) + columns - 1) / columns
    let panel = columns * across
    let gap = 40
    let width = 2 * panel + gap
    let height = rows * down
    let (left, below, above) = (20, 24, 165)
    var drawing = Drawing(
      title: title, subtitles: [subtitle], width: width + 2 * left, height: height + below + above)
    var raster = [UInt8](repeating: 255, count: 3 * width * height)
    for (sheet, offset) in [(near, 0), (far, panel + gap)] {
      for (place, image) in sheet.images.enumerated() {
        let (row, column) = (place / columns, place % columns)
        let framed = place == 0 && sheet.startsWithReference
        for y in 0..<down {
          for x in 0..<across {
            let target = 3 * ((row * down + y) * width + offset + column * across + x)
            let edge = framed && (x < 4 || y < 4 || x >= across - 4 || y >= down - 4)
            let colours = edge ? [213, 94, 0] : sheet.colours(of: image, y / zoom, x / zoom)
            raster.replaceSubrange(target..<target + 3, with: colours)
          }
        }
      }
    }
    drawing.pixels = raster
    let (w, h) = (Double(drawing.size.width), Double(drawing.size.height))
    drawing.add(
      "set lmargin at screen \(Double(left) / w)", "set rmargin at screen \(1 - Double(left) / w)",
      "set bmargin at screen \(Double(below) / h)", "set tmargin at screen \(1 - Double(above) / h)",
      "unset border", "unset tics", "unset key", "set xrange [-0.5:\(width).0-0.5]",
      "set yrange [-0.5:\(height).0-0.5]")
    for (tag, (sheet, offset, colour)) in [(near, 0, Colour.near), (far, panel + gap, Colour.far)]
      .enumerated()
    {
      let middle = (Double(left + offset) + Double(panel) / 2) / w
      let range = "distance \(figure(sheet.distances.lowerBound)) to \(figure(sheet.distances.upperBound))"
      drawing.add(
        "set label \(10 + tag) \(quoted("\(sheet.caption)   \(range)")) at screen \(middle), "
          + "screen \(1 - 135 / h) center font ',15' textcolor rgb '\(colour)'")
    }
    drawing.add(
      "plot \(pixelFile) binary array=(\(width),\(height)) flip=y format='%uchar%uchar%uchar' with rgbimage "
        // SVG names what is drawn, by default by the file, whose path differs from run to run.
        + "title 'digits'")
    return drawing
  }

  /// One image's place in an influence drawing.
  public struct InfluencePoint: Sendable {
    /// Its distance in feature space.
    public var distance: Double
    /// Its norm.
    public var norm: Double
    /// 0 near, 1 between, 2 far.
    public var side: UInt8

    /// One image.
    public init(distance: Double, norm: Double, side: UInt8) {
      self.distance = distance
      self.norm = norm
      self.side = side
    }
  }

  /// Norms by distance, near and far images in colour with their medians, on a logarithmic axis.
  ///
  /// - Parameters:
  ///   - quantity: What the distance is.
  ///   - measure: What the norm is of: "gradient", "influence".
  ///   - medians: Median norm of the near and of the far images.
  ///   - correlations: Named correlations of the distance with other figures.
  public static func influence(
    title: String, quantity: String, measure: String, points: [InfluencePoint],
    medians: (near: Double, far: Double),
    correlations: [(name: String, figure: IntervalFigure)]
  ) -> Drawing {
    let named = correlations.map { "\($0.name) \($0.figure.text)" }
    var drawing = Drawing(
      title: title,
      subtitles: [
        "n = \(count(points.count))   Spearman's correlation of feature distance and",
        named.joined(separator: "      "),
      ])
    let groups: [(side: UInt8, name: String, colour: String, median: Double?)] = [
      (1, "between", Colour.between, nil), (0, "nearest", Colour.near, medians.near),
      (2, "farthest", Colour.far, medians.far),
    ]
    drawing.add(
      "set xlabel \(quoted(quantity))", "set ylabel \(quoted("L2 norm of the image's \(measure)"))",
      "set bmargin at screen 0.2",
      "set key at screen 0.5, screen 0.02 center bottom horizontal Left reverse samplen 1.5")
    // A norm of exactly 0 has no place on a logarithmic axis; then the axis is linear.
    if points.allSatisfy({ $0.norm > 0 }) { drawing.add("set logscale y", "set format y '%g'") }
    var plots: [String] = []
    for group in groups {
      let own = points.filter { $0.side == group.side }
      guard let low = own.map(\.distance).min(), let high = own.map(\.distance).max() else { continue }
      let data = drawing.data(own.map { [$0.distance, $0.norm] })
      let name =
        group.name + " " + count(own.count) + (group.median.map { ", median \(figure($0, digits: 3))" } ?? "")
      plots.append(
        "\(data) using 1:2 with points pt 7 ps 0.5 lc rgb '\(group.colour)' title \(quoted(name))")
      if let median = group.median {
        let line = drawing.data([[low, median], [high, median]])
        plots.append("\(line) using 1:2 with lines lw 5 lc rgb '\(group.colour)' notitle")
      }
    }
    drawing.add("plot " + plots.joined(separator: ", "))
    return drawing
  }
}
