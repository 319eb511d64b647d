// What a scheduler tells a worker arrives exactly, whatever the pieces it comes in; anything else is refused.

import PipelineCore
import PipelineExecution
import Testing

/// A stage with a parameter of each kind.
private enum EachKindStage: Stage {
  static let number = Parameter("n", .integer, default: 0, "a whole number")
  static let declaration = StageDeclaration(
    name: "each-kind", version: 3, summary: "a parameter of each kind",
    parameters: [
      number, Parameter("null", .optional(.string), default: nil, "nothing"),
      Parameter("yes", .boolean, default: true, "a boolean"),
      Parameter("no", .boolean, default: false, "a boolean"),
      Parameter("one", .number(0...), default: 1, "1.0"),
      Parameter("tiny", .number(0...), default: .leastNonzeroMagnitude, "its last bit"),
      Parameter("third", .number(0...), default: 1.0 / 3, "all its bits"),
      Parameter("text", .string, default: "a\u{0}\n👩‍👩‍👧", "text"),
      Parameter("lists", .list(.list(.map(.number(-1e300...0)))), default: [[], [["": -1e300]]], "lists"),
      Parameter("map", .map(.string), default: [:], "a map"),
    ])
  static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest { Digest(of: []) }
}

private let registry = StageRegistry([EachKindStage.self])

@Suite struct MessageTests {
  private func task(_ parameters: [String: Value] = [:], axes: [AxisValue] = []) throws -> StageTask {
    let input = TaskInput(
      label: "größe", node: "a[i=1]", stage: "number", axes: axes, path: "/tmp/x \n.h5",
      content: Digest(of: [1]), fileDigest: Digest(of: [2]))
    return StageTask(
      node: "b", stage: "each-kind", stageVersion: 3, key: Digest(of: [3]),
      parameters: try ParameterValues(parameters, of: EachKindStage.declaration), axes: axes, streamKey: .max,
      inputs: ["terms": [input, input], "none": []], output: "/o", scratch: "/s",
      files: [TaskFile(path: "é", digest: Digest(of: [4]), source: "/é", copy: "/f/0")], downloads: "d",
      cache: "c", threads: 2, memory: .max, syncAfter: 0.1, program: Digest(of: [5]))
  }

  /// A stage must not see from its values whether it runs in a worker: 1.0 stays 1.0, and each bit its own.
  @Test func aTaskArrivesExactly() throws {
    let sent = try task(axes: [AxisValue("i", .number(1)), AxisValue("j", .integer(1))])
    var buffer = MessageBuffer()
    let taken = buffer.take(sent.bytes[...])
    let bodies = try #require(taken)
    let read = try #require(bodies.first.flatMap { StageTask($0, of: registry) })
    #expect(bodies.count == 1 && read.parameters == sent.parameters && read.axes == sent.axes)
    #expect(
      read.parameters.json == sent.parameters.json && read.inputs == sent.inputs && read.files == sent.files)
    #expect(
      read.streamKey == sent.streamKey && read.memory == sent.memory && read.syncAfter == sent.syncAfter)
    #expect(
      [read.node, read.output, read.scratch, read.downloads, read.cache] == [
        "b", "/o", "/s", "d", "c",
      ])
    #expect(read.program == Digest(of: [5]))
    #expect(read.key == sent.key && read.stageVersion == 3 && read.threads == 2 && read.stage == "each-kind")
  }

  @Test func piecesOfAnyLengthGiveTheSame() throws {
    let stream = try (0..<20).flatMap {
      try task(["n": .integer($0), "text": .string(String(repeating: "x", count: $0 * 37))]).bytes
    }
    for length in [1, 3, 8, 100, 1000, stream.count] {
      var buffer = MessageBuffer()
      var numbers: [Int] = []
      for start in stride(from: 0, to: stream.count, by: length) {
        let bodies = buffer.take(stream[start..<min(stream.count, start + length)])
        numbers += try #require(bodies).compactMap {
          StageTask($0, of: registry)?.parameters[EachKindStage.number]
        }
      }
      #expect(numbers == Array(0..<20), "pieces of \(length)")
    }
  }

  @Test func whatIsNoMessageIsRefused() throws {
    var buffer = MessageBuffer()
    #expect(buffer.take(Array("hello\n".utf8)[...]) == nil)
    buffer = MessageBuffer()
    let bodies = buffer.take(try task().bytes[...])
    let body = try #require(bodies?.first)
    for end in body.indices { #expect(StageTask(body[..<end], of: registry) == nil) }
    #expect(StageTask(body + [0], of: registry) == nil)
    #expect(StageTask(body, of: registry) != nil && StageTask(body, of: StageRegistry([])) == nil)
    // Lengths and tags that make no sense are refused, too, without room being made for them.
    var random = SeededGenerator(state: 11)
    for _ in 0..<20_000 {
      var bytes = Array(body)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[bytes.indices.randomElement(using: &random)!] = UInt8.random(in: 0...255, using: &random)
      }
      _ = StageTask(bytes[...], of: registry)
    }
  }
}
