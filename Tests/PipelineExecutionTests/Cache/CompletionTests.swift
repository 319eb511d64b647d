// The shortcut of a run without work: every difference that ends it, and every way to damage it.

import Foundation
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct CompletionTests {
  /// A pipeline that has run, with the file that it is said to be written in.
  private final class Study {
    let lab: Lab
    var pipeline: ToyPipeline
    var path: String { lab.folder + "/study.yaml" }
    var index: String { (try? lab.history(".done")) ?? "" }

    init() throws {
      lab = try Lab()
      pipeline = try study(lab)
      try write("stages: 1\n", "study.yaml")
      try run()
    }

    func write(_ text: String, _ name: String) throws {
      // In place: the same inode, and within the same second.
      let file = FileHandle(forWritingAtPath: lab.folder + "/" + name)
      if let file {
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(text.utf8))
      } else {
        try Data(text.utf8).write(to: URL(fileURLWithPath: lab.folder + "/" + name))
      }
    }

    @discardableResult
    func run(_ overrides: [String] = [], program: String = "1") throws -> RunSummary {
      let plan = try pipeline.plan()
      let sources = [ExternalFile(path: path, digest: try digestOfFile(path))]
      var run = Run(
        plan: plan, keys: plan.planKeys(), cache: lab.cache, options: RunOptions(jobs: 2, memory: 1 << 30),
        executor: InlineExecutor(registry: toyStages), progress: NoProgress())
      let summary = try run.execute(Array(plan.ids))
      run.seal(
        RunQuestion(pipeline: path, overrides: overrides, program: program), sources: sources,
        answer: "a table\n")
      return summary
    }

    func ask(_ overrides: [String] = [], program: String = "1", path: String? = nil) -> CompletedRun? {
      let question = RunQuestion(pipeline: path ?? self.path, overrides: overrides, program: program)
      return CompletedRun(question, pipeline: "study", cache: lab.cache, hashFile: digestOfFile)
    }
  }

  @Test func theSameQuestionIsAnsweredAtOnce() throws {
    let study = try Study()
    let answer = try #require(study.ask())
    #expect(answer.nodes == studyNodes.count)
    #expect(answer.answer == "a table\n")
    // Asking neither writes nor touches anything.
    let before = study.lab.listing()
    _ = study.ask()
    #expect(study.lab.listing() == before)
  }

  @Test func everythingThatDecidesThePlanCounts() throws {
    let study = try Study()
    #expect(study.ask(program: "2") == nil, "another build of the program")
    #expect(study.ask(["base.value=11"]) == nil, "another option")
    #expect(study.ask(path: study.lab.folder + "/other/study.yaml") == nil, "another file of the same name")
    // Of the same size, in the same second, in the same inode.
    try study.write("stages: 2\n", "study.yaml")
    #expect(study.ask() == nil)
    try study.write("stages: 1\n", "study.yaml")
    #expect(study.ask() != nil)
    try study.write("8\n", "seven.txt")
    #expect(study.ask() == nil, "an external file")
    try study.write("7\n", "seven.txt")
    #expect(study.ask() != nil)
    try FileManager.default.removeItem(atPath: study.lab.folder + "/seven.txt")
    #expect(study.ask() == nil)
  }

  @Test func everyResultCounts() throws {
    let study = try Study()
    for section in ["artifacts", "plans"] {
      for path in study.lab.files(section) {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try FileManager.default.removeItem(atPath: path)
        #expect(study.ask() == nil, "\(path) is gone")
        try bytes.dropLast().write(to: URL(fileURLWithPath: path))
        #expect(study.ask() == nil, "\(path) is cut")
        try (bytes + [0]).write(to: URL(fileURLWithPath: path))
        #expect(study.ask() == nil, "\(path) has grown")
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(study.ask() != nil)
      }
    }
  }

  /// A run with other parameters leaves other last keys, by which a collection would go.
  @Test func aRunInBetweenCounts() throws {
    let study = try Study()
    study.pipeline["base"].parameters["value"] = .integer(11)
    // Only one of its nodes, so that it is no complete run.
    try study.lab.run(study.pipeline, ["base"])
    #expect(study.ask() == nil)
    study.pipeline["base"].parameters["value"] = .integer(10)
    #expect(try study.run().ran.isEmpty)
    #expect(study.ask() != nil)
    #expect(study.lab.cache.remove(study.lab.cache.garbage()))
    #expect(study.ask() != nil, "a collection keeps what the last complete run stands for")
  }

  @Test func whatVerificationFindsIsLookedAtAgain() throws {
    let study = try Study()
    let record = study.lab.files("plans")[0]
    let bit = 8 * 40
    try flipBit(record, at: bit)
    #expect(study.ask() != nil, "of the same size")
    #expect(try study.lab.cache.verify().damage.map(\.path) == [record])
    #expect(study.ask() == nil)
    #expect(try study.run().failures.isEmpty)
    #expect(try study.lab.cache.verify().damage.isEmpty, "the run has healed it")
  }

  @Test func anIndexFromElsewhereReadsNoFilesOutside() throws {
    let study = try Study()
    // A name of the same length that leads out of the pipeline's folder, in an index whose digest fits.
    var bytes = try Data(contentsOf: URL(fileURLWithPath: study.index)).dropLast(32)
    let source = try #require(bytes.range(of: Data("/study.yaml".utf8)))
    bytes.replaceSubrange(source, with: Data("/../secrets".utf8))
    try Data(sealed([UInt8](bytes))).write(to: URL(fileURLWithPath: study.index))
    var read: [String] = []
    let found = CompletedRun(
      RunQuestion(pipeline: study.path, overrides: [], program: "1"), pipeline: "study",
      cache: study.lab.cache
    ) {
      read.append($0)
      return Digest(of: [])
    }
    #expect(found == nil)
    #expect(!read.contains { $0.contains("secrets") })
  }

  /// Mutations of every kind; half of them carry a digest that fits, as a hostile index would.
  @Test func noIndexIsBelievedOrCrashes() throws {
    let study = try Study()
    let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: study.index)))
    var random = SeededGenerator(state: 11)
    for number in 0..<1500 {
      var bytes = mutate(Array(whole.dropLast(32)), &random)
      let isSealed = number % 2 == 0
      bytes = isSealed ? sealed(bytes) : bytes + whole.suffix(32)
      try Data(bytes).write(to: URL(fileURLWithPath: study.index))
      let answer = study.ask()
      if !isSealed, bytes != whole { #expect(answer == nil, "mutation \(number)") }
    }
    try Data(whole).write(to: URL(fileURLWithPath: study.index))
    #expect(study.ask() != nil)
  }
}

/// Bytes of a file with the digest that fits them at the end.
private func sealed(_ bytes: [UInt8]) -> [UInt8] {
  let digest = Digest(of: bytes).hex
  return bytes + stride(from: 0, to: 64, by: 2).map { UInt8(digest.dropFirst($0).prefix(2), radix: 16)! }
}

/// Flips, cuts, repeats and overwrites pieces of a file.
func mutate(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
  var bytes = bytes
  for _ in 0..<Int.random(in: 1...3, using: &random) {
    let index = Int.random(in: 0...bytes.count, using: &random)
    let length = Int.random(in: 0...min(16, bytes.count - index), using: &random)
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes.removeSubrange(index..<(index + length))
    case 1: bytes.removeSubrange(index...)
    case 2: bytes.insert(contentsOf: bytes[index..<(index + length)], at: index)
    case 3:
      for place in index..<(index + length) {
        bytes[place] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random)!
      }
    case 4: for place in index..<(index + length) { bytes[place] = UInt8.random(in: 0...255, using: &random) }
    default: if index < bytes.count { bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random) }
    }
  }
  return bytes
}
