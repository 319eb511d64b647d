// The text of a gnuplot script: quoted words, inline data, and one drawing on two terminals.

import Glibc
import Wording

/// A drawing as gnuplot commands, and what is needed to have it made.
public struct Drawing: Sendable, Equatable {
  /// Width and height in pixels.
  public var size: (width: Int, height: Int)
  /// Named blocks of data, each line one row.
  var blocks: [(name: String, lines: [String])] = []
  /// Commands that draw, on whatever terminal is set.
  var commands: [String] = []
  /// Which of the commands make room for the title and the lines under it, and write them.
  private var heading = 0..<0
  /// The names of series, if they stand below the drawing.
  var names: NameLines?
  /// Bytes of raw pixels that commands read from the file `pixelFile`.
  public var pixels: [UInt8] = []

  /// Where `pixels` stand, as commands name it; `script` puts the path in.
  static let pixelFile = "PIXEL_FILE"

  /// Colours that people of all kinds of colour vision tell apart (Okabe & Ito 2008).
  enum Colour {
    static let near = "#0072B2"
    static let between = "#8C8C8C"
    static let far = "#D55E00"
    static let line = "#222222"
    static let faint = "#666666"
    static let all = [near, between, far, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]
  }

  /// An empty drawing with a title, lines of figures under it (two at most) and room for them.
  init(title: String, subtitles: [String], width: Int = 1200, height: Int = 750) {
    size = (width, height)
    let top = Double(height)
    commands = [
      "reset",
      "set encoding utf8",
      "set border 3 lc rgb '\(Colour.faint)'",
      "set tics nomirror textcolor rgb '\(Colour.line)'",
      "set tmargin at screen \(1 - 128 / top)",
      "set label 1 \(quoted(title)) at screen 0.5, screen \(1 - 34 / top) center font ',20' "
        + "textcolor rgb '\(Colour.line)'",
    ]
    for (place, line) in subtitles.enumerated() {
      commands.append(
        "set label \(place + 2) \(quoted(line)) at screen 0.5, screen \(1 - Double(70 + 26 * place) / top) center "
          + "font ',14' textcolor rgb '\(Colour.faint)'")
    }
    heading = 4..<commands.count
  }

  /// Adds a block of rows and returns its name for `plot`.
  mutating func data(_ rows: [[Double]]) -> String {
    let name = "$data\(blocks.count)"
    blocks.append((name, rows.map { row in row.map { "\($0)" }.joined(separator: " ") }))
    return name
  }

  /// Adds commands.
  mutating func add(_ lines: String...) { commands += lines }

  /// The script that draws on a PNG and on an SVG file.
  ///
  /// - Parameters:
  ///   - png: Path of the PNG file to make.
  ///   - svg: Path of the SVG file to make.
  ///   - version: Path of a file that gets gnuplot's version.
  ///   - pixels: Path of a file with `pixels`.
  public func script(png: String, svg: String, version: String, pixels: String) -> String {
    var lines = ["set print \(quoted(version))", "print GPVAL_VERSION, '.', GPVAL_PATCHLEVEL", "unset print"]
    for block in blocks { lines += ["\(block.name) << END_OF_DATA"] + block.lines + ["END_OF_DATA"] }
    let drawn = commands.map { replaced($0, Self.pixelFile, with: quoted(pixels)) }
    // Digits of gnuplot's two terminals have two widths.
    for (terminal, file, digit) in [("pngcairo", png, 13.6), ("svg", svg, 10.9)] {
      // Text is plain: a file's title may hold characters that gnuplot would take as markup.
      lines.append(
        "set terminal \(terminal) noenhanced size \(size.width),\(size.height) font 'DejaVu Sans,15' "
          + "background rgb 'white'")
      let below = names?.commands(width: Double(size.width) / digit) ?? []
      lines += ["set output \(quoted(file))"] + beforePlot(drawn, below) + ["set output"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// The script that draws on a PDF file, for a column of a paper: without the lines under the title, which belong into
  /// the paper's own caption.
  ///
  /// - Parameters:
  ///   - pdf: Path of the PDF file to make.
  ///   - style: Its size, labels and title.
  ///   - pixels: Path of a file with `pixels`.
  public func script(pdf: String, _ style: PaperStyle, pixels: String) -> String {
    var lines: [String] = []
    for block in blocks { lines += ["\(block.name) << END_OF_DATA"] + block.lines + ["END_OF_DATA"] }
    // Every text is drawn for a font of 15 points, so all are scaled by one factor.
    let head =
      style.title.isEmpty
      ? []
      : [
        "set title \(style.wrapped(quoted(style.title), style.width)) font ',15' textcolor rgb '\(Colour.line)'"
      ]
    var drawn =
      Array(commands[..<heading.lowerBound]) + head + commands[heading.upperBound...].map(style.fitted)
    drawn = drawn.map { replaced($0, Self.pixelFile, with: quoted(pixels)) }
    if let names {
      let label = drawn.last { $0.hasPrefix("set xlabel") } ?? ""
      drawn = beforePlot(
        drawn,
        names.commands(width: style.digits, labelLines: label.split(separator: PaperStyle.lineEnd).count))
    }
    lines.append(
      "set terminal pdfcairo noenhanced size \(style.width / 10)cm,\(style.height / 10)cm font 'DejaVu Sans,15' "
        + "fontscale \(style.fontScale) linewidth \(style.points / 15) pointscale \(style.points / 15) background rgb 'white'"
    )
    lines += ["set output \(quoted(pdf))"] + drawn + ["set output"]
    return lines.joined(separator: "\n") + "\n"
  }

  /// Commands with others before those that draw.
  private func beforePlot(_ commands: [String], _ others: [String]) -> [String] {
    let place = commands.firstIndex { $0.hasPrefix("plot ") } ?? commands.endIndex
    return commands[..<place] + others + commands[place...]
  }

  /// Equal when they would draw the same.
  public static func == (a: Drawing, b: Drawing) -> Bool {
    a.size == b.size && a.commands == b.commands && a.names == b.names && a.pixels == b.pixels
      && a.blocks.elementsEqual(b.blocks) { $0.name == $1.name && $0.lines == $1.lines }
  }
}

/// Text in single quotes, in which gnuplot expands nothing; a line end becomes a space.
func quoted(_ text: String) -> String {
  let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
  return "'" + replaced(line, "'", with: "''") + "'"
}

/// A figure with so many significant digits: "0.9754", "2.28e-22".
public func figure(_ value: Double, digits: Int = 4) -> String {
  replaced(replaced(printed(value, "%.\(digits)g"), "-", with: "−"), "e−0", with: "e−")
}

/// A count with thousands apart: "3,000".
public func count(_ n: Int) -> String {
  var digits = String(n)
  var groups: [String] = []
  while digits.count > 3 {
    groups.insert(String(digits.suffix(3)), at: 0)
    digits.removeLast(3)
  }
  return ([digits] + groups).joined(separator: ",")
}

/// A p-value by its natural logarithm, which is known where the p-value itself is below the range of a double.
public func pvalue(log logPvalue: Double) -> String {
  if logPvalue > log(1e-300) { return "p = " + figure(exp(logPvalue), digits: 3) }
  if !logPvalue.isFinite { return "p = 0" }
  let decades = logPvalue / log(10)
  let exponent = decades.rounded(.down)
  return "p = " + figure(pow(10, decades - exponent), digits: 3) + "e−\(Int(-exponent))"
}

/// Equal bins that cover a sample.
package struct Bins {
  /// Where the first bin starts.
  package var start: Double
  /// Width of each.
  package var width: Double
  /// How many bins.
  package var count: Int

  /// Bins by Freedman & Diaconis' rule, 2 (q₃ − q₁) n^(−1/3) wide, at least 8 and at most 80 of them.
  package init(covering sorted: [Double]) {
    let low = sorted.first ?? 0
    let high = sorted.last ?? 0
    let range = high > low ? high - low : max(abs(high), 1) * 1e-6
    let spread = sorted.isEmpty ? 0 : sorted[sorted.count * 3 / 4] - sorted[sorted.count / 4]
    let rule = 2 * spread / cbrt(Double(max(1, sorted.count)))
    count = rule > 0 ? Int(min(80, max(8, (range / rule).rounded(.up)))) : 8
    start = low
    width = range / Double(count)
  }

  /// The bin of a value within the range; the upper end belongs to the last bin.
  package func bin(of value: Double) -> Int { max(0, min(count - 1, Int((value - start) / width))) }

  /// The middle of a bin.
  func middle(_ bin: Int) -> Double { start + (Double(bin) + 0.5) * width }
}
