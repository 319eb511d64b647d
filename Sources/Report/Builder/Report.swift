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

  /// Reads the pipelines' results.
  ///
  /// - Parameter reference: What each of them is compared with.
  /// - Throws: `HDF5Error` for an artifact that can't be read.
  public init(
    _ pipelines: [ReportedPipeline], origin: ReportOrigin, against reference: ReportReference? = nil
  ) throws {
    self.pipelines = try pipelines.enumerated().map { number, pipeline in
      try ReportSections(pipeline, number: number, origin: origin, against: reference)
    }
  }

  /// The page.
  public func html() throws -> String {
    let style = String(cString: report_page_style())
    let script = String(cString: report_page_script())
    let data = PageData(
      pipelines: pipelines.map { $0.data() },
      quantiles: (1...200).map { Number(StudentT.quantile(0.975, degreesOfFreedom: Double($0))) })
    var html = HTML()
    html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
    let policy =
      "default-src 'none'; img-src data:; style-src \(Packing.policyName(style)); "
      + "script-src \(Packing.policyName(script)); base-uri 'none'; form-action 'none'"
    html.open("meta", ["http-equiv": "Content-Security-Policy", "content": policy])
    html.markup("\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
    html.element("title", text: pipelines.map(\.name).joined(separator: ", ") + ": report")
    html.markup("\n<style>\(style)</style>\n</head>\n<body>\n")
    html.markup("<a class=\"skip\" href=\"#content\">to the content</a>\n")
    html.element("nav", ["aria-label": "Sections"]) { html in
      html.element("ul") { html in for pipeline in pipelines { pipeline.writeLinks(to: &html) } }
    }
    html.markup("\n<main id=\"content\">\n")
    for pipeline in pipelines { pipeline.write(to: &html) }
    html.markup("\n</main>\n<script type=\"application/octet-stream\" id=\"data\">")
    html.markup(try Packing.packed(data))
    html.markup("</script>\n<script>\(script)</script>\n</body>\n</html>\n")
    return html.source
  }
}
