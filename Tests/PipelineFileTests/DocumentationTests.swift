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
    #expect(yaml.count == 3)
    let plan = try plan(yaml[0])
    #expect(plan.stages.map(\.nodes.count) == [1, 1, 15, 15, 1])
    let extended = try extending(yaml[2], over: yaml[0])
    #expect(extended.stages.map(\.nodes.count) == [1, 1, 9, 9])
  }

  private func extending(_ text: String, over base: String) throws -> Plan {
    try plan(text, others: ["folder/coherent-label0.yaml": base])
  }

  /// Every error that the documentation shows is one that a test has seen.
  @Test func errorsReadAsShown() {
    func normal(_ text: String) -> String {
      text.components(separatedBy: "\n").map { $0.replacing(#/ +$/#, with: "") }.joined(separator: "\n")
    }
    let seen = normal((wrongYAML + wrongValues + wrongStages).map(\.errors).joined(separator: "\n"))
    let shown = blocks("text").flatMap { $0.components(separatedBy: "\n\n") }
    #expect(shown.count > 60)
    for error in shown {
      #expect(seen.contains(error.replacing("pipelines/", with: "folder/")), "\(error)")
    }
  }
}
