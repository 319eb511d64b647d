// One thread's memory, and the passes over a chunk of up to 32 images in it.

import CKernels
import Tensor

/// Where a chunk's activations lie: a thread's own memory or a place in a cache.
package struct Tape {
  package let floats: UnsafeMutablePointer<Float>
  package let codes: UnsafeMutablePointer<UInt8>

  package init(at memory: UnsafeMutableRawPointer, plan: MemoryPlan) {
    floats = memory.bindMemory(to: Float.self, capacity: plan.tapeFloats)
    codes = (memory + plan.tapeFloats * 4).bindMemory(to: UInt8.self, capacity: plan.tapeCodes)
  }
}

/// A thread's memory for passes over chunks of images; not for two threads at once.
package final class Workspace {
  package let network: Network
  let plan: MemoryPlan
  let kernels: Kernels
  let inputBuffer: Buffer<Float>
  let tapeBuffer: Buffer<UInt8>
  private let adjointBuffer: Buffer<Float>
  /// Where the adjoints are: in the buffer, or kept elsewhere.
  private var adjoints: UnsafeMutablePointer<Float>
  let curvedBuffer: Buffer<Float>
  let spreadBuffer: Buffer<Float>
  /// Sums of one direction or of several, one after the other.
  private var sumsBuffer: Buffer<Float>
  /// The sums of the direction at hand.
  private(set) var sums: UnsafeMutablePointer<Float>
  let transposedBuffer: Buffer<Float>
  let tangentBuffer: Buffer<Float>
  let roomBuffer: Buffer<Float>
  let labelBuffer: Buffer<UInt8>
  /// Batch normalisation's mean and 1/√(variance + ε) of each channel, laid out as mean and variance in the net's
  /// buffers.
  let statistics: Buffer<Float>
  /// Scratch for coefficients of one batch normalisation's channels.
  let coefficients: Buffer<Float>
  /// Losses of the chunk at hand, after `loss`.
  package let losses: Buffer<Float>
  /// Predicted classes of the chunk at hand, after `loss`.
  package let predictions: Buffer<UInt8>
  /// The thread's own tape.
  package let tape: Tape
  /// Images in the chunk at hand, and the packs of 16 that they fill.
  package private(set) var count = 0
  package var packs: Int { (count + laneCount - 1) / laneCount }
  /// Key of the dropout's draws; nil outside training.
  package var dropoutKey: UInt64?
  /// The chunk's first place in its batch, for the dropout's draws.
  package var dropoutPlace = 0
  let transposedRow: Int

  /// Bytes that a workspace takes.
  package static func bytes(_ plan: MemoryPlan) -> Int {
    let floats =
      plan.activations[0].end + 2 * plan.tapeFloats + 2 * plan.adjointFloats + plan.spreadFloats
      + plan.laneSumFloats + plan.roomFloats
      + max(chunkSize * (plan.widestInput + laneCount), plan.transposedFloats)
    return 4 * floats + plan.tapeCodes
  }

  /// - Parameter products: whether it is for curvature products too, which take twice the memory of gradients.
  package init(_ network: Network, variant: KernelVariant, products: Bool = true) {
    self.network = network
    plan = network.plan
    kernels = variant.kernels.pointee
    inputBuffer = Buffer(count: plan.activations[0].end)
    tapeBuffer = Buffer(count: plan.tapeBytes)
    adjointBuffer = Buffer(count: plan.adjointFloats)
    adjoints = adjointBuffer.pointer
    curvedBuffer = Buffer(count: products ? plan.adjointFloats : 0)
    spreadBuffer = Buffer(count: plan.spreadFloats)
    sumsBuffer = Buffer(count: plan.laneSumFloats)
    sums = sumsBuffer.pointer
    transposedRow = (plan.widestInput + laneCount - 1) / laneCount * laneCount
    transposedBuffer = Buffer(count: max(chunkSize * transposedRow, plan.transposedFloats))
    tangentBuffer = Buffer(count: products ? plan.tapeFloats : 0)
    roomBuffer = Buffer(count: plan.roomFloats)
    labelBuffer = Buffer(count: chunkSize)
    statistics = Buffer(count: network.buffers.count)
    coefficients = Buffer(count: 3 * plan.normChannels)
    losses = Buffer(count: chunkSize)
    predictions = Buffer(count: chunkSize)
    tape = Tape(at: UnsafeMutableRawPointer(tapeBuffer.pointer), plan: plan)
    useRunningStatistics()
  }

  /// Makes room for the sums of several directions.
  func reserve(sums directions: Int) {
    if sumsBuffer.count < directions * plan.laneSumFloats {
      sumsBuffer = Buffer(count: directions * plan.laneSumFloats)
    }
    select(sums: 0)
  }

  /// Chooses the direction whose sums the passes add to.
  func select(sums direction: Int) { sums = sumsBuffer.pointer + direction * plan.laneSumFloats }

  /// Has the passes keep the adjoints in that memory, zero at first; nil: in the workspace's own.
  func use(adjoints kept: UnsafeMutablePointer<Float>?) { adjoints = kept ?? adjointBuffer.pointer }

  /// Converts the images of `indices` (at most 32) to normalised activations; unused lanes are zero.
  package func load(_ data: ImageSet, _ indices: ArraySlice<Int>) {
    count = indices.count
    let layout = plan.activations[0]
    let gain = 1 / (255 * data.deviation)
    let offset = -data.mean / data.deviation
    let plane = data.height * data.width
    data.images.withUnsafeBufferPointer { images in
      withUnsafeTemporaryAllocation(of: UnsafePointer<UInt8>?.self, capacity: laneCount) { pointers in
        for pack in 0..<packs {
          for channel in 0..<data.channels {
            for lane in 0..<laneCount {
              let place = pack * laneCount + lane
              pointers[lane] =
                place < count
                ? images.baseAddress! + indices[indices.startIndex + place] * data.pixels + channel * plane
                : nil
            }
            kernels.loadImages(
              pointers.baseAddress,
              inputBuffer.pointer + pack * layout.pack + layout.origin + channel * layout.channel,
              layout.row, Int32(data.height), Int32(data.width), gain, offset)
          }
        }
      }
    }
    for place in 0..<chunkSize {
      labelBuffer.pointer[place] = place < count ? data.labels[indices[indices.startIndex + place]] : 0
    }
  }

  /// The first float of activation `index` on a tape (0: the input).
  func activation(_ index: Int, _ tape: Tape) -> UnsafeMutablePointer<Float> {
    index == 0 ? inputBuffer.pointer : tape.floats + plan.activations[index].offset
  }

  func adjoint(_ index: Int) -> UnsafeMutablePointer<Float> {
    adjoints + plan.adjoints[index].offset
  }

  /// The change of adjoint `index` in the direction of a Hessian product.
  func curved(_ index: Int) -> UnsafeMutablePointer<Float> {
    curvedBuffer.pointer + plan.adjoints[index].offset
  }

  func tangent(_ index: Int) -> UnsafeMutablePointer<Float> {
    tangentBuffer.pointer + plan.activations[index].offset
  }

  // MARK: - Forward

  /// Computes all activations of the loaded chunk.
  package func forward(_ parameters: UnsafePointer<Float>, _ tape: Tape) {
    for index in plan.operations.indices { forward(index, parameters, tape) }
  }

  /// Computes operation `index` of the loaded chunk.
  func forward(_ index: Int, _ parameters: UnsafePointer<Float>, _ tape: Tape) {
    let operation = plan.operations[index]
    switch operation.kind {
    case .batchNorm: normalise(index, parameters, tape)
    case .averagePool:
      average(index, activation(operation.source, tape), to: activation(index + 1, tape))
    case .convolution, .linear:
      let epilogue =
        operation.pool ? KERNEL_POOL_RELU : operation.relu ? KERNEL_RELU : KERNEL_PLAIN
      apply(
        index, tape, epilogue: epilogue, bias: operation.hasBias ? parameters + operation.bias : nil,
        first: (activation(operation.source, tape), parameters + operation.weight), second: nil,
        output: activation(index + 1, tape))
      if operation.dropout > 0, let dropoutKey { drop(index, operation.dropout, dropoutKey, tape) }
    }
  }

  /// Zeroes activations at random and scales the rest: the image at place i of the batch keeps feature 4f + w of
  /// operation o if word w of the Philox block (f, i, o, 3) is at least p·2³².
  private func drop(_ index: Int, _ probability: Float, _ key: UInt64, _ tape: Tape) {
    let layout = plan.activations[index + 1]
    let threshold = UInt32(Double(probability) * 0x1p32)
    let scale = 1 / (1 - probability)
    let width = layout.shape.count
    for place in 0..<count {
      let first = activation(index + 1, tape) + place / laneCount * layout.pack + place % laneCount
      for block in 0..<(width + 3) / 4 {
        let words = RandomStream.philox(
          counter: SIMD4(UInt32(block), UInt32(dropoutPlace + place), UInt32(index), 3), key: key)
        for feature in 4 * block..<min(4 * block + 4, width) {
          first[feature * laneCount] *= words[feature & 3] >= threshold ? scale : 0
        }
      }
    }
  }

  /// Computes the change of all activations, to first order, for a change `direction` of the parameters, along
  /// the branches that the tape's forward pass took (Pearlmutter 1994, the R-operator's forward half).
  package func tangentForward(
    _ parameters: UnsafePointer<Float>, _ direction: UnsafePointer<Float>, _ tape: Tape
  ) {
    for (index, operation) in plan.operations.enumerated() {
      switch operation.kind {
      case .batchNorm: tangentNormalise(index, parameters, direction, tape)
      case .averagePool: average(index, tangent(operation.source), to: tangent(index + 1))
      case .convolution, .linear:
        let epilogue =
          operation.pool ? KERNEL_POOL_SELECT : operation.relu ? KERNEL_MASK : KERNEL_PLAIN
        apply(
          index, tape, epilogue: epilogue, bias: operation.hasBias ? direction + operation.bias : nil,
          first: (activation(operation.source, tape), direction + operation.weight),
          second: operation.source == 0
            ? nil : (tangent(operation.source), parameters + operation.weight),
          output: tangent(index + 1))
      }
    }
  }

  private typealias Factors = (x: UnsafeMutablePointer<Float>, w: UnsafePointer<Float>)

  /// output = bias + Σ w·x over one or two pairs of factors, with the epilogue.
  private func apply(
    _ index: Int, _ tape: Tape, epilogue: some BinaryInteger, bias: UnsafePointer<Float>?,
    first: Factors, second: Factors?, output: UnsafeMutablePointer<Float>
  ) {
    let operation = plan.operations[index]
    let from = plan.activations[operation.source]
    let to = plan.activations[index + 1]
    let mask = activation(index + 1, tape)
    switch operation.kind {
    case .convolution(let kernel, let stride, let padding):
      for pack in 0..<packs {
        let x = pack * from.pack + from.start(padding: padding)
        let y = pack * to.pack + to.origin
        var arguments = ConvForward(
          x0: first.x + x, x1: second.map { UnsafePointer($0.x + x) }, w0: first.w, w1: second?.w, bias: bias,
          mask: mask + y, y: output + y,
          code: tape.codes + plan.codes[index + 1] + pack * to.shape.count * laneCount,
          xRow: from.row, xChannel: from.channel, yRow: to.row, yChannel: to.channel,
          sources: second == nil ? 1 : 2, inChannels: Int32(operation.input.channels),
          outChannels: Int32(operation.full.channels), kernel: Int32(kernel), stride: Int32(stride),
          padding: Int32(padding), inHeight: Int32(operation.input.height),
          outHeight: Int32(operation.full.height), outWidth: Int32(operation.full.width),
          epilogue: Int32(epilogue), room: roomBuffer.pointer, roomFloats: roomBuffer.count)
        kernels.convForward(&arguments)
      }
    case .linear:
      var arguments = LinearForward(
        x0: first.x, x1: second.map { UnsafePointer($0.x) }, w0: first.w, w1: second?.w, bias: bias,
        mask: mask, y: output, xPack: from.pack, yPack: to.pack, sources: second == nil ? 1 : 2,
        inputs: Int32(operation.input.count), outputs: Int32(operation.full.channels),
        packs: Int32(packs), epilogue: Int32(epilogue))
      kernels.linearForward(&arguments)
    case .batchNorm, .averagePool: preconditionFailure("not a product of weights and inputs")
    }
  }
}
