// Pooled convolutions along the branches that they took, in each variant, against their definitions.

import CKernels
import NeuralNet
import Tensor
import Testing

/// A pooled convolution of random size with its numbers and branches, dead ones among them.
private final class Branching {
  let (kernel, stride, padding): (Int, Int, Int)
  let (ci, co, oh, ow): (Int, Int, Int, Int)
  /// Rows and columns of the input without its padding; the last ones may meet no window.
  let (ih, iw): (Int, Int)
  let x: [Floats]
  let w: [Floats]
  let dy: [Floats]
  let bias: Floats
  let codes: Buffer<UInt8>
  var row: Int { (iw + 2 * padding) * lanes }
  var channel: Int { (ih + 2 * padding) * row }
  var pooledRow: Int { ow / 2 * lanes }
  var pooledChannel: Int { oh / 2 * pooledRow }
  private let room: Floats

  init(kernel: Int, _ draws: inout Draws) {
    self.kernel = kernel
    stride = draws.size(1...2)
    padding = draws.size(0...(kernel - 1) / 2)
    // Few channels as in LeNet's first layer, and more than a register has lanes.
    (ci, co) = (draws.size(1...(draws.size(0...2) == 0 ? 20 : 6)), draws.size(1...19))
    (oh, ow) = (draws.size(2...8), draws.size(max(2, 1 + 2 * padding)...9))
    ih = max(1, (oh - 1) * stride + kernel - 2 * padding + draws.size(0...stride - 1))
    iw = max(1, (ow - 1) * stride + kernel - 2 * padding + draws.size(0...stride - 1))
    let (rows, columns, channels) = (ih + 2 * padding, iw + 2 * padding, ci)
    let margin = padding
    x = (0..<2).map { _ in draws.buffer(channels * rows * columns * lanes) }
    for input in x {
      for pixel in 0..<channels * rows * columns {
        let (row, column) = (pixel / columns % rows, pixel % columns)
        if (margin..<rows - margin).contains(row) && (margin..<columns - margin).contains(column) { continue }
        (input.pointer + pixel * lanes).update(repeating: 0, count: lanes)
      }
    }
    w = [draws.buffer(co * ci * kernel * kernel), draws.buffer(co * ci * kernel * kernel)]
    bias = draws.buffer(co)
    let units = co * (oh / 2) * (ow / 2) * lanes
    dy = [draws.buffer(units), draws.buffer(units)]
    codes = Buffer(count: units)
    for i in 0..<units {
      codes.pointer[i] = UInt8(draws.size(0...Int(KERNEL_DEAD)))
      if draws.size(0...9) == 0 { dy[0].pointer[i] = 0 }
    }
    room = Floats(
      kernelBranchFloats(Int32(kernel), Int32(stride), Int32(ci), Int32(co), Int32(oh), Int32(ow)) + lanes)
  }

  var what: String {
    "\(ci) → \(co) channels, \(oh)×\(ow) outputs, kernel \(kernel), stride \(stride), padding \(padding)"
  }

  func forward(sources: Int, to y: Floats, inRoom: Bool = true) -> ConvForward {
    ConvForward(
      x0: x[0].pointer, x1: x[1].pointer, w0: w[0].pointer, w1: w[1].pointer, bias: bias.pointer, mask: nil,
      y: y.pointer, code: codes.pointer, xRow: row, xChannel: channel, yRow: pooledRow,
      yChannel: pooledChannel, sources: Int32(sources), inChannels: Int32(ci), outChannels: Int32(co),
      kernel: Int32(kernel), stride: Int32(stride), padding: Int32(padding), inHeight: Int32(ih),
      outHeight: Int32(oh), outWidth: Int32(ow), epilogue: Int32(KERNEL_POOL_SELECT),
      room: inRoom ? room.pointer : nil, roomFloats: inRoom ? room.count - lanes : 0)
  }

  func backward(sources: Int, epilogue: some BinaryInteger, mask: Floats, to dx: Floats) -> ConvBackward {
    ConvBackward(
      dy0: dy[0].pointer, dy1: dy[1].pointer, w0: w[0].pointer, w1: w[1].pointer, mask: mask.pointer,
      code: codes.pointer, dx: dx.pointer, dyRow: pooledRow, dyChannel: pooledChannel, dxRow: iw * lanes,
      dxChannel: ih * iw * lanes, maskRow: iw * lanes, maskChannel: ih * iw * lanes, sources: Int32(sources),
      inChannels: Int32(ci), outChannels: Int32(co), kernel: Int32(kernel), stride: Int32(stride),
      padding: Int32(padding), inHeight: Int32(ih), inWidth: Int32(iw), outHeight: Int32(oh),
      outWidth: Int32(ow), epilogue: Int32(epilogue), room: room.pointer, roomFloats: room.count - lanes)
  }

  func weights(images: Range<Int>, to sums: Floats) -> ConvBranchWeights {
    ConvBranchWeights(
      dy: dy[0].pointer, x: x[0].pointer, code: codes.pointer, sums: sums.pointer, dyRow: pooledRow,
      dyChannel: pooledChannel, xRow: row, xChannel: channel, inChannels: Int32(ci), outChannels: Int32(co),
      kernel: Int32(kernel), stride: Int32(stride), height: Int32(oh / 2), width: Int32(ow / 2),
      firstImage: Int32(images.lowerBound), images: Int32(images.count), room: room.pointer)
  }

  /// Runs a kernel between marks behind its room, which must stay.
  func inRoom(_ run: () -> Void) {
    let end = room.pointer + room.count - lanes
    for i in 0..<lanes { end[i] = 12345 }
    run()
    #expect((0..<lanes).allSatisfy { end[$0] == 12345 }, "written behind the room: \(what)")
  }
}

@Suite struct BranchKernelTests {
  private static func cases(_ count: Int, key: UInt64) -> [Branching] {
    var draws = Draws(key: key)
    return (0..<count).map { Branching(kernel: [1, 3, 5, 7][$0 % 4], &draws) }
  }

  @Test func forward() throws {
    for it in Self.cases(40, key: 31) {
      for sources in 1...2 {
        try expectDefinition(it.what, terms: sources * it.ci * it.kernel * it.kernel) { kernels in
          let y = Floats(it.dy[0].count)
          var arguments = it.forward(sources: sources, to: y)
          it.inRoom { kernels.convForward(&arguments) }
          return y.values
        }
      }
    }
  }

  @Test func backward() throws {
    var draws = Draws(key: 32)
    for it in Self.cases(40, key: 33) {
      let mask = draws.buffer(it.ci * it.ih * it.iw * lanes)
      let before = draws.buffer(mask.count)
      for epilogue in [KERNEL_PLAIN, KERNEL_MASK, KERNEL_ADD] {
        for sources in 1...2 {
          try expectDefinition(it.what, terms: sources * it.co * it.kernel * it.kernel) { kernels in
            let dx = before.copy()
            var arguments = it.backward(sources: sources, epilogue: epilogue, mask: mask, to: dx)
            it.inRoom { kernels.convBackward(&arguments) }
            return dx.values
          }
        }
      }
    }
  }

  /// Of all images and of some, added to what was there.
  @Test func weights() throws {
    var draws = Draws(key: 34)
    for it in Self.cases(40, key: 35) {
      let before = draws.buffer(it.w[0].count)
      let first = draws.size(0...lanes - 1)
      for images in [0..<lanes, first..<draws.size(first + 1...lanes)] {
        try expectDefinition(it.what, terms: it.oh / 2 * (it.ow / 2) * images.count) { kernels in
          let sums = before.copy()
          var arguments = it.weights(images: images, to: sums)
          it.inRoom { kernels.convBranchWeights(&arguments) }
          return sums.values
        }
      }
    }
  }

  /// A NaN goes on to the gradient and to the input, where training notices it; one in a dead unit does not.
  @Test func notANumberPasses() throws {
    var draws = Draws(key: 36)
    let it = Branching(kernel: 3, &draws)
    let mask = Floats(it.ci * it.ih * it.iw * lanes)
    it.dy[0].pointer[0] = .nan
    for variant in variants {
      for code in [0, UInt8(KERNEL_DEAD)] {
        it.codes.pointer[0] = code
        let (sums, dx) = (Floats(it.w[0].count), Floats(mask.count))
        var weights = it.weights(images: 0..<lanes, to: sums)
        var backward = it.backward(sources: 1, epilogue: KERNEL_PLAIN, mask: mask, to: dx)
        variant.kernels.pointee.convBranchWeights(&weights)
        variant.kernels.pointee.convBackward(&backward)
        let passes = code == 0
        #expect(sums.values.contains { $0.isNaN } == passes, "\(variant.name)")
        #expect(dx.values.contains { $0.isNaN } == passes, "\(variant.name)")
      }
    }
  }
}
