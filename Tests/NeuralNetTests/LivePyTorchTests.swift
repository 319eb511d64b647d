// The nets beside PyTorch itself, where there is one: random parameters both ways, derivatives, training.

import Foundation
import NeuralNet
import Tensor
import Testing

/// A Python that can import torch and numpy: `PIPELINE_PYTORCH` if set, else python3 of the path.
private let pythonWithTorch: String? = {
  let environment = ProcessInfo.processInfo.environment
  let folders = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/python3" }
  for candidate in environment["PIPELINE_PYTORCH"].map({ [$0] }) ?? folders
  where FileManager.default.isExecutableFile(atPath: candidate) {
    let process = Process()
    process.executableURL = URL(filePath: candidate)
    process.arguments = ["-c", "import numpy, torch"]
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    guard (try? process.run()) != nil else { continue }
    process.waitUntilExit()
    if process.terminationStatus == 0 { return candidate }
  }
  return nil
}()

private struct Case: Encodable {
  struct Tensor: Encodable {
    let name: String
    let shape: [Int]
    init(_ layout: ParameterLayout) { (name, shape) = (layout.name, layout.shape) }
  }
  let net: String
  let channels: Int
  let learning_rate: Float
  let parameters: [Tensor]
  let buffers: [Tensor]
}

private struct Result: Decodable {
  let torch: String
  let loss: Double
  let losses: [Double]
  let loss_after: Double
}

private func bytes<T>(_ values: [T]) -> Data { values.withUnsafeBytes { Data($0) } }

private func read<T: BitwiseCopyable>(_ url: URL, as type: T.Type) throws -> [T] {
  let data = try Data(contentsOf: url)
  return data.withUnsafeBytes { raw in
    (0..<raw.count / MemoryLayout<T>.stride).map {
      raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
    }
  }
}

@Suite struct LivePyTorchTests {
  /// What PyTorch says of a case; it leaves its vectors in the folder.
  private static func ask(_ it: Case, files: [String: Data], in folder: URL) throws -> Result {
    try JSONEncoder().encode(it).write(to: folder.appending(path: "case.json"))
    for (name, content) in files { try content.write(to: folder.appending(path: name)) }
    let process = Process()
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
    process.executableURL = URL(filePath: try #require(pythonWithTorch))
    process.arguments = ["-B", root.appending(path: "scripts/golden/live.py").path, folder.path]
    let complaints = Pipe()
    process.standardError = complaints
    try process.run()
    let complaint = complaints.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(String(decoding: complaint, as: UTF8.self))")
    return try JSONDecoder().decode(
      Result.self, from: Data(contentsOf: folder.appending(path: "result.json")))
  }

  @Test(
    .enabled(
      if: pythonWithTorch != nil,
      "no Python with torch and numpy: set PIPELINE_PYTORCH to one, or put it first in the path"),
    arguments: ["lenet", "tinynet", "mlp", "softmax", "resnet18-4"])
  func agreesWithPyTorch(name: String) throws {
    let isResNet = name.hasPrefix("resnet18")
    let network =
      isResNet
      ? try Network.named("resnet18", width: 4, input: Shape(3, 28, 28))
      : try Network.named(name, widths: name == "mlp" ? [40, 24] : nil)
    let parameters = unevenParameters(network, key: 31)
    let direction = randomVector(network.parameterCount, key: 33)
    let data = try randomImages(24, channels: network.input.channels, key: 34)
    let images = Array(0..<24)
    let rate: Float = isResNet ? 2e-4 : 0.02
    let folder = FileManager.default.temporaryDirectory.appending(path: "pytorch-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func file(_ name: String) -> URL { folder.appending(path: name) }
    let result = try Self.ask(
      Case(
        net: name, channels: network.input.channels, learning_rate: rate,
        parameters: network.parameterLayouts.map { Case.Tensor($0) },
        buffers: network.bufferLayouts.map { Case.Tensor($0) }),
      files: [
        "parameters": bytes(parameters), "buffers": bytes(network.buffers), "direction": bytes(direction),
        "pixels": Data(data.images), "labels": Data(data.labels),
      ], in: folder)

    let pool = ThreadPool(threads: 2)
    let curvature = try Curvature(
      network, parameters: parameters, data: data, indices: images, pool: pool)
    let (loss, gradient) = try curvature.gradient()
    #expect(abs(loss - result.loss) < 1e-4 * result.loss)
    #expect(relativeDistance(gradient, try read(file("gradient"), as: Double.self)) < 1e-4)
    let hessian = try curvature.hessianProduct(direction)
    #expect(relativeDistance(hessian, try read(file("hessian"), as: Double.self)) < 1e-4)
    let gaussNewton = try curvature.gaussNewtonProduct(direction)
    #expect(relativeDistance(gaussNewton, try read(file("gauss_newton"), as: Double.self)) < 1e-4)

    var options = TrainingOptions()
    options.epochs = 10
    options.batchSize = 24
    options.learningRate = rate
    options.schedule = .constant
    options.nesterov = true
    let trained = try train(
      network, parameters: parameters, data: data, indices: images, options: options,
      stream: RandomStream(key: 1), pool: pool)
    for (record, expected) in zip(trained.history, result.losses) {
      #expect(abs(record.loss - expected) < 1e-4 * expected)
    }
    // Its state_dict in our net: the same function, and near our own training's.
    let theirs = try read(file("trained"), as: Float.self)
    let buffers = network.buffers.isEmpty ? [] : try read(file("trained_buffers"), as: Float.self)
    let after = try evaluate(
      try network.with(buffers: buffers), parameters: theirs, data: data, indices: images, pool: pool)
    #expect(abs(after.loss - result.loss_after) < 1e-4 * result.loss_after)
    #expect(relativeDistance(trained.parameters, theirs.map(Double.init)) < 1e-4)
    #expect(
      buffers.isEmpty || relativeDistance(trained.network.buffers, buffers.map(Double.init)) < 1e-4)
  }
}
