// Runs without work, which are answered before the parser of arguments is asked, and start-ups in general.

import Foundation
import Testing

@Suite struct PlainRunTests {
  private func project() throws -> Sandbox {
    let box = try Sandbox()
    try box.write(
      """
      axes: {letter: [a, b]}
      stages:
        make:
          stage: command
          for: [letter]
          parameters: {argv: [sh, -c, "echo ${letter} > out.txt"], outputs: [out.txt]}
      """, to: "pipelines/letters.yaml")
    return box
  }

  /// The last line says how long it took.
  private func withoutSeconds(_ answer: Answer) -> String {
    "\(answer.status) \(answer.output) \(answer.errors.replacing(#/  [0-9.]+ m?s$/#.anchorsMatchLineEndings(), with: ""))"
  }

  /// `--keep-going` is for the parser, and changes nothing where nothing is to do.
  @Test func answersAsTheParserDoes() throws {
    let box = try project()
    for options in [
      [], ["--jobs", "1"], ["-j", "2"], ["--cache", "other"], ["--set", "letter=[c]"],
      ["--set", "letter=[c, d]", "--set", "make.retries=1", "--cache", "other", "--jobs", "2"],
    ] {
      for name in ["letters", "pipelines/letters.yaml"] {
        let first = try box.start(Sandbox.executable, ["run", name] + options).1()
        #expect(first.status == 0, "\(first.errors)")
        let plain = try box.start(Sandbox.executable, ["run"] + options + [name]).1()
        let parsed = try box.start(Sandbox.executable, ["run", name, "--keep-going"] + options).1()
        #expect(plain.errors.contains("0 nodes run"), "\(plain.errors)")
        #expect(withoutSeconds(plain) == withoutSeconds(parsed))
      }
    }
  }

  /// What is wrong, and what is to do, is left to the parser.
  @Test(
    arguments: [
      (["letters", "--jobs", "0"], 64, "--jobs takes an integer"),
      (["letters", "--cache", ""], 64, "--cache"),
      (["letters", "--set"], 64, "--set"), ([], 64, "name"), (["nothing"], 66, "nothing"),
      (["letters", "none"], 65, "no node or stage 'none'"), (["letters", "--jobs", "x"], 64, "x"),
    ] as [([String], Int32, String)])
  func leavesComplaintsToTheParser(_ words: [String], _ status: Int32, _ complaint: String) throws {
    let box = try project()
    #expect(try box.pipeline("run", "letters").status == 0)
    let answer = try box.start(Sandbox.executable, ["run"] + words).1()
    #expect(answer.status == status && answer.errors.contains(complaint), "\(answer)")
  }

  @Test func tellsItsVersion() throws {
    let box = try Sandbox()
    let version = try box.pipeline("--version")
    #expect(version.status == 0 && version.output.wholeMatch(of: #/[0-9]+\.[0-9]+\.[0-9]+\n/#) != nil)
  }

  /// A start, and a run of commands that is up to date, wait for none of the libraries that only some stages need.
  @Test func startsWithoutTheLibrariesOfStages() throws {
    let box = try Sandbox()
    let answer = try box.start(
      "/usr/bin/env", ["LD_TRACE_LOADED_OBJECTS=1", Sandbox.executable, "--version"]
    ).1()
    #expect(answer.output.contains("libc.so"), "\(answer)")
    for name in ["hdf5", "blas", "curl", "libcrypto"] {
      #expect(!answer.output.contains(name), "\(name) is loaded at each start:\\n\(answer.output)")
    }
  }
}
