// The page of a report, made of plans and caches of the tests' own.

import CZlib
import Foundation
import PipelineExecution
import PipelineFile
import Report
import Stages
import Testing

@Suite struct ReportTests {
  private static let origin = ReportOrigin(version: "1.2.3", commit: nil, isChanged: false)

  /// A report of a pipeline of which nothing was ever run.
  private func report(_ text: String, name: String = "pipelines/plan.yaml") throws -> String {
    let document = try PipelineFile.parse(
      text: text, name: name, stages: allStages.declarations,
      readFile: { _ in throw CocoaError(.fileNoSuchFile) },
      hashFile: { _ in throw CocoaError(.fileNoSuchFile) })
    let cache = CacheStore(root: NSTemporaryDirectory() + "report-test-" + UUID().uuidString)
    return try Report(
      [ReportedPipeline(document: document, cache: cache, words: "plan")], origin: Self.origin
    ).html()
  }

  private struct Contents: Decodable {
    struct Pipeline: Decodable {
      struct Nodes: Decodable {
        var name: [String]
        var inputs: [[Int]]
      }
      struct Stage: Decodable { var notes: [String: String] }
      var nodes: Nodes
      var stages: [Stage]
      var joins: [[Int]]
    }
    var pipelines: [Pipeline]
    var quantiles: [Double]
  }

  /// What the page's script reads.
  private func data(of page: String) throws -> Contents {
    let start = try #require(page.range(of: "id=\"data\">")).upperBound
    let end = try #require(page.range(of: "</script>", range: start..<page.endIndex)).lowerBound
    let base64 = String(page[start..<end])
    let packed = [UInt8](try #require(Data(base64Encoded: base64)))
    var count = uLongf(packed.count * 1100)
    var bytes = [UInt8](repeating: 0, count: Int(count))
    #expect(uncompress(&bytes, &count, packed, uLong(packed.count)) == Z_OK)
    return try JSONDecoder().decode(Contents.self, from: Data(bytes.prefix(Int(count))))
  }

  @Test func escapesWhateverCouldBeMarkup() {
    #expect(HTML.escaped("<b>&\"'") == "&lt;b&gt;&amp;&quot;&#39;")
    #expect(HTML.escaped("a\u{202E}b\u{2066}c\u{0}d\u{85}") == "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}")
    #expect(HTML.escaped("line\n\tline") == "line\n\tline")
    var html = HTML()
    html.element("p", ["title": "\" onclick=\"x"]) { $0.foreign("שלום <i>") }
    #expect(html.source == "<p title=\"&quot; onclick=&quot;x\"><bdi>שלום &lt;i&gt;</bdi></p>")
  }

  @Test func namesItsScriptsAndStylesInThePolicy() throws {
    let page = try report("stages: {a: {stage: command, parameters: {argv: [echo], outputs: [o]}}}")
    #expect(page.contains("content=\"default-src &#39;none&#39;; img-src data:; style-src &#39;sha256-"))
    #expect(!page.contains("unsafe-inline"))
    // Addresses stand in the metadata and in names of XML only; nothing is loaded from one.
    let metadata = try #require(page.firstMatch(of: #/<script type="application\/ld\+json">(.*?)<\/script>/#))
      .output
    let rest = page.replacing(metadata.0, with: "")
    #expect(rest.ranges(of: "http://").count == rest.ranges(of: "http://www.w3.org").count)
    #expect(!rest.contains("https://"))
    // It is JSON-LD that names the page's pipeline.
    struct Metadata: Decodable {
      struct Entity: Decodable {
        var id: String
        var type: String
        enum CodingKeys: String, CodingKey {
          case id = "@id"
          case type = "@type"
        }
      }
      var graph: [Entity]
      enum CodingKeys: String, CodingKey { case graph = "@graph" }
    }
    let graph = try JSONDecoder().decode(Metadata.self, from: Data(metadata.1.utf8)).graph
    #expect(
      graph.contains { $0.id == "./" && $0.type == "Dataset" } && graph.contains { $0.id == "report.html" })
    // An event or a style in an attribute would be refused by that policy.
    #expect(page.firstMatch(of: #/<[a-z][^>]* (on[a-z]+|style)=/#) == nil)
  }

  @Test func saysWhatIsMissing() throws {
    let page = try report(
      """
      description: "<script>alert(1)</script>"
      stages:
        draw: {stage: picture, inputs: {differences: verdict}, parameters: {kind: differences}}
        verdict: {stage: differences, inputs: {rows: evaluate}, parameters: {scheme: a}}
        images: {stage: load-images}
        base: {stage: train}
        group: {parameters: {size: 5}}
        evaluate: {for: net, inputs: [net: [retrain: base, a: base]]}
      """)
    #expect(page.contains("<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"))
    #expect(!page.contains("<script>alert"))
    #expect(page.contains("0 of 7 nodes are up to date: 7 stale"))
    #expect(page.contains("<bdi>Data: mnist. Net: lenet, trained for "))
    #expect(page.contains("left out because not up to date: verdict, draw; first: pipeline run plan"))
    // What has nothing to show is left out.
    for section in ["tables", "figures", "time", "failures"] {
      #expect(!page.contains("id=\"p0-\(section)\""))
    }
    for section in ["verdict", "graph", "provenance"] { #expect(page.contains("id=\"p0-\(section)\"")) }
  }

  /// The reason of a value stands beside it, and in the drawers of the nodes that take it.
  @Test func showsNotes() throws {
    let page = try report(
      """
      parameters: {rate: 0.5}
      notes: {rate: "chosen <by> trial"}
      stages: {a: {stage: command, parameters: {argv: [echo, "${rate}"], outputs: [o]}}}
      """)
    #expect(page.contains("<li><bdi>rate is 0.5: chosen &lt;by&gt; trial</bdi></li>"))
    #expect(try data(of: page).pipelines[0].stages[0].notes == ["argv": "chosen <by> trial"])
  }

  @Test func holdsTenThousandNodes() throws {
    let text = """
      axes: {size: 100, repeat: 50}
      stages:
        make: {stage: command, for: [size, repeat], parameters: {argv: [echo, "${size}"], outputs: [o]}}
        use: {stage: command, for: [size, repeat], inputs: [make], parameters: {argv: [cat, inputs/make/o], outputs: [o]}}
        gather: {stage: command, inputs: [use], parameters: {argv: [ls], outputs: [o]}}
      """
    let page = try report(text)
    let pipeline = try data(of: page).pipelines[0]
    #expect(pipeline.nodes.name.count == 10_001)
    #expect(pipeline.nodes.name[5000] == "use[size=0,repeat=0]" && pipeline.nodes.inputs[5000] == [0])
    #expect(pipeline.nodes.inputs[10_000] == [-1] && pipeline.joins[0] == Array(5000..<10_000))
    #expect(page.utf8.count < 1_000_000)
    // A stage of many nodes is one bar.
    let graph = try #require(page.firstMatch(of: #/<svg class="graph".*?<\/svg>/#.dotMatchesNewlines()))
      .output
    #expect(graph.ranges(of: "class=\"stage\"").count == 3 && graph.ranges(of: "class=\"s1\"").count == 3)
    #expect(try report(text) == page, "another page of the same state")
  }

  @Test func quantilesAreThoseOfStudent() throws {
    let page = try report("stages: {a: {stage: command, parameters: {argv: [echo], outputs: [o]}}}")
    let quantiles = try data(of: page).quantiles
    // Of tables: 12.706, 4.303 and 2.228 for 1, 2 and 10 degrees of freedom.
    for (place, value) in [(0, 12.706), (1, 4.303), (9, 2.228)] {
      #expect(abs(quantiles[place] - value) < 0.0005)
    }
  }
}
