// Real artifacts with damage in them: each of their readers says so or finds the same, and none crashes or hangs.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct ArtifactFuzzTests {
  /// Small artifacts as the stages write them, by stage.
  private func artifacts(_ shop: Workshop) throws -> [String: TaskInput] {
    let images = try shop.images()
    let training: [String: Value] = [
      "net": .string("mlp"), "widths": .list([.integer(4)]), "epochs": .integer(1),
      "batch_size": .integer(40),
    ]
    let group = try shop.run("group", ["size": .integer(9)], ["images": [images]])
    let net = try shop.run("retrain", training, ["images": [images], "group": [group]])
    var evaluation = try shop.run("evaluate", [:], ["images": [images], "net": [net], "group": [group]])
    evaluation.axes = [AxisValue("size", .integer(9)), AxisValue("repeat", .integer(0))]
    let table = try shop.run("table", [:], ["rows": [evaluation]])
    let command = try shop.run(
      "command",
      [
        "argv": .list([.string("sh"), .string("-c"), .string("echo some words > out")]),
        "outputs": .list([.string("out")]),
      ])
    return ["group": group, "retrain": net, "evaluate": evaluation, "table": table, "command": command]
  }

  /// What all readers make of a file, as text.
  private func readAll(_ path: String, _ stage: String) throws -> String {
    let file = try FileReader(at: path)
    var text = try file.contentHash()
    for dataset in try file.datasets() {
      switch dataset.type {
      case .float64: text += "\(try file.read(dataset.path, as: Double.self))"
      case .float32: text += "\(try file.read(dataset.path, as: Float.self))"
      case .int64: text += "\(try file.read(dataset.path, as: Int64.self))"
      case .uint8: text += "\(try file.read(dataset.path, as: UInt8.self))"
      case .string: text += "\(try file.readStrings(dataset.path))"
      default: break
      }
    }
    for name in ["stage", "parameters", "inputs", "content"] { text += try file.string(name) }
    if stage == "evaluate" || stage == "table" {
      let rows = try ArtifactMetrics(file: path)?.rows ?? [:]
      for row in rows.keys.sorted() { text += row + rows[row]!.sorted { $0.key < $1.key }.description }
    }
    if stage == "table" {
      let values = try ParameterValues([:], of: #require(allStages.declaration("table")))
      for format in TableReport.Format.allCases {
        text += try TableReport(file: path, parameters: values, nodes: [["a"]]).render(format)
      }
    }
    if stage == "command" { text += "\(try PictureFiles.read(path))" }
    return text
  }

  private func mutate(_ bytes: [UInt8], _ noise: inout Noise) -> [UInt8] {
    var bytes = bytes
    func position(_ count: Int) -> Int { min(count - 1, Int(noise.uniform() * Double(count))) }
    switch position(5) {
    case 0: bytes.removeLast(bytes.count - position(bytes.count))
    case 1:
      let start = position(bytes.count)
      for index in start..<min(bytes.count, start + 1 + position(64)) { bytes[index] = UInt8(position(256)) }
    case 2:
      let start = position(bytes.count)
      bytes.removeSubrange(start..<min(bytes.count, start + 1 + position(16)))
    default: for _ in 0...position(3) { bytes[position(bytes.count)] ^= UInt8(1 << position(8)) }
    }
    return bytes
  }

  @Test(.timeLimit(.minutes(2))) func everyReaderRefusesOrFindsTheSame() throws {
    let shop = try Workshop()
    let damaged = shop.path()
    for (stage, artifact) in try artifacts(shop).sorted(by: { $0.key < $1.key }) {
      let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: artifact.path)))
      let expected = try readAll(artifact.path, stage)
      var noise = Noise(UInt64(stage.utf8.count))
      var refused = 0
      for round in 0..<400 {
        let bytes = mutate(whole, &noise)
        if bytes == whole { continue }
        try Data(bytes).write(to: URL(fileURLWithPath: damaged))
        do {
          // Never other values, whatever was damaged.
          #expect(try readAll(damaged, stage) == expected, "\(stage), round \(round)")
        } catch { refused += 1 }
      }
      #expect(refused > 350, "\(stage): \(refused)")
    }
  }

  /// Without a seal, the file is any other program's: HDF5's own checks have to do, and text of variable length is not
  /// parsed at all.
  @Test(.timeLimit(.minutes(2))) func filesWithoutSealDoNoHarm() throws {
    let shop = try Workshop()
    let damaged = shop.path()
    let sealLength = 56
    for (stage, artifact) in try artifacts(shop).sorted(by: { $0.key < $1.key }) {
      let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: artifact.path)).dropLast(sealLength))
      var noise = Noise(UInt64(100 + stage.utf8.count))
      for _ in 0..<400 {
        try Data(mutate(whole, &noise)).write(to: URL(fileURLWithPath: damaged))
        #expect(throws: (any Error).self) { try readAll(damaged, stage) }
      }
    }
  }
}
