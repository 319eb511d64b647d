// Every error is shown in full: its place, the line, a caret, and what to do.

import PipelineFile
import Testing

/// A file with something wrong, and all that is said of it.
struct WrongFile: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var text: String
  var overrides: [String]
  /// Other files by path.
  var others: [String: String]
  /// External files that can't be read.
  var missing: Set<String>
  var errors: String

  init(
    _ name: String, _ text: String, overrides: [String] = [], others: [String: String] = [:],
    missing: Set<String> = [], says errors: String
  ) {
    testDescription = name
    self.text = text
    self.overrides = overrides
    self.others = others
    self.missing = missing
    self.errors = errors
  }
}

/// All wrong files of the tests.
let wrongFiles =
  wrongYAML + wrongShape + wrongParameters + wrongAxes + wrongInputs + wrongCases + wrongTexts
  + wrongExtensions
  + wrongOptions + wrongConditions

@Suite struct ErrorTests {
  @Test(arguments: wrongFiles)
  func says(_ file: WrongFile) {
    #expect(errors(file.text, file.overrides, others: file.others, missing: file.missing) == file.errors)
  }

  @Test func unreadableFile() {
    #expect {
      try PipelineFile.load(path: "/nowhere/x.yaml", stages: toys) { _ in throw NoSuchFile() }
    } throws: { error in
      "\(error)" == "error: can't read '/nowhere/x.yaml': No such file or directory"
    }
  }

  /// Thousands of errors are neither shown nor slow.
  @Test func keepsAHundredErrors() {
    let stages = (0..<2000).map { "  s\($0): { stage: nothing\($0), inputs: { a: missing\($0) } }" }
    let text = "stages:\n" + stages.joined(separator: "\n")
    do {
      _ = try document(text)
      Issue.record("the file is wrong")
    } catch {
      #expect(error.diagnostics.count == 100)
    }
  }
}
