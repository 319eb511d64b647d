// Means of each neuron's output and of its gradient, by which methods choose neurons.

import CKernels
import Tensor

/// A layer's neurons over a set of images, at fixed parameters in evaluation mode.
public struct NeuronScores: Sendable {
  /// The layer, with the place of its parameters.
  public let layer: NeuronLayer
  /// Each neuron's output before ReLU and pooling, as the layer's own module gives it in PyTorch: the mean over
  /// images and, in a convolution, pixels. Its magnitude is the score "top-k outputs".
  public let meanOutput: [Float]
  /// The gradient of the mean loss by that output, meant the same way. Its magnitude is the score "top-k
  /// gradients".
  public let meanGradient: [Float]
}

/// The scores of each convolution and linear layer in state_dict order, over the images of `indices`.
///
/// - Throws: `NeuralNetError` for bad parameters, indices, labels or image shape.
public func neuronScores(
  _ network: Network, parameters: [Float], data: ImageSet, indices: [Int], pool: ThreadPool
) throws(NeuralNetError) -> [NeuronScores] {
  try network.check(parameters: parameters)
  try data.check(indices, for: network)
  let runner = ChunkRunner(network, pool: pool)
  let operations = network.plan.operations
  let starts = operations.indices.map { index in operations[..<index].reduce(0) { $0 + $1.full.channels } }
  let width = operations.reduce(0) { $0 + $1.full.channels }
  let chunks = (indices.count + chunkSize - 1) / chunkSize
  // Each chunk has its own sums; outputs, then gradients.
  let sums = Buffer<Double>(count: chunks * 2 * width)
  let gradients = Buffer<Float>(count: pool.threads * runner.stride)
  let planes = Buffer<Float>(count: pool.threads * Workspace.outputFloats(network.plan))
  let scale = 1 / Float(indices.count)
  parameters.withUnsafeBufferPointer { parameters in
    let parameters = parameters.baseAddress!
    let slots = ChunkRunner.slots(network, images: indices.count)
    pool.run(slots) { slot, worker in
      let workspace = runner.workspaces[worker]
      let plane = planes.pointer + worker * Workspace.outputFloats(network.plan)
      for chunk in ChunkRunner.chunks(slot: slot, of: slots, images: indices.count) {
        let own = sums.pointer + chunk * 2 * width
        workspace.load(data, ChunkRunner.places(chunk, indices[...]))
        workspace.forward(parameters, workspace.tape)
        workspace.loss(workspace.tape, scale: scale)
        for index in operations.indices.reversed() {
          if operations[index].hasNeurons {
            workspace.addOutputs(index, parameters, scratch: plane, to: own + starts[index])
            workspace.addAdjoints(index, to: own + width + starts[index])
          }
          workspace.backward(
            index, parameters, workspace.tape, gradient: gradients.pointer + worker * runner.stride)
        }
      }
    }
  }
  return network.neuronLayers.map { layer in
    guard
      let index = operations.firstIndex(where: { $0.hasNeurons && $0.weight == layer.weight.lowerBound })
    else { preconditionFailure("a layer of neurons is an operation") }
    let outputs = Double(indices.count * operations[index].full.height * operations[index].full.width)
    func means(_ part: Int) -> [Float] {
      (0..<layer.neurons).map { neuron in
        let at = part * width + starts[index] + neuron
        return Float((0..<chunks).reduce(0) { $0 + sums.pointer[$1 * 2 * width + at] } / outputs)
      }
    }
    return NeuronScores(layer: layer, meanOutput: means(0), meanGradient: means(1))
  }
}

extension Workspace {
  /// Floats of the largest output before ReLU and pooling that is not kept, for two packs.
  fileprivate static func outputFloats(_ plan: MemoryPlan) -> Int {
    2 * laneCount * (plan.operations.map { $0.hasNeurons && $0.relu ? $0.full.count : 0 }.max() ?? 0)
  }

  /// Adds each channel's sum over pixels and images of the operation's output before ReLU and pooling.
  fileprivate func addOutputs(
    _ index: Int, _ parameters: UnsafePointer<Float>, scratch: UnsafeMutablePointer<Float>,
    to sums: UnsafeMutablePointer<Double>
  ) {
    let operation = plan.operations[index]
    guard operation.relu else {
      addSums(UnsafePointer(activation(index + 1, tape)), plan.activations[index + 1], to: sums)
      return
    }
    let from = plan.activations[operation.source]
    let to = Layout(operation.full, rows: 0, columns: 0, offset: 0)
    let x = activation(operation.source, tape)
    let weight = parameters + operation.weight
    let bias = operation.hasBias ? parameters + operation.bias : nil
    if case .convolution(let kernel, let stride, let padding) = operation.kind {
      for pack in 0..<packs {
        var arguments = ConvForward(
          x0: x + pack * from.pack + from.start(padding: padding), x1: nil, w0: weight, w1: nil, bias: bias,
          mask: nil, y: scratch + pack * to.pack, code: nil, xRow: from.row, xChannel: from.channel,
          yRow: to.row, yChannel: to.channel, sources: 1, inChannels: Int32(operation.input.channels),
          outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
          padding: Int32(padding), inHeight: Int32(operation.input.height),
          outHeight: Int32(operation.full.height), outWidth: Int32(operation.full.width),
          epilogue: Int32(KERNEL_PLAIN), room: roomBuffer.pointer, roomFloats: roomBuffer.count)
        kernels.convForward(&arguments)
      }
    } else {
      var arguments = LinearForward(
        x0: x, x1: nil, w0: weight, w1: nil, bias: bias, mask: nil, y: scratch, xPack: from.pack,
        yPack: to.pack, sources: 1, inputs: Int32(operation.input.count),
        outputs: Int32(operation.full.channels), packs: Int32(packs), epilogue: Int32(KERNEL_PLAIN))
      kernels.linearForward(&arguments)
    }
    addSums(UnsafePointer(scratch), to, to: sums)
  }

  /// Adds each channel's sum of the adjoint of the same, which is 0 for lanes without an image. What pooling and
  /// ReLU switched off has no part in it; a pooled unit's goes to one pixel.
  fileprivate func addAdjoints(_ index: Int, to sums: UnsafeMutablePointer<Double>) {
    addSums(UnsafePointer(adjoint(index + 1)), plan.adjoints[index + 1], to: sums)
  }

  /// Adds each channel's sum over the chunk's images and their pixels.
  private func addSums(
    _ x: UnsafePointer<Float>, _ layout: Layout, to sums: UnsafeMutablePointer<Double>
  ) {
    for pack in 0..<packs {
      for channel in 0..<layout.shape.channels {
        var lanes = SIMD16<Double>.zero
        for row in 0..<layout.shape.height {
          let first = x + pack * layout.pack + layout.origin + channel * layout.channel + row * layout.row
          for pixel in 0..<layout.shape.width {
            lanes += SIMD16(UnsafeRawPointer(first + pixel * laneCount).load(as: SIMD16<Float>.self))
          }
        }
        for lane in 0..<images(of: pack) { sums[channel] += lanes[lane] }
      }
    }
  }
}
