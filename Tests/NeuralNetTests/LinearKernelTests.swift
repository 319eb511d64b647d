// The linear layers' kernels of each variant against the definitions, on random shapes with edge sizes.

import CKernels
import NeuralNet
import Tensor
import Testing

@Suite struct LinearKernelTests {
  /// A linear layer of random size with its numbers: two sources, as curvature products have them.
  private struct LinearLayer {
    let (inputs, outputs, packs): (Int, Int, Int)
    let (x, w, dy): ([Floats], [Floats], [Floats])
    let bias: Floats
    /// Masks of the outputs and of the inputs.
    let (outputMask, inputMask): (Floats, Floats)

    init(_ draws: inout Draws) {
      let (inputs, outputs, packs) = (draws.size(1...90), draws.size(1...40), draws.size(1...3))
      (self.inputs, self.outputs, self.packs) = (inputs, outputs, packs)
      func two(_ count: Int) -> [Floats] { [draws.buffer(count), draws.buffer(count)] }
      x = two(packs * inputs * lanes)
      w = two(inputs * outputs)
      dy = two(packs * outputs * lanes)
      bias = draws.buffer(outputs)
      outputMask = draws.buffer(packs * outputs * lanes)
      inputMask = draws.buffer(packs * inputs * lanes)
    }
  }

  private static func layers() -> [LinearLayer] {
    var draws = Draws(key: 2)
    return (0..<30).map { _ in LinearLayer(&draws) }
  }

  @Test func forward() throws {
    for it in Self.layers() {
      for (epilogue, sources) in [(KERNEL_PLAIN, 1), (KERNEL_RELU, 1), (KERNEL_RELU, 2), (KERNEL_MASK, 2)] {
        try expectDefinition("\(it.inputs) → \(it.outputs), \(it.packs) packs", terms: sources * it.inputs) {
          kernels in
          let y = Floats(it.packs * it.outputs * lanes)
          var arguments = LinearForward(
            x0: it.x[0].pointer, x1: it.x[1].pointer, w0: it.w[0].pointer, w1: it.w[1].pointer,
            bias: it.bias.pointer, mask: it.outputMask.pointer, y: y.pointer, xPack: it.inputs * lanes,
            yPack: it.outputs * lanes, sources: Int32(sources), inputs: Int32(it.inputs),
            outputs: Int32(it.outputs), packs: Int32(it.packs), epilogue: Int32(epilogue))
          kernels.linearForward(&arguments)
          return y.values
        }
      }
    }
  }

  @Test func backward() throws {
    for it in Self.layers() {
      for (epilogue, sources) in [(KERNEL_PLAIN, 1), (KERNEL_MASK, 1), (KERNEL_MASK, 2)] {
        try expectDefinition("\(it.inputs) ← \(it.outputs), \(it.packs) packs", terms: sources * it.outputs) {
          kernels in
          let dx = Floats(it.packs * it.inputs * lanes)
          var arguments = LinearBackward(
            dy0: it.dy[0].pointer, dy1: it.dy[1].pointer, w0: it.w[0].pointer, w1: it.w[1].pointer,
            mask: it.inputMask.pointer, dx: dx.pointer, dyPack: it.outputs * lanes,
            dxPack: it.inputs * lanes, sources: Int32(sources), inputs: Int32(it.inputs),
            outputs: Int32(it.outputs), packs: Int32(it.packs), epilogue: Int32(epilogue))
          kernels.linearBackward(&arguments)
          return dx.values
        }
      }
    }
  }

  @Test func weights() throws {
    for it in Self.layers() {
      let row = (it.inputs + 15) / 16 * 16
      try expectDefinition("\(it.inputs) × \(it.outputs), \(it.packs) packs", terms: it.packs * lanes) {
        kernels in
        let xt = Floats(it.packs * lanes * row)
        for pack in 0..<it.packs {
          kernels.transpose(
            it.x[0].pointer + pack * it.inputs * lanes, xt.pointer + pack * lanes * row, row,
            Int32(it.inputs))
        }
        let gradient = it.w[1].copy()
        var arguments = LinearWeights(
          dy: it.dy[0].pointer, xt: xt.pointer, gradient: gradient.pointer, dyPack: it.outputs * lanes,
          xtRow: row, inputs: Int32(it.inputs), outputs: Int32(it.outputs), packs: Int32(it.packs))
        kernels.linearWeights(&arguments)
        return gradient.values
      }
    }
  }
}
