// The page docs/add-a-stage.md quotes this folder's files, and its pipeline plans: what the tutorial says can be done.

import Foundation
import PipelineCore
import PipelineFile
import Stages
import Testing

@Suite struct TutorialTests {
  private let page: String
  private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  init() throws {
    page = try String(
      contentsOf: folder.appending(path: "../../docs/add-a-stage.md").standardizedFileURL, encoding: .utf8)
  }

  private func blocks(_ language: String) -> [String] {
    page.components(separatedBy: "```\(language)\n").dropFirst().map {
      $0.components(separatedBy: "\n```")[0]
    }
  }

  /// In the tutorial the artifact's file stands in the module that this one has to import.
  @Test(arguments: ["InkArtifact", "InkStage", "InkTests"]) func quotesTheFile(name: String) throws {
    let code = try String(contentsOf: folder.appending(path: name + ".swift"), encoding: .utf8)
    let quoted = name == "InkArtifact" ? code.replacing("import Artifacts\n\n", with: "") : code
    #expect(
      blocks("swift").contains(quoted.trimmingCharacters(in: .newlines)),
      "docs/add-a-stage.md does not show \(name).swift as it stands")
  }

  @Test func itsPipelinePlans() throws {
    let yaml = try #require(blocks("yaml").first)
    var stages = allStages.declarations
    stages["ink"] = InkStage.declaration
    let plan = try PipelineFile.parse(
      text: yaml, name: "folder/ink.yaml", stages: stages, readFile: { _ in throw CancellationError() },
      hashFile: { _ in Digest(of: []) }
    ).plan
    #expect(plan.nodes.map(\.name) == ["images", "ink[digit=0]", "ink[digit=1]", "ink[digit=8]"])
  }
}
