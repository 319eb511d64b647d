// The convolutions' kernels of each variant against the definitions, on random shapes with edge sizes.

import CKernels
import NeuralNet
import Tensor
import Testing

/// A convolution of random size with its numbers: two sources, as curvature products have them.
private struct Convolution {
  let kernel: Int
  let stride: Int
  let (ci, co, oh, ow): (Int, Int, Int, Int)
  /// Rows of zeros above and below the input.
  let padding: Int
  /// Rows and columns of the input with its padding.
  var ih: Int { (oh - 1) * stride + kernel }
  var iw: Int { (ow - 1) * stride + kernel }
  let x: [Floats]
  let w: [Floats]
  let bias: Floats
  /// Two adjoints with three zeros at both ends of each row.
  let dy: [Floats]
  var dyRow: Int { (ow + 6) * lanes }

  init(
    kernel: Int, strides: ClosedRange<Int>, channels: ClosedRange<Int>, step: Int = 1,
    outputs: ClosedRange<Int> = 1...19, _ draws: inout Draws
  ) {
    self.kernel = kernel
    stride = draws.size(strides)
    (ci, co) = (step * draws.size(channels), draws.size(outputs))
    let (height, width) = (draws.size(1...6), draws.size(1...9))
    (oh, ow) = (height, width)
    let (rows, row) = ((oh - 1) * stride + kernel, ((ow - 1) * stride + kernel) * lanes)
    x = [draws.buffer(ci * rows * row), draws.buffer(ci * rows * row)]
    padding = draws.size(0...min(kernel - 1, (rows - 1) / 2))
    for input in x {
      for line in 0..<ci * rows where !(padding..<rows - padding).contains(line % rows) {
        (input.pointer + line * row).update(repeating: 0, count: row)
      }
    }
    w = [draws.buffer(co * ci * kernel * kernel), draws.buffer(co * ci * kernel * kernel)]
    bias = draws.buffer(co)
    dy = [draws.buffer(co * height * (width + 6) * lanes), draws.buffer(co * height * (width + 6) * lanes)]
    for adjoint in dy {
      for line in 0..<co * height {
        for i in 0..<3 * lanes {
          adjoint.pointer[line * (width + 6) * lanes + i] = 0
          adjoint.pointer[(line + 1) * (width + 6) * lanes - 1 - i] = 0
        }
      }
    }
  }

  func forward(
    sources: Int, epilogue: some BinaryInteger, mask: Floats, to y: Floats, room: Floats? = nil
  ) -> ConvForward {
    ConvForward(
      x0: x[0].pointer, x1: x[1].pointer, w0: w[0].pointer, w1: w[1].pointer, bias: bias.pointer,
      mask: mask.pointer, y: y.pointer, code: nil, xRow: iw * lanes, xChannel: ih * iw * lanes,
      yRow: ow * lanes, yChannel: oh * ow * lanes, sources: Int32(sources), inChannels: Int32(ci),
      outChannels: Int32(co), kernel: Int32(kernel), stride: Int32(stride), padding: Int32(padding),
      inHeight: Int32(ih - 2 * padding), outHeight: Int32(oh), outWidth: Int32(ow), epilogue: Int32(epilogue),
      room: room?.pointer, roomFloats: room?.count ?? 0)
  }

  /// Back to an input without its padding.
  func backward(
    sources: Int, padding: Int, epilogue: some BinaryInteger, mask: Floats, to dx: Floats, room: Floats? = nil
  ) -> ConvBackward {
    let (height, width) = (ih - 2 * padding, iw - 2 * padding)
    return ConvBackward(
      dy0: dy[0].pointer + 3 * lanes, dy1: dy[1].pointer + 3 * lanes, w0: w[0].pointer, w1: w[1].pointer,
      mask: mask.pointer, code: nil, dx: dx.pointer, dyRow: dyRow, dyChannel: oh * dyRow,
      dxRow: width * lanes,
      dxChannel: height * width * lanes, maskRow: width * lanes, maskChannel: height * width * lanes,
      sources: Int32(sources), inChannels: Int32(ci), outChannels: Int32(co), kernel: Int32(kernel),
      stride: Int32(stride), padding: Int32(padding), inHeight: Int32(height), inWidth: Int32(width),
      outHeight: Int32(oh), outWidth: Int32(ow), epilogue: Int32(epilogue), room: room?.pointer,
      roomFloats: room?.count ?? 0)
  }

  func weights(to sums: Floats) -> ConvWeights {
    ConvWeights(
      dy: dy[0].pointer + 3 * lanes, x: x[0].pointer, sums: sums.pointer, dyRow: dyRow, dyChannel: oh * dyRow,
      xRow: iw * lanes, xChannel: ih * iw * lanes, inChannels: Int32(ci), outChannels: Int32(co),
      kernel: Int32(kernel), stride: Int32(stride), rows: Int32(oh), outWidth: Int32(ow))
  }

  /// With a padding that `xt` does not have as zeros: it is not to be read.
  func channelWeights(
    of xt: Floats, images: Range<Int>, padding: Int, to sums: Floats, room: Floats?
  ) -> ConvChannelWeights {
    ConvChannelWeights(
      dy: dy[0].pointer + 3 * lanes, xt: xt.pointer, sums: sums.pointer, dyRow: dyRow, dyChannel: oh * dyRow,
      xtRow: iw * ci * lanes, inChannels: Int32(ci), outChannels: Int32(co), kernel: Int32(kernel),
      stride: Int32(stride), padding: Int32(padding), inHeight: Int32(ih - 2 * padding),
      inWidth: Int32(iw - 2 * padding), outHeight: Int32(oh), outWidth: Int32(ow),
      firstImage: Int32(images.lowerBound), images: Int32(images.count), room: room?.pointer,
      roomFloats: room?.count ?? 0)
  }
}

/// Gradients by vectors of input channels, added to what was there before.
private func channelSums(
  _ it: Convolution, _ kernels: Kernels, images: Range<Int>, padding: Int, onto before: Floats, room: Floats?
) -> [Float] {
  let xt = Floats(it.x[0].count)
  kernels.transposeChannels(
    it.x[0].pointer, xt.pointer, it.ih * it.iw * lanes, Int32(it.ci), Int32(it.ih * it.iw))
  let sums = before.copy()
  var arguments = it.channelWeights(of: xt, images: images, padding: padding, to: sums, room: room)
  kernels.convChannelWeights(&arguments)
  return sums.values
}

extension Convolution: CustomStringConvertible {
  var description: String {
    "\(ci) → \(co) channels, \(oh)×\(ow) outputs, kernel \(kernel), stride \(stride)"
  }
}

@Suite struct ConvolutionKernelTests {
  private static func cases(_ count: Int, key: UInt64) -> [Convolution] {
    var draws = Draws(key: key)
    return (0..<count).map {
      Convolution(kernel: [1, 3, 5, 7][$0 % 4], strides: 1...3, channels: 1...9, &draws)
    }
  }

  @Test func forward() throws {
    var draws = Draws(key: 11)
    for it in Self.cases(40, key: 1) {
      let mask = draws.buffer(it.co * it.oh * it.ow * lanes)
      for epilogue in [KERNEL_PLAIN, KERNEL_RELU, KERNEL_MASK] {
        for sources in 1...2 {
          try expectDefinition("\(it)", terms: sources * it.ci * it.kernel * it.kernel) { kernels in
            let y = Floats(mask.count)
            var arguments = it.forward(sources: sources, epilogue: epilogue, mask: mask, to: y)
            kernels.convForward(&arguments)
            return y.values
          }
        }
      }
    }
  }

  @Test func backward() throws {
    var draws = Draws(key: 12)
    for it in Self.cases(40, key: 2) {
      let padding = draws.size(0...min(it.kernel - 1, (min(it.ih, it.iw) - 1) / 2))
      let mask = draws.buffer(it.ci * (it.ih - 2 * padding) * (it.iw - 2 * padding) * lanes)
      let before = draws.buffer(mask.count)
      for epilogue in [KERNEL_PLAIN, KERNEL_MASK, KERNEL_ADD] {
        for sources in 1...2 {
          try expectDefinition("\(it), padding \(padding)", terms: sources * it.co * it.kernel * it.kernel) {
            kernels in
            let dx = before.copy()
            var arguments = it.backward(
              sources: sources, padding: padding, epilogue: epilogue, mask: mask, to: dx)
            kernels.convBackward(&arguments)
            return dx.values
          }
        }
      }
    }
  }

  /// Wide kernels of stride 1 with scratch: with what they ask for they keep to the definition, though otherwise
  /// rounded than without; with more they write the same bits; with too little, those of no scratch.
  private static func withRoom(
    _ it: Convolution, _ what: String, terms: Int, _ run: (Kernels, Floats?) -> [Float]
  ) throws {
    let asked = kernelRoomFloats(3, 1, Int32(it.ci), Int32(it.co))
    try #require(asked > 0)
    try expectDefinition(what, terms: terms) { run($0, Floats(asked)) }
    for variant in fastVariants {
      func bits(_ room: Floats?) -> [UInt32] { run(variant.kernels.pointee, room).map(\.bitPattern) }
      let (without, with) = (bits(nil), bits(Floats(asked)))
      #expect(with != without, "\(variant.name): \(what)")
      #expect(bits(Floats(2 * asked)) == with, "\(variant.name): \(what)")
      #expect(bits(Floats(1000)) == without, "\(variant.name): \(what)")
    }
  }

  @Test func wideForward() throws {
    var draws = Draws(key: 14)
    for _ in 0..<12 {
      let it = Convolution(kernel: 3, strides: 1...1, channels: 16...70, outputs: 1...60, &draws)
      let mask = draws.buffer(it.co * it.oh * it.ow * lanes)
      for (epilogue, sources) in [(KERNEL_RELU, 1), (KERNEL_MASK, 2), (KERNEL_PLAIN, 1)] {
        try Self.withRoom(it, "\(it), \(sources) sources", terms: sources * it.ci * 9) { kernels, room in
          let y = Floats(mask.count)
          var arguments = it.forward(sources: sources, epilogue: epilogue, mask: mask, to: y, room: room)
          kernels.convForward(&arguments)
          return y.values
        }
      }
    }
  }

  @Test func wideBackward() throws {
    var draws = Draws(key: 15)
    for _ in 0..<12 {
      let it = Convolution(kernel: 3, strides: 1...1, channels: 1...60, outputs: 16...70, &draws)
      let padding = draws.size(0...min(2, (min(it.ih, it.iw) - 1) / 2))
      let mask = draws.buffer(it.ci * (it.ih - 2 * padding) * (it.iw - 2 * padding) * lanes)
      let before = draws.buffer(mask.count)
      for (epilogue, sources) in [(KERNEL_MASK, 1), (KERNEL_ADD, 2), (KERNEL_PLAIN, 2)] {
        let what = "\(it), padding \(padding), \(sources) sources"
        try Self.withRoom(it, what, terms: sources * it.co * 9) { kernels, room in
          let dx = before.copy()
          var arguments = it.backward(
            sources: sources, padding: padding, epilogue: epilogue, mask: mask, to: dx, room: room)
          kernels.convBackward(&arguments)
          return dx.values
        }
      }
    }
  }

  /// Kernels that are packed in their scratch give the bits of those that are not.
  @Test func packedBackward() throws {
    var draws = Draws(key: 17)
    for kernel in [1, 3, 3, 5, 7] {
      // A kernel of 3 and stride 1 is filtered.
      let it = Convolution(
        kernel: kernel, strides: (kernel == 3 ? 2 : 1)...2, channels: 1...30, outputs: 16...40, &draws)
      let asked = kernelRoomFloats(Int32(kernel), Int32(it.stride), Int32(it.ci), Int32(it.co))
      try #require(asked > 0)
      let mask = draws.buffer(it.ci * it.ih * it.iw * lanes)
      for sources in 1...2 {
        for variant in fastVariants {
          let (plain, packed) = (Floats(mask.count), Floats(mask.count))
          for (dx, room) in [(plain, nil), (packed, Floats(asked))] {
            var arguments = it.backward(
              sources: sources, padding: 0, epilogue: KERNEL_MASK, mask: mask, to: dx, room: room)
            variant.kernels.pointee.convBackward(&arguments)
          }
          #expect(plain.values == packed.values, "\(variant.name): \(it)")
        }
      }
    }
  }

  @Test func wideWeights() throws {
    var draws = Draws(key: 16)
    for _ in 0..<12 {
      let it = Convolution(kernel: 3, strides: 1...1, channels: 1...4, step: 16, outputs: 1...60, &draws)
      let padding = draws.size(0...min(2, (min(it.ih, it.iw) - 1) / 2))
      let before = draws.buffer(it.w[0].count)
      try Self.withRoom(it, "\(it), padding \(padding)", terms: it.oh * it.ow * lanes) { kernels, room in
        channelSums(it, kernels, images: 0..<lanes, padding: padding, onto: before, room: room)
      }
    }
  }

  @Test func weights() throws {
    var draws = Draws(key: 13)
    for it in Self.cases(24, key: 3) {
      let before = draws.buffer(it.w[0].count * lanes)
      try expectDefinition("\(it)", terms: it.oh * it.ow) { kernels in
        let sums = before.copy()
        var arguments = it.weights(to: sums)
        kernels.convWeights(&arguments)
        return sums.values
      }
    }
  }

  /// Sums by vectors of input channels, of all images of a pack and of one.
  @Test func channelWeights() throws {
    var draws = Draws(key: 6)
    for round in 0..<12 {
      let it = Convolution(kernel: [1, 3, 5][round % 3], strides: 1...2, channels: 1...6, step: 16, &draws)
      let padding = draws.size(0...min(it.kernel - 1, (min(it.ih, it.iw) - 1) / 2))
      let before = draws.buffer(it.w[0].count)
      for images in [0..<16, 5..<6] {
        try expectDefinition(
          "\(it), images \(images), padding \(padding)", terms: it.oh * it.ow * images.count
        ) { kernels in
          channelSums(it, kernels, images: images, padding: padding, onto: before, room: nil)
        }
      }
    }
  }
}
