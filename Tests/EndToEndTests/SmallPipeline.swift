// A pipeline of the study, made small: it runs as it stands on real MNIST, and its figures are right.

import Testing

/// What makes a pipeline small: its own options, and words that its tables must have.
struct SmallPipeline: Sendable, CustomTestStringConvertible {
  var name: String
  var options: [String]
  var words: [String]
  /// Its stages of type `spectrum`. Vectors, not images, take their time: ten pairs are enough.
  var spectra: [String] = []
  var testDescription: String { name }

  /// Runs it, and holds its figures to another program's.
  func check() throws {
    let box = try Sandbox()
    let common = [
      "images.train_images=2000", "images.test_images=500", "epochs=1", "hessian_images=100",
    ]
    // A calibration repeats by its trials.
    let repeats = name == "calibrate-steps" ? [] : ["repeat=2"]
    // The later of two options of one key holds.
    let pairs = spectra.map { "\($0).pairs=10" }
    let options = (common + repeats + pairs + self.options).flatMap { ["--set", $0] }
    let run = try box.start(Sandbox.executable, ["run", name] + options).1()
    #expect(run.status == 0, "\(run.errors.suffix(2000))")
    for word in words { #expect(run.output.contains(word), "the tables lack '\(word)'") }
    func table(_ format: String) throws -> String {
      let answer = try box.start(Sandbox.executable, ["table", name, "--format", format] + options).1()
      #expect(answer.status == 0, "\(answer.errors)")
      return answer.output
    }
    #expect(try table("text") == run.output)
    #expect(try table("markdown").contains("| ---"))
    #expect(try table("csv").split(separator: "\r\n").count > 2)
    // Another program finds the same figures: all of the tables, and those of some nets, drawn anew each time.
    try box.write(try table("json"), to: "tables.json")
    let checker = Sandbox.root + "/Tests/EndToEndTests/Figures/check_figures.py"
    let check = try box.python(
      [checker, "--evaluations", "4", box.folder + "/tables.json"] + box.artifacts())
    #expect(check.status == 0, "\(check.errors)")
    let counts = check.output.matches(of: #/\d+/#).compactMap { Int($0.0) }
    #expect(counts.count == 3 && counts[0] > 30 && counts[2] > 0, "\(check.output)")
    // A second run has nothing to do.
    let again = try box.start(Sandbox.executable, ["run", name] + options).1()
    #expect(again.errors.contains(" 0 nodes run") && again.output == run.output)
  }
}
