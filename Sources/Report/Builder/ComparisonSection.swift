// A pipeline against a run or another pipeline: parameters that differ, paired differences of figures, pictures overlaid.

import Artifacts
import FoundationEssentials
import PipelineCore
import PipelineFile
import ResultTables
import Stages
import Statistics

/// What a report is compared with.
public struct ReportReference: Sendable {
  /// A run's or a pipeline's name.
  public var label: String
  /// The parameters by stage, as text.
  public var parameters: [String: [String: String]]
  /// The artifacts' files by node, their bytes checked.
  public var files: [String: String]
  /// Where its parameters are written; nil for a run, which does not know.
  public var places: ParameterPlaces?

  /// A reference.
  public init(
    label: String, parameters: [String: [String: String]], files: [String: String],
    places: ParameterPlaces? = nil
  ) {
    self.label = label
    self.parameters = parameters
    self.files = files
    self.places = places
  }

  /// The stage types whose artifacts a comparison reads.
  public static let stages = ReportSections.resultStages
}

/// Writes the comparison of a pipeline.
struct ComparisonSection {
  private struct Difference {
    var names: [String]
    var own: TableGrid.Cell
    var other: TableGrid.Cell
    /// The mean of the pairs' differences, with half of its 95 % interval where there are pairs.
    var mean: Double
    var half: Double?
    var pairs: Int
  }

  private let snapshot: Snapshot
  private let reference: ReportReference
  private var tables: [(node: String, title: String, differences: [Difference], same: Int)] = []
  private var pictures: [(node: String, own: [UInt8], other: [UInt8])] = []

  init(_ snapshot: Snapshot, _ results: Results, against reference: ReportReference) throws {
    self.snapshot = snapshot
    self.reference = reference
    for table in results.tables {
      let name = snapshot.plan[table.node].name
      guard let path = reference.files[name],
        let other = try TableReport(recorded: path, of: snapshot.plan.stage(of: table.node).declaration)?.grid
      else { continue }
      let (differences, same) = Self.differences(table.grid, other)
      tables.append((name, table.grid.title, differences, same))
    }
    for picture in results.pictures {
      let name = snapshot.plan[picture.node].name
      guard let path = reference.files[name] else { continue }
      let file = try ArtifactReader<PictureArtifact>(at: path)
      guard try file.stage() == PictureFiles.stage,
        let other = try file.read(\.files).first(where: { $0.path.hasSuffix(".svg") }),
        other.bytes != picture.svg
      else { continue }
      pictures.append((name, picture.svg, other.bytes))
    }
  }

  // MARK: Figures

  /// The cells that both tables have, found by the texts that name their rows and columns, and that differ.
  private static func differences(_ own: TableGrid, _ other: TableGrid) -> ([Difference], same: Int) {
    func cells(_ grid: TableGrid) -> [([String], TableGrid.Cell)] {
      grid.rows.flatMap { row in
        row.indices.dropFirst(grid.keys).map {
          (row.prefix(grid.keys).map(\.text) + [grid.columns[$0]], row[$0])
        }
      }
    }
    let known = Dictionary(cells(other)) { first, _ in first }
    var differences: [Difference] = []
    var same = 0
    for (names, cell) in cells(own) {
      guard let before = known[names], let value = cell.value, let earlier = before.value else { continue }
      if value == earlier, cell.repeats == before.repeats {
        same += 1
        continue
      }
      let pairs =
        cell.repeats.count == before.repeats.count ? zip(cell.repeats, before.repeats).map { $0 - $1 } : []
      let test = pairs.count > 1 ? try? PairedTest(pairs) : nil
      differences.append(
        Difference(
          names: names, own: cell, other: before, mean: test?.mean ?? value - earlier, half: test?.halfWidth,
          pairs: test == nil ? 0 : pairs.count))
    }
    return (differences, same)
  }

  // MARK: HTML

  /// Adds the section's content.
  func write(to html: inout HTML) {
    html.element("p") { html in
      html.text("This page against ")
      html.foreign(reference.label)
      html.text(". Figures are matched by the names of their rows and columns, repeats by their places.")
    }
    writeParameters(to: &html)
    for table in tables {
      html.element("h3") { $0.foreign(table.title.isEmpty ? table.node : table.title) }
      html.element(
        "p", ["class": "notes"],
        text: "\(table.differences.count) figures differ, \(table.same) are the same.")
      if !table.differences.isEmpty { write(table.differences, label: table.node, to: &html) }
    }
    if tables.isEmpty { html.element("p", text: "There is no table that both have.") }
    for picture in pictures { write(picture, to: &html) }
  }

  private func writeParameters(to html: inout HTML) {
    let own = snapshot.plan.parametersByStage()
    var rows: [[String]] = []
    for stage in Set(own.keys).union(reference.parameters.keys).sorted() {
      guard let new = own[stage], let old = reference.parameters[stage] else {
        rows.append([
          stage, "(the stage)", own[stage] == nil ? "there" : "–", own[stage] == nil ? "–" : "there", "",
        ])
        continue
      }
      for name in Set(new.keys).union(old.keys).sorted() where new[name] != old[name] {
        rows.append([stage, name, old[name] ?? "–", new[name] ?? "–", places(stage, name)])
      }
    }
    html.element("h3", text: rows.isEmpty ? "Parameters: the same" : "Parameters that differ")
    if rows.isEmpty { return }
    let titles = ["stage", "parameter", reference.label, "this page", "written in"]
    table(titles, label: "Parameters that differ", to: &html) { html in
      for row in rows {
        html.markup("<tr>")
        for text in row { html.element("td") { $0.foreign(text) } }
        html.markup("</tr>\n")
      }
    }
  }

  /// The lines that say a parameter's value, here and there: `file:line`.
  private func places(_ stage: String, _ parameter: String) -> String {
    let all = snapshot.document.places[stage, parameter] + (reference.places?[stage, parameter] ?? [])
    let lines = all.map { $0.line > 0 && !$0.file.hasPrefix("--set") ? "\($0.file):\($0.line)" : $0.file }
    return lines.isEmpty ? "default" : Self.distinct(lines).joined(separator: ", ")
  }

  private static func distinct(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
  }

  private func write(_ differences: [Difference], label: String, to html: inout HTML) {
    let titles = ["figure", reference.label, "this page", "difference", "pairs"]
    table(titles, label: "Differences of \(label)", to: &html) { html in
      for difference in differences {
        html.markup("<tr>")
        html.element("th", ["scope": "row"]) { $0.foreign(difference.names.joined(separator: " · ")) }
        let half = difference.half.map { " ± \(PlainTable.figure($0))" } ?? ""
        for text in [
          difference.other.text, difference.own.text, PlainTable.figure(difference.mean) + half,
          difference.pairs == 0 ? "–" : "\(difference.pairs)",
        ] {
          html.element("td", ["class": "n"], text: text)
        }
        html.markup("</tr>\n")
      }
    }
  }

  private func table(
    _ titles: [String], label: String, to html: inout HTML, rows: (inout HTML) -> Void
  ) {
    html.region(label) { html in
      html.markup("<table><thead><tr>")
      for title in titles { html.element("th", ["scope": "col"]) { $0.foreign(title) } }
      html.markup("</tr></thead><tbody>\n")
      rows(&html)
      html.markup("</tbody></table>")
    }
  }

  private func write(_ picture: (node: String, own: [UInt8], other: [UInt8]), to html: inout HTML) {
    html.element("figure") { html in
      html.element("div", ["class": "overlay"]) { html in
        for (bytes, words) in [(picture.own, "this page"), (picture.other, reference.label)] {
          html.open(
            "img",
            [
              "src": "data:image/svg+xml;base64," + Data(bytes).base64EncodedString(),
              "alt": "\(picture.node), \(words)",
            ])
        }
      }
      html.element("figcaption") { html in
        html.foreign(picture.node)
        html.text(": both, one over the other; paler where only one of them draws")
      }
    }
  }
}
