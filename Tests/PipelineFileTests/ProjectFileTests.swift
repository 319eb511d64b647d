// Files that stages read: anywhere in the project, and nowhere else.

import PipelineCore
import PipelineFile
import Testing

@Suite struct ProjectFileTests {
  private func load(_ path: String, in file: String) throws(PipelineFileErrors) -> [String] {
    let text = "stages:\n  a: {stage: command, parameters: {argv: [a], files: [\"\(path)\"]}}\n"
    return try document(text, name: file).plan.nodes[0].files.map(\.path)
  }

  @Test func filesStandAnywhereInTheProject() throws {
    for path in ["here", "../src/fit.py", "../../src/fit.py", "./../x"] {
      #expect(try load(path, in: "/home/u/pipelines/study/main.yaml") == [path])
    }
    #expect(try load("../src/fit.py", in: "/home/u/pipelines/main.yaml") == ["../src/fit.py"])
  }

  @Test func filesElsewhereAreRefused() {
    for (path, file) in [
      ("../../../x", "/home/u/pipelines/study/main.yaml"), ("../../x", "/home/u/pipelines/main.yaml"),
      ("src/../../../x", "/home/u/pipelines/main.yaml"), ("../..", "/home/u/pipelines/study/main.yaml"),
      ("/etc/hosts", "/home/u/pipelines/main.yaml"), ("../", "/home/u/pipelines/main.yaml"),
    ] {
      #expect {
        try load(path, in: file)
      } throws: { error in
        "\(error)".contains(
          "error: the file '\(path)' lies outside of the project\n")
          && "\(error)".contains("command reads files of the project")
      }
    }
  }
}
