// What a scheduler tells a worker arrives exactly, whatever the pieces it comes in; anything else is refused.

import PipelineCore
import PipelineExecution
import Testing

@Suite struct MessageTests {
  private func task(_ parameters: [String: Value], axes: [AxisValue] = []) -> StageTask {
    let input = TaskInput(
      label: "größe", node: "a[i=1]", stage: "number", axes: axes, path: "/tmp/x \n.h5",
      content: Digest(of: [1]), fileDigest: Digest(of: [2]))
    return StageTask(
      node: "b", stage: "sum", stageVersion: 3, key: Digest(of: [3]), parameters: ParameterValues(parameters),
      axes: axes, streamKey: .max, inputs: ["terms": [input, input], "none": []], output: "/o", scratch: "/s",
      baseDirectory: ".", downloads: "d", cache: "c", threads: 2, memory: .max, syncAfter: 0.1)
  }

  /// A stage must not see from its values whether it runs in a worker: 1.0 stays 1.0, and each bit its own.
  @Test func aTaskArrivesExactly() throws {
    let values: [String: Value] = [
      "null": .null, "yes": .boolean(true), "no": .boolean(false), "least": .integer(.min), "one": .number(1),
      "tiny": .number(.leastNonzeroMagnitude), "third": .number(1.0 / 3), "text": .string("a\u{0}\n👩‍👩‍👧"),
      "list": .list([.integer(1), .list([]), .map(["": .number(-1e300)])]), "map": .map([:]),
    ]
    let sent = task(values, axes: [AxisValue("i", .number(1)), AxisValue("j", .integer(1))])
    var buffer = MessageBuffer()
    let taken = buffer.take(sent.bytes[...])
    let bodies = try #require(taken)
    let read = try #require(bodies.first.flatMap { StageTask($0) })
    #expect(bodies.count == 1 && read.parameters == sent.parameters && read.axes == sent.axes)
    #expect(read.parameters.json == sent.parameters.json && read.inputs == sent.inputs)
    #expect(
      read.streamKey == sent.streamKey && read.memory == sent.memory && read.syncAfter == sent.syncAfter)
    #expect(
      [read.node, read.output, read.scratch, read.baseDirectory, read.downloads, read.cache] == [
        "b", "/o", "/s", ".", "d", "c",
      ])
    #expect(read.key == sent.key && read.stageVersion == 3 && read.threads == 2 && read.stage == "sum")
  }

  @Test func piecesOfAnyLengthGiveTheSame() throws {
    let stream = (0..<20).flatMap {
      task(["n": .integer($0), "pad": .string(String(repeating: "x", count: $0 * 37))]).bytes
    }
    for length in [1, 3, 8, 100, 1000, stream.count] {
      var buffer = MessageBuffer()
      var numbers: [Int] = []
      for start in stride(from: 0, to: stream.count, by: length) {
        let bodies = buffer.take(stream[start..<min(stream.count, start + length)])
        numbers += try #require(bodies).compactMap { StageTask($0)?.parameters.integer("n") }
      }
      #expect(numbers == Array(0..<20), "pieces of \(length)")
    }
  }

  @Test func whatIsNoMessageIsRefused() throws {
    var buffer = MessageBuffer()
    #expect(buffer.take(Array("hello\n".utf8)[...]) == nil)
    buffer = MessageBuffer()
    let bodies = buffer.take(task(["n": .integer(1)]).bytes[...])
    let body = try #require(bodies?.first)
    for end in body.indices { #expect(StageTask(body[..<end]) == nil) }
    #expect(StageTask(body + [0]) == nil)
    // Lengths and tags that make no sense are refused, too, without room being made for them.
    var random = SeededGenerator(state: 11)
    for _ in 0..<20_000 {
      var bytes = Array(body)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[bytes.indices.randomElement(using: &random)!] = UInt8.random(in: 0...255, using: &random)
      }
      _ = StageTask(bytes[...])
    }
  }
}
