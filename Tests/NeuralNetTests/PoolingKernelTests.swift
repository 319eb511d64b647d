// Fused pooling and its ways back and aside, in each variant, against their definitions.

import CKernels
import NeuralNet
import Tensor
import Testing

@Suite struct PoolingKernelTests {
  private struct Convolution {
    let kernel: Int
    let stride: Int
    let inChannels: Int
    let outChannels: Int
    let outHeight: Int
    let outWidth: Int
    var inHeight: Int { (outHeight - 1) * stride + kernel }
    var inWidth: Int { (outWidth - 1) * stride + kernel }
    /// Floats of an input, an output, and a pooled output.
    var input: Int { inChannels * inHeight * inWidth * lanes }
    var output: Int { outChannels * outHeight * outWidth * lanes }
    var pooled: Int { outChannels * (outHeight / 2) * (outWidth / 2) * lanes }

    func arguments(
      x: UnsafePointer<Float>, w: UnsafePointer<Float>, bias: UnsafePointer<Float>,
      y: UnsafeMutablePointer<Float>, code: UnsafeMutablePointer<UInt8>?, epilogue: Int
    ) -> ConvForward {
      let pools = epilogue != KERNEL_PLAIN
      let (height, width) = pools ? (outHeight / 2, outWidth / 2) : (outHeight, outWidth)
      return ConvForward(
        x0: x, x1: nil, w0: w, w1: nil, bias: bias, mask: nil, y: y, code: code, xRow: inWidth * lanes,
        xChannel: inHeight * inWidth * lanes, yRow: width * lanes, yChannel: height * width * lanes,
        sources: 1, inChannels: Int32(inChannels), outChannels: Int32(outChannels), kernel: Int32(kernel),
        stride: Int32(stride), padding: 0, inHeight: Int32(inHeight), outHeight: Int32(outHeight),
        outWidth: Int32(outWidth),
        epilogue: Int32(epilogue), room: nil, roomFloats: 0)
    }
  }

  private static let cases = [
    Convolution(kernel: 5, stride: 1, inChannels: 1, outChannels: 6, outHeight: 6, outWidth: 4),
    Convolution(kernel: 3, stride: 2, inChannels: 3, outChannels: 1, outHeight: 2, outWidth: 3),
    Convolution(kernel: 1, stride: 1, inChannels: 2, outChannels: 17, outHeight: 5, outWidth: 7),
    Convolution(kernel: 3, stride: 1, inChannels: 4, outChannels: 9, outHeight: 3, outWidth: 2),
  ]

  /// The pixel that a window's maximum comes from, and the maximum, of unpooled outputs.
  private func branch(_ full: UnsafePointer<Float>, _ it: Convolution, at place: Int) -> (Int, Float) {
    let lane = place % lanes
    let (px, py) = (place / lanes % (it.outWidth / 2), place / lanes / (it.outWidth / 2) % (it.outHeight / 2))
    let channel = place / lanes / (it.outWidth / 2) / (it.outHeight / 2)
    let window = (0..<4).map { p in
      full[((channel * it.outHeight + 2 * py + p / 2) * it.outWidth + 2 * px + p % 2) * lanes + lane]
    }
    var best = 0
    for p in 1..<4 where window[p] > window[best] { best = p }
    return (best, window[best])
  }

  /// Small whole numbers as inputs and weights, so that windows have ties, and another input beside.
  private struct Case {
    let it: Convolution
    let (x, other, w, bias): (Floats, Floats, Floats, Floats)

    init(_ it: Convolution, _ stream: inout RandomStream) {
      self.it = it
      (x, other) = (Floats(it.input), Floats(it.input))
      w = Floats(it.outChannels * it.inChannels * it.kernel * it.kernel)
      bias = Floats(it.outChannels)
      for i in 0..<it.input {
        x.pointer[i] = Float(stream.below(3) - 1)
        other.pointer[i] = Float(stream.normal())
      }
      for i in 0..<w.count { w.pointer[i] = Float(stream.below(3) - 1) }
    }

    func forward(
      _ kernels: Kernels, _ x: Floats, to y: Floats, code: borrowing Buffer<UInt8>,
      _ epilogue: some BinaryInteger
    ) {
      var arguments = it.arguments(
        x: x.pointer, w: w.pointer, bias: bias.pointer, y: y.pointer, code: code.pointer,
        epilogue: Int(epilogue))
      kernels.convForward(&arguments)
    }
  }

  /// Pooling of a plain convolution by the same kernels: exactly the fused result, ties and dead units included.
  @Test func poolingIsFusedExactly() {
    var stream = RandomStream(key: 21)
    var ties = 0
    for it in Self.cases {
      let own = Case(it, &stream)
      for variant in variants {
        let kernels = variant.kernels.pointee
        let (full, y) = (Floats(it.output), Floats(it.pooled))
        let codes = Buffer<UInt8>(count: it.pooled)
        own.forward(kernels, own.x, to: full, code: codes, KERNEL_PLAIN)
        own.forward(kernels, own.x, to: y, code: codes, KERNEL_POOL_RELU)
        var right = true
        for place in 0..<it.pooled {
          let (pixel, value) = branch(full.pointer, it, at: place)
          let code = value > 0 ? pixel : Int(KERNEL_DEAD)
          right = right && Int(codes.pointer[place]) == code && y.pointer[place] == max(0, value)
          if value == 0 { ties += 1 }
        }
        #expect(right, "\(variant.name)")
      }
    }
    #expect(ties > 0, "no unit at ReLU's corner")
  }

  /// Another input goes along the branches that the first one took; without scratch, exactly.
  @Test func branchesAreFollowed() {
    var stream = RandomStream(key: 22)
    for it in Self.cases {
      let own = Case(it, &stream)
      for variant in variants {
        let kernels = variant.kernels.pointee
        let (full, y) = (Floats(it.output), Floats(it.pooled))
        let codes = Buffer<UInt8>(count: it.pooled)
        own.forward(kernels, own.x, to: y, code: codes, KERNEL_POOL_RELU)
        own.forward(kernels, own.other, to: full, code: codes, KERNEL_PLAIN)
        own.forward(kernels, own.other, to: y, code: codes, KERNEL_POOL_SELECT)
        let right = isChosen(y, codes, full, it)
        #expect(right, "\(variant.name)")
      }
    }
  }

  /// Whether each pooled number is its window's pixel of that branch.
  private func isChosen(
    _ y: Floats, _ codes: borrowing Buffer<UInt8>, _ full: Floats, _ it: Convolution
  ) -> Bool {
    let (height, width) = (it.outHeight / 2, it.outWidth / 2)
    var right = true
    for place in 0..<it.pooled {
      let (px, py, lane) = (place / lanes % width, place / lanes / width % height, place % lanes)
      let (channel, code) = (place / lanes / width / height, Int(codes.pointer[place]))
      let (fy, fx) = (2 * py + code / 2, 2 * px + code % 2)
      let chosen =
        code == Int(KERNEL_DEAD)
        ? 0 : full.pointer[((channel * it.outHeight + fy) * it.outWidth + fx) * lanes + lane]
      right = right && y.pointer[place] == chosen
    }
    return right
  }

  /// The maximum of a window passes over a NaN that is not its first pixel's, so none may arise before it: what could
  /// make one is refused, and the largest that is taken makes none.
  @Test func nothingMakesANaNBeforePooling() throws {
    let network = try Network.named("lenet")
    let data = try randomImages(8, height: 28, width: 28, classes: 10)
    let pool = ThreadPool(threads: 1)
    let limit = Network.largestParameter
    var parameters = network.initialParameters(stream: RandomStream(key: 1))
    let convolutions = network.parameterLayouts.prefix { $0.name.hasPrefix("conv") }
    for layout in convolutions {
      for i in layout.range { parameters[i] = i % 3 == 0 ? -limit : limit }
    }
    for layout in network.parameterLayouts.dropFirst(convolutions.count) {
      for i in layout.range { parameters[i] = 1e-9 }
    }
    let loudest = try ImageSet(
      images: data.images, labels: data.labels, mean: 0, deviation: 1 / ImageSet.largestInput)
    let features = try NeuralNet.features(
      network, parameters: parameters, data: loudest, indices: Array(0..<8), pool: pool)
    #expect(features.allSatisfy(\.isFinite) && features.contains { $0 > 1e9 })
    let weight = try #require(convolutions.first)
    parameters[weight.offset + 7] = -2 * limit
    #expect(throws: NeuralNetError.parameterTooLarge(name: weight.name, index: 7, value: -2 * limit)) {
      try evaluate(network, parameters: parameters, data: data, indices: [0], pool: pool)
    }
    for (mean, deviation) in [(Float(0.1), Float(1e-9)), (1e30, 0.3)] {
      #expect {
        try ImageSet(images: data.images, labels: data.labels, mean: mean, deviation: deviation)
      } throws: { error in
        guard case .invalidOption("deviation", _) = error as? NeuralNetError else { return false }
        return true
      }
    }
  }

  /// A NaN must reach the loss, where training notices it.
  @Test func notANumberPassesPooling() {
    let it = Convolution(kernel: 1, stride: 1, inChannels: 1, outChannels: 1, outHeight: 2, outWidth: 2)
    for variant in variants {
      let x = Buffer<Float>(count: it.input)
      x.pointer[0] = .nan
      let w = Buffer<Float>(count: 1)
      w.pointer[0] = 1
      let bias = Buffer<Float>(count: 1)
      let y = Buffer<Float>(count: it.pooled)
      let codes = Buffer<UInt8>(count: it.pooled)
      var pool = it.arguments(
        x: x.pointer, w: w.pointer, bias: bias.pointer, y: y.pointer, code: codes.pointer,
        epilogue: Int(KERNEL_POOL_RELU))
      variant.kernels.pointee.convForward(&pool)
      #expect(y.pointer[0].isNaN && y.pointer[1] == 0, "\(variant.name)")
    }
  }
}
