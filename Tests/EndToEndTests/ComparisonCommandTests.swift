// `pipeline compare` on nets that are really trained: parameters old → new, metrics old → new and their difference.

import Foundation
import Testing

@Suite struct ComparisonCommandTests {
  private struct Answer: Decodable {
    struct Parameter: Decodable, Equatable {
      var stage: String
      var parameter: String
      var first: String?
      var second: String?
    }
    struct Metric: Decodable {
      var node: String
      var row: String
      var metric: String
      var first: Double?
      var second: Double?
    }
    var parameters: [Parameter]
    var metrics: [Metric]
    var sameMetrics: Int
    var missing: [String]
  }

  /// A small net, retrained twice without ten images, and evaluated; with a table over it if so wanted.
  private func study(_ name: String, rate: String, table: Bool, _ box: Sandbox) throws {
    let gather = """

        table:
          stage: table
          inputs: {rows: {retrained: evaluate}}
          parameters: {metrics: [test]}
      """
    try box.write(
      """
      parameters: {rate: \(rate)}
      axes: {repeat: 2}
      stages:
        images: {stage: load-images, parameters: {train_images: 300, test_images: 100}}
        group: {stage: group, inputs: {images: images}, parameters: {size: 10}}
        net:
          stage: retrain
          for: [repeat]
          inputs: {images: images, group: group}
          parameters: {net: mlp, widths: [8], epochs: 1, learning_rate: "${rate}"}
        evaluate:
          stage: evaluate
          for: [repeat]
          inputs: {images: images, net: net, group: group}
          parameters: {}

      """ + (table ? gather : ""), to: "pipelines/\(name).yaml")
  }

  /// The metric of one evaluation, read by h5py.
  private func metric(_ box: Sandbox, _ pipeline: String, _ node: String, _ name: String) throws -> Double {
    let path = try box.pipeline("path", pipeline, node).output.trimmingCharacters(in: .newlines)
    let script = "import h5py, sys; print(repr(float(h5py.File(sys.argv[1])['/metrics/' + sys.argv[2]][()])))"
    return try #require(
      Double(
        try box.python(["-c", script, path, name]).output.trimmingCharacters(in: .whitespacesAndNewlines)))
  }

  private func compare(_ first: String, _ second: String, _ box: Sandbox) throws -> (Answer, String) {
    let json = try box.pipeline("compare", first, second, "--json")
    #expect(json.status == 0, "\(json.errors)")
    let text = try box.pipeline("compare", first, second)
    #expect(text.status == 0)
    return (try JSONDecoder().decode(Answer.self, from: Data(json.output.utf8)), text.output)
  }

  @Test func twoRunsDifferInWhatWasChanged() throws {
    let box = try Sandbox()
    try study("small", rate: "0.03", table: false, box)
    #expect(try box.pipeline("run", "small").status == 0)
    let losses = try (0..<2).map { try metric(box, "small", "evaluate[repeat=\($0)]", "test/loss") }
    try study("small", rate: "0.1", table: false, box)
    #expect(try box.pipeline("run", "small").status == 0)
    let (answer, text) = try compare("small~1", "small~0", box)
    #expect(
      answer.parameters == [
        .init(stage: "net", parameter: "learning_rate", first: "0.03", second: "0.1")
      ])
    #expect(text.contains("net.learning_rate: 0.03 → 0.1") && answer.missing.isEmpty)
    for draw in 0..<2 {
      let node = "evaluate[repeat=\(draw)]"
      let change = try #require(answer.metrics.first { $0.node == node && $0.metric == "test/loss" })
      #expect(change.first == losses[draw])
      #expect(change.second == (try metric(box, "small", node, "test/loss")) && change.second != change.first)
      let difference = try #require(change.second) - losses[draw]
      let shown = (difference > 0 ? "+" : "") + String(format: "%.5g", difference)
      let line = try #require(
        text.split(separator: "\n").first { $0.contains(node) && $0.contains("test/loss ") })
      #expect(line.split(separator: " ").last.map(String.init) == shown, "\(line)")
    }
    // A run with itself: all metrics the same, nothing to show.
    let (none, _) = try compare("small~0", "small~0", box)
    #expect(none.parameters.isEmpty && none.metrics.isEmpty && none.sameMetrics > 20)
  }

  /// Tables say the same as the evaluations in fewer lines: the mean over the repeats.
  @Test func twoPipelinesAreComparedByTheirTables() throws {
    let box = try Sandbox()
    try study("one", rate: "0.03", table: true, box)
    try study("two", rate: "0.1", table: true, box)
    for name in ["one", "two"] { #expect(try box.pipeline("run", name).status == 0) }
    let (answer, text) = try compare("one", "two", box)
    #expect(answer.parameters.map(\.parameter) == ["learning_rate"] && text.hasPrefix("one → two"))
    #expect(Set(answer.metrics.map(\.node)) == ["table"] && Set(answer.metrics.map(\.row)) == ["retrained"])
    let change = try #require(answer.metrics.first { $0.metric == "test/loss" })
    for (name, found) in [("one", change.first), ("two", change.second)] {
      let both = try (0..<2).map { try metric(box, name, "evaluate[repeat=\($0)]", "test/loss") }
      #expect(abs(try #require(found) - (both[0] + both[1]) / 2) < 1e-12)
    }
    // One that was never run has nothing to compare, and says so.
    try study("three", rate: "0.2", table: true, box)
    let (missing, words) = try compare("one", "three", box)
    #expect(missing.metrics.isEmpty && missing.missing.contains("three: table"))
    #expect(words.contains("no artifact: three: table"))
  }
}
