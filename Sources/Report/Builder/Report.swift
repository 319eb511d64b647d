// One HTML file that shows pipelines to people: it needs no server, no network and nothing beside it.

import FoundationEssentials
import ReportPage
import Statistics

/// A report of some pipelines.
///
/// Tables, pictures and the graph are plain HTML, to be read without a script. The script adds drawers, filters and
/// drawings, from data that stands in the page, compressed. The same cache and files give the same bytes.
public struct Report {
  private let pipelines: [ReportSections]
  private let origin: ReportOrigin

  /// Reads the pipelines' results.
  ///
  /// - Parameter reference: What each of them is compared with.
  /// - Throws: `HDF5Error` for an artifact that can't be read.
  public init(
    _ pipelines: [ReportedPipeline], origin: ReportOrigin, against reference: ReportReference? = nil
  ) throws {
    self.origin = origin
    self.pipelines = try pipelines.enumerated().map { number, pipeline in
      try ReportSections(pipeline, number: number, origin: origin, against: reference)
    }
  }

  /// The page.
  ///
  /// - Parameter live: What makes it alive; nil for a page that is complete in itself.
  public func html(live: LivePage? = nil) throws -> String {
    let script = String(cString: report_page_script())
    let data = PageData(
      pipelines: pipelines.map { $0.data() },
      quantiles: (1...200).map { Number(StudentT.quantile(0.975, degreesOfFreedom: Double($0))) })
    var html = HTML()
    Self.writeHead(
      title: pipelines.map(\.name).joined(separator: ", ") + ": report", script: script, isAlive: live != nil,
      to: &html)
    if let live {
      html.open("body", ["data-events": live.events, "data-version": live.version])
    } else {
      html.open("body")
    }
    html.markup("\n<a class=\"skip\" href=\"#content\">to the content</a>\n")
    html.element("nav", ["aria-label": "Sections"]) { html in
      html.element("ul") { html in
        if let live {
          html.element("li") { $0.element("a", ["href": live.home], text: "All pipelines") }
        }
        for pipeline in pipelines { pipeline.writeLinks(to: &html, isAlive: live != nil) }
      }
    }
    html.markup("\n<main id=\"content\">\n")
    for pipeline in pipelines { pipeline.write(to: &html, live: live) }
    html.markup("\n</main>\n<script type=\"application/ld+json\">")
    html.markup(try metadata())
    html.markup("</script>\n<script type=\"application/octet-stream\" id=\"data\">")
    html.markup(Packing.packed(data))
    html.markup("</script>\n<script>\(script)</script>\n</body>\n</html>\n")
    return html.source
  }

  /// What the page is of, as a crate would say it: its files, and its results. Not all nodes, which would make it heavy.
  private func metadata() throws -> String {
    let crate = Crate(pipelines.map(\.snapshot), origin: origin, only: ReportSections.resultStages)
    var text = ""
    for scalar in String(decoding: try crate.json(isPretty: false), as: UTF8.self).unicodeScalars {
      switch scalar {
      // Nothing in it can end the element, or turn the direction of a text around it.
      case "<", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
        text += "\\u" + String(0x10000 + scalar.value, radix: 16).dropFirst()
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// Adds the head of a page: what a browser may do with it, and its style.
  static func writeHead(title: String, script: String, isAlive: Bool, to html: inout HTML) {
    let style = String(cString: report_page_style())
    html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
    let policy =
      "default-src 'none'; img-src data:; style-src \(Packing.policyName(style)); "
      + "script-src \(Packing.policyName(script)); \(isAlive ? "connect-src 'self'; " : "")base-uri 'none'; "
      + "form-action 'none'"
    html.open("meta", ["http-equiv": "Content-Security-Policy", "content": policy])
    html.markup("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
    html.element("title", text: title)
    html.markup("\n<style>\(style)</style>\n</head>\n")
  }
}
