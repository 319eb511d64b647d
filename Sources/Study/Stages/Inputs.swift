// Reads the artifacts that several stages take: images, nets, groups.

import Foundation
import HDF5
import NeuralNet
import PipelineCore
import Synchronization

/// The images of a `load-images` artifact.
struct LoadedImages: Sendable {
  var train: ImageSet
  var test: ImageSet
}

/// The images that this process has read last: a worker's tasks nearly always share them.
private let lastImages = Mutex<(content: Digest, images: LoadedImages)?>(nil)

extension StageTask {
  /// The images of slot `images`.
  func loadImages() throws -> LoadedImages {
    let input = input("images")
    if let last = lastImages.withLock({ $0 }), last.content == input.content { return last.images }
    let file = try FileReader(at: input.path)
    func split(_ name: String) throws -> ImageSet {
      try ImageSet(
        images: try file.read("/\(name)/images", shape: [nil, 28, 28]),
        labels: try file.read("/\(name)/labels", shape: [nil]))
    }
    let images = LoadedImages(train: try split("train"), test: try split("test"))
    lastImages.withLock { $0 = (input.content, images) }
    return images
  }

  /// The net of a slot.
  func loadNet(_ slot: String) throws -> Net { try loadNet(input(slot)) }

  /// The net of one artifact.
  func loadNet(_ input: TaskInput) throws -> Net {
    let file = try FileReader(at: input.path)
    let name = try file.string("net")
    let network = try Network.named(
      name, widths: name == "mlp" ? try hiddenWidths(file) : nil,
      width: name == "resnet18" ? try file.integer("width") : nil)
    func values(_ layouts: [ParameterLayout]) throws -> [Float] {
      try layouts.flatMap { layout in
        let path = "/parameters/\(layout.name)"
        return layout.shape.isEmpty
          ? [try file.readScalar(path)] : try file.read(path, as: Float.self, shape: layout.shape)
      }
    }
    return Net(
      network: try network.with(buffers: try values(network.bufferLayouts)),
      parameters: try values(network.parameterLayouts), weightDecay: try file.real("weight_decay"))
  }

  /// The widths of an mlp's hidden layers fc1, fc2, …, from the shapes of their weights.
  private func hiddenWidths(_ file: borrowing FileReader) throws -> [Int] {
    let shapes = Dictionary(try file.datasets().map { ($0.path, $0.shape) }) { first, _ in first }
    var widths: [Int] = []
    while let shape = shapes["/parameters/fc\(widths.count + 1).weight"], let outputs = shape.first {
      widths.append(outputs)
    }
    return Array(widths.dropLast())
  }

  /// Throws unless the artifact of a slot was made of the very artifacts that this node has in some slots: figures
  /// of another net or group would fit in size and say nothing.
  func check(_ slot: String, _ file: borrowing FileReader, wasMadeWith slots: [String]) throws {
    let made = try JSONDecoder().decode([String: Value].self, from: Data(file.string("inputs").utf8))
    for other in slots where made[other] != .string(input(other).content.hex) {
      throw StageFailure("input \(slot) was computed with other \(other) than this node's")
    }
  }

  /// The group of slot `group`.
  func loadGroup() throws -> Group {
    let file = try FileReader(at: input("group").path)
    let indices = try file.read("/indices", as: Int64.self, shape: [nil]).map { Int($0) }
    return Group(
      indices: indices, parts: try file.read("/parts", shape: [indices.count]),
      poolSize: try file.integer("pool_size"))
  }
}

/// A net with its parameters, flat in `state_dict` order.
struct Net {
  /// With its running statistics, which every stage that changes the parameters carries along.
  var network: Network
  var parameters: [Float]
  /// The L2 regularisation of its training, per parameter.
  var weightDecay: Double
}

/// A group of training images to remove.
struct Group {
  /// Into the train split, ascending.
  var indices: [Int]
  /// The step at which each is removed.
  var parts: [UInt8]
  /// How many images the group was drawn from.
  var poolSize: Int

  /// The other images of the train split, ascending.
  func complement(in count: Int) -> [Int] {
    var removed = [Bool](repeating: false, count: count)
    for index in indices { removed[index] = true }
    return (0..<count).filter { !removed[$0] }
  }
}

extension ArtifactWriter {
  /// Writes a net as a `state_dict`, with the facts that a reader of it needs.
  mutating func write(_ net: Net) throws {
    for layout in net.network.parameterLayouts {
      try write("/parameters/\(layout.name)", Array(net.parameters[layout.range]), shape: layout.shape)
    }
    for layout in net.network.bufferLayouts {
      let path = "/parameters/\(layout.name)"
      let values = Array(net.network.buffers[layout.range])
      if layout.shape.isEmpty {
        try write(path, scalar: values[0])
      } else {
        try write(path, values, shape: layout.shape)
      }
    }
    try attribute("net", .string(net.network.name))
    try attribute("width", .integer(Int64(net.network.width)))
    try attribute("weight_decay", .real(net.weightDecay))
  }
}
