// The documentation's examples are read as they stand: they must load, and errors must read as shown.

import Foundation
import PipelineCore
import PipelineFile
import Testing

@Suite struct DocumentationTests {
  private let text: String

  init() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../..")
    text = try String(contentsOf: root.appending(path: "docs/pipeline-file.md"), encoding: .utf8)
  }

  private func blocks(_ language: String) -> [String] {
    text.components(separatedBy: "```\(language)\n").dropFirst().map {
      $0.components(separatedBy: "\n```")[0]
    }
  }

  @Test func examplesLoad() throws {
    let yaml = blocks("yaml")
    #expect(yaml.count == 7)
    let plan = try plan(yaml[0])
    #expect(plan.nodes.count == 1 + 1 + 15 + 15 + 45 + 75 + 1)
    #expect(plan.stages.map(\.family).reduce(into: [:]) { $0[$1, default: 0] += 1 }["evaluate"] == 5)
    let extended = try extending(yaml[4], over: yaml[0])
    #expect(extended.nodes.count == 1 + 1 + 9 + 9 + 27 + 45)
    #expect(try extended.node("group[size=100,repeat=2]").parameters.values["label"] == .integer(8))
    let cases = yaml[2].components(separatedBy: "\n").map { "  " + $0 }.joined(separator: "\n")
    let before = """
      axes: {size: [1, 2], repeat: 2, random_size: [7]}
      stages:
        images: {stage: load-images}
        cluster: {}

      """
    let split = try document(before + cases).plan
    #expect(split.names.count == 2 + 4 + 2)
    let thinned = try document(yaml[3]).plan
    #expect(thinned.names.filter { $0.hasPrefix("fit") }.count == 6)
    #expect(
      thinned.names.filter { $0.hasPrefix("mean") } == [
        "mean[data=alpha,model=ridge]", "mean[data=gamma,model=ridge]",
      ])
    #expect(thinned.nodes(named: "check").isEmpty)
    #expect(try document(yaml[3], ["slow=true"]).plan.nodes(named: "check").count == 1)
    #expect(try document(yaml[5]).notes["learning_rate"]?.hasPrefix("chosen by the pipeline") == true)
    let published = try document(yaml[0] + "\n" + yaml[6])
    #expect(published.publications.map(\.folder) == ["results", "nets"])
    #expect(published.publications.map(\.nodes.count) == [1, 10])
  }

  private func extending(_ text: String, over base: String) throws -> Plan {
    try plan(text, others: ["folder/coherent-label0.yaml": base])
  }

  /// Every error that the documentation shows is one that a test has seen.
  @Test func errorsReadAsShown() {
    func normal(_ text: String) -> String {
      text.components(separatedBy: "\n").map { $0.replacing(#/ +$/#, with: "") }.joined(separator: "\n")
    }
    let seen = normal(
      (wrongFiles + [doubtful]).map(\.errors).joined(
        separator: "\n"))
    let shown = blocks("text").flatMap { $0.components(separatedBy: "\n\n") }
    #expect(shown.count > 60)
    for error in shown {
      #expect(seen.contains(error.replacing("pipelines/", with: "folder/")), "\(error)")
    }
  }
}
