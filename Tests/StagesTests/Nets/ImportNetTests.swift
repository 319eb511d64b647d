// The stage `import-net`: nets of other programs, whole and wrong, and where they go.

import Artifacts
import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct ImportNetTests {
  private let shop: Workshop
  private let images: TaskInput
  private let net: TaskInput
  private static let training: [String: Value] = [
    "net": "mlp", "widths": .list([.integer(5)]), "epochs": .integer(1), "batch_size": .integer(20),
  ]
  private static let shape: [String: Value] = ["net": "mlp", "widths": .list([.integer(5)])]

  init() throws {
    shop = try Workshop()
    images = try shop.images()
    net = try shop.run("train", Self.training, ["images": [images]])
  }

  /// A tensor with its bytes as float32, or as given.
  private struct Tensor {
    var shape: [Int]
    var type = "F32"
    var bytes: [UInt8]

    init(_ shape: [Int], _ values: [Float]) {
      self.shape = shape
      bytes = values.flatMap { value in withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) } }
    }
  }

  /// The tensors of the net as h5py would read them.
  private func tensors() throws -> [String: Tensor] {
    let file = try FileReader(at: net.path)
    var tensors: [String: Tensor] = [:]
    for info in try file.datasets() where info.path.hasPrefix("/parameters/") {
      tensors[String(info.path.dropFirst("/parameters/".count))] = Tensor(
        info.shape, try file.read(info.path))
    }
    return tensors
  }

  /// Writes safetensors as its description has them.
  private func save(_ tensors: [String: Tensor], as name: String = "net.safetensors") throws {
    var body: [UInt8] = []
    var entries: [String] = [#""__metadata__": {"format": "pt"}"#]
    for (name, tensor) in tensors {
      let range = "[\(body.count), \(body.count + tensor.bytes.count)]"
      entries.append(
        #""\#(name)": {"dtype": "\#(tensor.type)", "shape": \#(tensor.shape), "data_offsets": \#(range)}"#)
      body += tensor.bytes
    }
    let header = Array("{\(entries.joined(separator: ", "))}".utf8)
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }
    try Data(length + header + body).write(to: URL(fileURLWithPath: shop.folder + "/" + name))
  }

  private func imported(_ name: String = "net.safetensors", _ more: [String: Value] = [:]) throws -> TaskInput
  {
    try shop.run("import-net", Self.shape.merging(["file": .string(name)]) { $1 }.merging(more) { $1 })
  }

  private func failure(_ change: (inout [String: Tensor]) throws -> Void) throws -> String {
    var tensors = try tensors()
    try change(&tensors)
    try save(tensors)
    do {
      _ = try imported()
      return "no error"
    } catch { return "\(error)" }
  }

  private func parameters(_ artifact: TaskInput) throws -> [Float] {
    try ArtifactReader<NetArtifact>(artifact).read(\.net).parameters
  }

  @Test func safetensorsAndHDF5AreTheSameNet() throws {
    try save(try tensors())
    let one = try imported()
    let two = try shop.run("import-net", Self.shape.merging(["file": .string(net.path)]) { $1 })
    #expect(try parameters(one) == parameters(net))
    #expect(one.content == two.content)
    // Its own architecture need not be told twice.
    let three = try shop.run("import-net", ["file": .string(net.path)], ["net": [net]])
    #expect(try parameters(three) == parameters(net))
    let decays = try [one, three, net].map { try ArtifactReader<NetArtifact>($0).read(\.net).weightDecay }
    #expect(decays[0] == 0 && decays[1] == decays[2] && decays[2] > 0)
  }

  @Test func aFileThatH5pyHasWrittenIsTaken() throws {
    // Taken apart by hand: a standardised path would follow the link, and lead to a Python without the packages.
    let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(4).joined(
      separator: "/")
    let python = ProcessInfo.processInfo.environment["PIPELINE_PYTHON"] ?? root + "/.build-python/bin/python"
    let program = """
      import h5py, sys
      with h5py.File(sys.argv[1]) as old, h5py.File(sys.argv[2], "w") as new:
          for name in old["parameters"]:
              new["parameters/" + name] = old["parameters"][name][...].astype("f8")
      """
    let made = try shop.command(
      [python, "-c", program, "inputs/net", "net.h5"], outputs: ["net.h5"], inputs: ["net": [net]])
    let back = try shop.run("import-net", [:], ["command": [made], "net": [net]])
    #expect(try parameters(back) == parameters(net))
  }

  @Test func whatIsWrongIsSaid() throws {
    #expect(
      try failure { $0["fc1.weight"] = nil }.contains("is no mlp: it lacks fc1.weight; "))
    #expect(
      try failure { $0["fc9.bias"] = Tensor([1], [0]) }.contains(
        "it has fc9.bias, which the net does not have"))
    #expect(
      try failure { tensors in
        tensors = Dictionary(uniqueKeysWithValues: tensors.map { ("module." + $0, $1) })
      }
      .contains("take 'module.' from the names"))
    #expect(
      try failure { $0["fc2.weight"] = Tensor([5, 10], [Float](repeating: 0, count: 50)) }
        .contains("fc2.weight is [5, 10], expected [10, 5]"))
    #expect(
      try failure { $0["fc2.weight"] = Tensor([5, 10], [Float](repeating: 0, count: 50)) }
        .contains("[outputs, inputs]: transpose it"))
    #expect(
      try failure { $0["fc2.bias"] = Tensor([10], [.nan] + [Float](repeating: 0, count: 9)) }
        .contains("parameter fc2.bias[0] is NaN or infinite"))
    #expect(try failure { $0["fc2.bias"]?.type = "U8" }.contains("the tensor 'fc2.bias' is of U8"))
    #expect(try failure { $0["fc2.bias"]?.bytes.removeLast() }.contains("has 39 bytes of F32"))
    try shop.write("hello, world", to: "text.safetensors")
    #expect { _ = try imported("text.safetensors") } throws: {
      "\($0)".contains("text.safetensors: it is neither safetensors nor HDF5")
    }
    try shop.write("PK\u{3}\u{4} as torch.save writes", to: "net.pt")
    #expect { _ = try imported("net.pt") } throws: {
      "\($0)".contains("net.pt: it is a pickle") && "\($0)".contains("safetensors.torch.save_file")
    }
    #expect { _ = try shop.run("import-net") } throws: { "\($0)".contains("nothing to import") }
  }

  @Test func filesOfCommandsAreChosen() throws {
    let made = try shop.command(
      ["sh", "-c", "cp inputs/net a.h5; echo 1 > b.txt"], outputs: ["a.h5", "b.txt"], inputs: ["net": [net]])
    let inputs = ["command": [made], "net": [net]]
    #expect { _ = try shop.run("import-net", [:], inputs) } throws: {
      "\($0)".contains("command has made a.h5, b.txt: say in output which is meant")
    }
    #expect { _ = try shop.run("import-net", ["output": "c.h5"], inputs) } throws: {
      "\($0)".contains("command has made no 'c.h5'; it made a.h5, b.txt")
    }
    #expect { _ = try shop.run("import-net", ["output": "b.txt"], inputs) } throws: {
      "\($0)".contains("command: b.txt: it is neither")
    }
    let taken = try shop.run("import-net", ["output": "a.h5"], inputs)
    #expect(try parameters(taken) == parameters(net))
  }

  @Test func itGoesWhereTrainedAndRetrainedNetsGo() throws {
    try save(try tensors())
    let own = try imported()
    let group = try shop.run("group", ["size": .integer(4), "label": .integer(3)], ["images": [images]])
    func metrics(_ net: TaskInput, _ references: [TaskInput]) throws -> [EvaluationMetric: Double] {
      let artifact = try shop.run(
        "evaluate", ["label": .integer(3), "relearn_limit": .integer(5)],
        ["images": [images], "net": [net], "group": [group], "reference": references, "original": [net]])
      return try EvaluationArtifact.read(artifact).metrics
    }
    let retrained = try shop.run("retrain", Self.training, ["images": [images], "group": [group]])
    let (a, b) = (try metrics(net, [retrained]), try metrics(own, [retrained]))
    #expect(a.keys == b.keys && a.allSatisfy { $0.value == b[$0.key] || $0.value.isNaN })
    // As a reference it is no other net than the one it was.
    #expect(
      try metrics(retrained, [own])[.parameterDistance] == metrics(retrained, [net])[.parameterDistance])
    let solver: [String: Value] = ["hessian_images": .integer(40), "damping": .number(0.1)]
    let inputs = ["images": [images], "group": [group]]
    let one = try shop.run("unlearn", solver, inputs.merging(["net": [net]]) { $1 })
    let decay: [String: Value] = ["weight_decay": .number(0.0005)]
    let other = try imported("net.safetensors", decay)
    let two = try shop.run("unlearn", solver, inputs.merging(["net": [other]]) { $1 })
    #expect(try parameters(one) == parameters(two))
  }

  @Test func trainingStartsFromAGivenNet() throws {
    let still = Self.training.merging(["learning_rate": .number(0)]) { $1 }
    let same = try shop.run("train", still, ["images": [images], "net": [net]])
    #expect(try parameters(same) == parameters(net))
    let on = try shop.run("train", Self.training, ["images": [images], "net": [net]])
    #expect(try parameters(on) != parameters(net))
    let wide = Self.training.merging(["widths": .list([.integer(6)])]) { $1 }
    #expect { _ = try shop.run("train", wide, ["images": [images], "net": [net]]) } throws: {
      "\($0)".contains("input net is a mlp of")
    }
    // The draws of a net that was given can't be repeated.
    let group = try shop.run("group", ["size": .integer(4)], ["images": [images]])
    let common = Self.training.merging(["start": "common"]) { $1 }
    try save(try tensors())
    for base in [on, try imported()] {
      #expect {
        _ = try shop.run("retrain", common, ["images": [images], "group": [group], "net": [base]])
      } throws: {
        "\($0)".contains("take start warm or scratch")
      }
    }
    let warm = Self.training.merging(["start": "warm", "learning_rate": .number(0)]) { $1 }
    let kept = try shop.run(
      "retrain", warm, ["images": [images], "group": [group], "net": [try imported()]])
    #expect(try parameters(kept) == parameters(net))
  }
}
