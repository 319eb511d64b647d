// Tensors by name, fitted to an architecture: each where it belongs, of the right shape, none missing and none too many.

import Artifacts
import NeuralNet
import PipelineCore
import VisionTransformer

/// The tensors of a file.
struct ForeignWeights {
  /// The file, for messages.
  let source: String
  private let tensors: [String: WeightTensor]

  /// Reads safetensors or HDF5.
  ///
  /// - Parameter source: what messages call the file.
  /// - Throws: `StageFailure` for a file of another kind, or one that breaks its format.
  init(at path: String, named source: String) throws {
    self.source = source
    do {
      switch try WeightsFile(path) {
      case .safetensors: tensors = try WeightsFile.safetensors(path)
      case .hdf5:
        tensors = try ForeignNet.tensors(at: path).mapValues {
          WeightTensor(shape: $0.shape, values: $0.values)
        }
      case .pickle:
        throw StageFailure(
          "it is a pickle, as torch.save writes, and reading one may run any code: write it by "
            + "safetensors.torch.save_file, or convert it in a command of your own")
      case .unknown:
        throw StageFailure("it is neither safetensors nor HDF5")
      }
    } catch let failure as StageFailure {
      throw StageFailure("\(source): \(failure.message)")
    } catch {
      throw StageFailure("\(error)".replacing(path, with: source))
    }
  }

  /// The flat parameters and buffers of a net.
  ///
  /// - Throws: `StageFailure` that names what is missing, too much or of another shape.
  func state(of network: Network) throws -> (parameters: [Float], buffers: [Float]) {
    try checkNames(network)
    func flat(_ layouts: [ParameterLayout]) throws -> [Float] {
      var values: [Float] = []
      for layout in layouts { values += try self.values(of: layout, network) }
      return values
    }
    return (try flat(network.parameterLayouts), try flat(network.bufferLayouts))
  }

  private func checkNames(_ network: Network) throws {
    let layouts = network.parameterLayouts + network.bufferLayouts
    let expected = layouts.map(\.name).filter { !$0.hasSuffix(Self.counter) }
    let missing = expected.filter { tensors[$0] == nil }
    let known = Set(layouts.map(\.name))
    let unknown = tensors.keys.filter { !known.contains($0) }.sorted()
    if missing.isEmpty, unknown.isEmpty { return }
    var words: [String] = []
    if !missing.isEmpty { words.append("lacks \(Self.list(missing))") }
    if !unknown.isEmpty { words.append("has \(Self.list(unknown)), which the net does not have") }
    throw StageFailure(
      "\(source) is no \(network.name): it \(words.joined(separator: " and "))\(advice(missing, unknown))")
  }

  /// A counter of batches, which files may leave out: nothing is computed with it.
  private static let counter = ".num_batches_tracked"

  private func advice(_ missing: [String], _ unknown: [String]) -> String {
    // Such as `module.conv1.weight`, of a net that was wrapped while it was trained.
    let prefix = unknown.first.flatMap { name in
      missing.first { name.hasSuffix("." + $0) }.map { name.dropLast($0.count) }
    }
    if let prefix, unknown.allSatisfy({ $0.hasPrefix(prefix) }) { return "; take '\(prefix)' from the names" }
    return "; 'pipeline stages train' lists the architectures, and a net that train has made shows the names"
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
  }

  private func values(of layout: ParameterLayout, _ network: Network) throws -> [Float] {
    guard let tensor = tensors[layout.name] else { return [Float](repeating: 0, count: layout.count) }
    // PyTorch's counter has no dimensions, but some writers know none of those.
    let isSingle = layout.shape.isEmpty && tensor.values.count == 1
    guard tensor.shape == layout.shape || isSingle else {
      let isTransposed = layout.shape.count == 2 && tensor.shape == layout.shape.reversed()
      throw StageFailure(
        "\(source): \(layout.name) is \(tensor.shape), expected \(layout.shape) of a \(network.name) for images of "
          + "\(network.input.channels) × \(network.input.height) × \(network.input.width) and \(network.classes) classes"
          + (isTransposed ? "; a linear layer is [outputs, inputs]: transpose it" : ""))
    }
    return tensor.values
  }
}
