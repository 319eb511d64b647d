// The text of gnuplot scripts: what is drawn, and that no text of a user is ever run.

import Foundation
import Plot
import Testing

@Suite struct ScriptTests {
  static let values = (0..<200).map { 10 + sin(Double($0) * 1.7) * 3 }

  static func sample(title: String = "Label 0") -> DistanceSample {
    DistanceSample(title: title, quantity: "Euclidean distance", values: values, mean: 10, deviation: 2)
  }

  static func script(_ drawing: Drawing) -> String {
    drawing.script(png: "/p/a.png", svg: "/p/a.svg", version: "/p/version", pixels: "/p/pixels")
  }

  /// The rows of an inline block of data.
  static func rows(_ script: String, block: Int) throws -> [[Double]] {
    let lines = script.components(separatedBy: "\n")
    let start = try #require(lines.firstIndex(of: "$data\(block) << END_OF_DATA"))
    let end = try #require(lines[start...].firstIndex(of: "END_OF_DATA"))
    return lines[start + 1..<end].map { $0.split(separator: " ").compactMap { Double($0) } }
  }

  /// Millimetres and points of the paper; a title and labels of one's own, as text and nothing else; nothing of PNG's
  /// heading.
  @Test func aPaperGetsItsSizeAndWords() throws {
    let drawing = Drawing.lines(
      title: "its title", subtitle: "its subtitle", x: "size", y: "loss",
      series: [Series(name: "a", points: [Series.Point(x: 1, y: 2, lower: 1, upper: 3)])],
      isLogarithmic: false)
    let style = PaperStyle(width: 85, height: 60, points: 7.5, title: "it's '`ls`'", yLabel: "$(ls)")
    let script = drawing.script(pdf: "/p/a.pdf", style, pixels: "/p/pixels")
    #expect(
      script.contains(
        "set terminal pdfcairo noenhanced size 8.5cm,6.0cm font 'DejaVu Sans,15' fontscale 0.375 "))
    #expect(script.contains("set title 'it''s ''`ls`''' font") && script.contains("set ylabel '$(ls)'\n"))
    #expect(script.contains("set xlabel 'size'\n") && script.contains("set output '/p/a.pdf'"))
    #expect(
      !script.contains("its title") && !script.contains("its subtitle") && !script.contains("set key outside")
    )
    #expect(!script.contains("png") && !script.contains("svg"))
    // 7.5 of 15 points, and three quarters of that: gnuplot writes a font of 10 points as one of 13.3 into a PDF.
    // A long label has lines, none of which is longer than the side that it stands on: 60 mm have some 36 letters.
    let long = Drawing.lines(
      title: "t", subtitle: "s", x: "size", y: String(repeating: "a difference ", count: 6) + "it''s",
      series: [Series(name: "a", points: [Series.Point(x: 1, y: 2)])], isLogarithmic: false)
    var narrow = style
    narrow.yLabel = nil
    let lines = long.script(pdf: "/p/a.pdf", narrow, pixels: "/p/pixels").split(separator: "\n")
    let label = try #require(lines.first { $0.hasPrefix("set ylabel") }).dropFirst("set ylabel ".count)
    let parts = label.components(separatedBy: #"."\n"."#)
    #expect(parts.count == 3 && parts.allSatisfy { $0.count <= 38 && $0.hasPrefix("'") && $0.hasSuffix("'") })
    // What PNG and SVG are drawn by is as it was.
    #expect(
      Self.script(drawing).contains("set label 1 'its title'")
        && Self.script(drawing).contains("set key outside"))
  }

  @Test func hugeIntervalsDoNotHideSmallDifferences() throws {
    let points = [0.01, -0.02, 0.015, 0.01].enumerated().map { place, y in
      Series.Point(x: Double(place), y: y, lower: y - 0.01, upper: y + 0.01)
    }
    func script(_ points: [Series.Point]) -> String {
      Self.script(
        .differences(
          title: "t", subtitle: "s", x: "x", y: "y", series: [Series(name: "a", points: points)],
          lead: "against", isLogarithmic: false, zero: "below"))
    }
    let plain = script(points)
    #expect(!plain.contains("nonlinear") && !plain.contains("logscale") && !plain.contains("†"))
    let huge = Series.Point(x: 4, y: 30, lower: -100, upper: 160, isMarked: true)
    let wide = script(points + [huge])
    #expect(wide.contains("set nonlinear y via asinh(y/0.01) inverse 0.01*sinh(y)"))
    #expect(wide.contains("'−0.01' -0.01") && wide.contains("'100' 100.0") && !wide.contains("'1000'"))
    // The dagger stands at the marked point alone.
    #expect(try Self.rows(wide, block: 1).map { $0[1] } == [30] && wide.contains("did not converge"))
    // Losses are positive: a logarithmic scale, and an interval that reaches below 0 goes to the bottom.
    let losses = [0.005, 0.01, 2].enumerated().map { place, y in
      Series.Point(x: Double(place), y: y, lower: y - 0.006, upper: y + 0.006)
    }
    let ladder = Self.script(
      .lines(
        title: "t", subtitle: "s", x: "x", y: "y", series: [Series(name: "a", points: losses)],
        isLogarithmic: false))
    #expect(ladder.contains("set logscale y"))
    #expect(try Self.rows(ladder, block: 0).allSatisfy { $0[2] > 0 })
    let level = Self.script(
      .lines(
        title: "t", subtitle: "s", x: "x", y: "y", series: [Series(name: "a", points: losses)],
        levels: [("it's all", 0.02)], isLogarithmic: false))
    #expect(level.contains(", 0.02 with lines lw 2 dt 2") && level.contains("title 'it''s all'"))
  }

  /// Two sizes have no line between them. Differences never have one; all points at one size stand apart.
  @Test func nothingIsDrawnBetweenTwoSizes() throws {
    let names = ["original", "1-step at the cost of 3", "parts shuffled", "it's far", "moderate only"]
    func series(_ sizes: [Double]) -> [Series] {
      names.map { Series(name: $0, points: sizes.map { Series.Point(x: $0, y: 1, lower: 0.5, upper: 2) }) }
    }
    func lines(_ sizes: [Double]) -> String {
      Self.script(
        .lines(
          title: "t", subtitle: "s", x: "size", y: "y", series: series(sizes), isLogarithmic: false))
    }
    #expect(lines([500, 1000, 3500]).contains("yerrorlines") && !lines([500, 3500]).contains("yerrorlines"))
    let drawing = Drawing.differences(
      title: "t", subtitle: "s", x: "size", y: "y", series: series([500, 1000, 3500]), lead: "against",
      isLogarithmic: false, zero: "below 0")
    let script = Self.script(drawing)
    #expect(!script.contains("yerrorlines") && script.contains("set xtics ('500' 500.0, '1000' 1000.0, "))
    let places = try (0..<5).map { try Self.rows(script, block: $0)[1][0] }
    #expect(places == places.sorted() && Set(places).count == 5 && places[2] == 1000)
    #expect(places.allSatisfy { abs($0 - 1000) < 250 })
    // A column of a paper has the names in few lines below, none cut; each once, beside its point.
    let style = PaperStyle(width: 85, height: 60, points: 7, title: "")
    let paper = drawing.script(pdf: "/p/a.pdf", style, pixels: "/p/pixels").components(separatedBy: "\n")
    let labels = paper.filter { $0.contains(" at character ") }
    #expect(labels.count == 6 && labels[0].contains("'against'") && labels[4].contains("'it''s far'"))
    let heights = Set(labels.compactMap { $0.firstMatch(of: /, character ([\d.]+)/)?.output.1 })
    #expect(heights.count == 2 && paper.contains("unset key"))
    let margin = try #require(paper.compactMap { $0.firstMatch(of: /^set bmargin ([\d.]+)$/) }.first)
    #expect(Double(margin.output.1)! < 7)
  }

  @Test func histogramCountsEveryImageOnce() throws {
    let rows = try Self.rows(Self.script(.histogram(Self.sample(), moments: "", tests: [])), block: 0)
    #expect(rows.reduce(0) { $0 + $1[1] } == 200)
    // Each bar has the values within half a bin of its middle.
    let width = rows[1][0] - rows[0][0]
    for row in rows.dropFirst().dropLast() {
      let within = Self.values.filter { abs($0 - row[0]) < width / 2 - 1e-9 }.count
      #expect(Int(row[1]) >= within)
    }
  }

  @Test func bandsAreStackedToTheWholeHistogram() throws {
    let assignment = Self.values.map { UInt8($0 < 9 ? 0 : $0 > 11 ? 2 : 1) }
    let shares = ["near", "moderate", "far"].map { BandShare(name: $0, fraction: 1 / 3, normalFraction: 0.2) }
    let script = Self.script(
      .bands(Self.sample(), assignment: assignment, shares: shares, thresholds: [9, 11], note: "a note"))
    let rows = try Self.rows(script, block: 0)
    #expect(rows.reduce(0) { $0 + $1[3] } == 200)
    #expect(rows.allSatisfy { $0[1] <= $0[2] && $0[2] <= $0[3] })
    #expect(rows.reduce(0) { $0 + $1[1] } == Double(assignment.filter { $0 == 0 }.count))
    #expect(script.contains("near 33.33 % (normal law: 20.00 %)"))
  }

  @Test func contactSheetHoldsTheDigitsInverted() throws {
    let image = [UInt8]((0..<784).map { UInt8($0 % 251) })
    let near = Drawing.Sheet(caption: "1 nearest", distances: 1...1, images: [image[...]])
    let far = Drawing.Sheet(
      caption: "1 farthest", distances: 2...2, images: [image[...]], startsWithReference: true)
    let drawing = Drawing.contactSheet(title: "t", subtitle: "s", near: near, far: far)
    let width = drawing.size.width - 40
    #expect(drawing.pixels.count == 3 * width * 56)
    // Pixel (5, 7) of the digit covers 2 × 2 of the sheet.
    for (y, x) in [(10, 14), (11, 15)] {
      let place = 3 * (y * width + x)
      #expect(drawing.pixels[place..<place + 3].allSatisfy { $0 == 255 - image[5 * 28 + 7] })
    }
    // The frame of the reference, and the digit within it.
    let panel = 3 * 600
    #expect(Array(drawing.pixels[panel..<panel + 3]) == [213, 94, 0])
    #expect(drawing.pixels[panel + 3 * (10 * width + 14)] == 255 - image[5 * 28 + 7])
  }

  @Test func largeProbabilityPlotsKeepTheirTails() throws {
    let n = 60_000
    let x = (0..<n).map { Double($0) }
    let script = Self.script(
      .probabilityPlot(Self.sample(), theoretical: x, ordered: x, slope: 1, intercept: 0, r: 1))
    let shown = try Self.rows(script, block: 0).map { $0[0] }
    #expect(shown.count < 6000)
    #expect(Array(shown.prefix(500)) == Array(x.prefix(500)))
    #expect(Array(shown.suffix(500)) == Array(x.suffix(500)))
    #expect(script.contains("every 15th"))
  }

  @Test func influenceAxisIsLogarithmicUnlessANormIsZero() {
    let points = [0.0, 1, 2].map {
      Drawing.InfluencePoint(distance: $0, norm: $0 + 1, side: UInt8($0))
    }
    func script(_ points: [Drawing.InfluencePoint]) -> String {
      Self.script(
        .influence(
          title: "t", quantity: "q", measure: "gradient", points: points, medians: (1, 3), correlations: []))
    }
    #expect(script(points).contains("set logscale y"))
    #expect(!script(points + [.init(distance: 3, norm: 0, side: 2)]).contains("set logscale"))
  }

  @Test(arguments: ["`touch /tmp/x`", "it's", "a\nsystem('x')", "$(x) \" \\ @x _{1}"])
  func textIsNeverCode(title: String) {
    let script = Self.script(.histogram(Self.sample(title: title), moments: title, tests: [title]))
    // Outside of single quotes, which gnuplot does not look into, nothing of the title is left.
    var outside = ""
    var within = false
    for character in script {
      if character == "'" { within.toggle() } else if !within { outside.append(character) }
    }
    #expect(!within)
    #expect(!outside.contains("touch") && !outside.contains("system") && !outside.contains("@x"))
    #expect(script.components(separatedBy: "noenhanced").count == 3)
  }

  @Test func figuresReadWell() {
    #expect(figure(0.97536) == "0.9754")
    #expect(figure(-0.5) == "−0.5")
    #expect(count(7) == "7" && count(3000) == "3,000" && count(1_234_567) == "1,234,567")
    #expect(pvalue(log: log(2.28e-22)) == "p = 2.28e−22")
    // Below the range of a double: exp(−2302.585…) is 1e-1000.
    #expect(pvalue(log: -1000 * log(10.0) + log(2.0)) == "p = 2e−1000")
    #expect(pvalue(log: 0) == "p = 1")
  }
}
