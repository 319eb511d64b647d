// Loss, layouts, reductions and the optimiser's step in each variant.

import CKernels
import NeuralNet
import Tensor
import Testing

@Suite struct PointwiseKernelTests {
  @Test func allVariantsOfThisProcessorAreNamed() {
    #expect(KernelVariant(named: "baseline")?.name == "baseline")
    #expect(KernelVariant(named: "sse9") == nil)
    #expect(fastVariants.map(\.name).contains(KernelVariant.current.name))
  }

  /// The definitions too: against the softmax in float64.
  @Test(arguments: [1, 2, 10, 33], [1.0, 20, 200]) func lossAndItsHessian(classes: Int, spread: Double) {
    var draws = Draws(key: 3)
    let z = draws.buffer(classes * lanes)
    let t = draws.buffer(classes * lanes)
    for i in 0..<z.count { z.pointer[i] *= Float(spread) }
    let labels = Buffer<UInt8>(count: lanes)
    for l in 0..<lanes { labels.pointer[l] = UInt8(draws.size(0...classes - 1)) }
    for variant in variants {
      let kernels = variant.kernels.pointee
      let losses = Buffer<Float>(count: lanes)
      let best = Buffer<UInt8>(count: lanes)
      let (p, g, h) = (Floats(z.count), Floats(z.count), Floats(z.count))
      var arguments = SoftmaxLoss(
        logits: z.pointer, labels: labels.pointer, losses: losses.pointer, predictions: best.pointer,
        probabilities: p.pointer, gradient: g.pointer, scale: 2, classes: Int32(classes), count: 13)
      kernels.softmaxLoss(&arguments)
      kernels.softmaxHessian(p.pointer, t.pointer, h.pointer, Int32(classes), 2, 13)
      for l in 0..<lanes {
        let logits = (0..<classes).map { Double(z.pointer[$0 * lanes + l]) }
        let exact = ReferencePass.softmax(logits)
        let label = Int(labels.pointer[l])
        let top = logits.max() ?? 0
        let loss = top - logits[label] + logarithm(logits.reduce(0) { $0 + exponential($1 - top) })
        #expect(abs(Double(losses.pointer[l]) - loss) < 1e-6 * max(1, spread))
        #expect(logits[Int(best.pointer[l])] == top)
        let mean = (0..<classes).reduce(0) { $0 + exact[$1] * Double(t.pointer[$1 * lanes + l]) }
        for k in 0..<classes {
          let at = k * lanes + l
          #expect(abs(Double(p.pointer[at]) - exact[k]) < 1e-6)
          let gradient: Double = l < 13 ? 2 * (exact[k] - (k == label ? 1 : 0)) : 0
          #expect(abs(Double(g.pointer[at]) - gradient) < 3e-6)
          let hessian: Double = l < 13 ? 2 * exact[k] * (Double(t.pointer[at]) - mean) : 0
          #expect(abs(Double(h.pointer[at]) - hessian) < 2e-5)
        }
      }
    }
  }

  @Test(arguments: [(28, 28, 2), (3, 5, 1), (1, 1, 0), (4, 4, 3)])
  func imagesAreConvertedWithTheirMargins(height: Int, width: Int, margin: Int) {
    var draws = Draws(key: 4)
    let pixels = (0..<16 * height * width).map { _ in UInt8(draws.size(0...255)) }
    for variant in variants {
      let row = (width + 2 * margin) * lanes
      let out = Buffer<Float>(count: row * (height + 2 * margin))
      pixels.withUnsafeBufferPointer { bytes in
        var images = [UnsafePointer<UInt8>?](repeating: nil, count: 16)
        for l in 0..<11 { images[l] = bytes.baseAddress.map { $0 + l * height * width } }
        images.withUnsafeBufferPointer {
          variant.kernels.pointee.loadImages(
            $0.baseAddress, out.pointer + margin * row + margin * lanes, row, Int32(height), Int32(width),
            0.5, -3)
        }
      }
      for y in -margin..<height + margin {
        for x in -margin..<width + margin {
          for l in 0..<lanes {
            let inside = l < 11 && (0..<height).contains(y) && (0..<width).contains(x)
            let expected = inside ? Float(pixels[(l * height + y) * width + x]) * 0.5 - 3 : 0
            #expect(out.pointer[(y + margin) * row + (x + margin) * lanes + l] == expected)
          }
        }
      }
    }
  }

  /// What only moves numbers moves all of them, bit for bit.
  @Test func layoutsAreTheDefinitions() throws {
    var draws = Draws(key: 5)
    let reference = try #require(definitions).kernels.pointee
    for inputs in [1, 15, 16, 33] {
      let x = draws.buffer(inputs * lanes)
      let row = (inputs + 15) / 16 * 16
      func transposed(_ kernels: Kernels) -> [Float] {
        let out = Floats(lanes * row)
        kernels.transpose(x.pointer, out.pointer, row, Int32(inputs))
        return out.values
      }
      let expected = transposed(reference)
      #expect((0..<inputs).allSatisfy { expected[3 * row + $0] == x.pointer[$0 * lanes + 3] })
      for variant in fastVariants { #expect(transposed(variant.kernels.pointee) == expected) }
    }
    let (channels, pixels) = (32, 7)
    let x = draws.buffer(channels * pixels * lanes)
    func transposedChannels(_ kernels: Kernels) -> [Float] {
      let out = Floats(x.count)
      kernels.transposeChannels(
        x.pointer, out.pointer, pixels * lanes, Int32(channels), Int32(pixels))
      return out.values
    }
    let expected = transposedChannels(reference)
    #expect(expected[(5 * lanes + 3) * channels + 20] == x.pointer[(20 * pixels + 5) * lanes + 3])
    for variant in fastVariants { #expect(transposedChannels(variant.kernels.pointee) == expected) }
  }

  @Test func sumsAreTheDefinitions() throws {
    var draws = Draws(key: 7)
    let x = draws.buffer(41 * lanes)
    let before = draws.buffer(41)
    try expectDefinition("sums over lanes", terms: lanes) { kernels in
      let out = before.copy()
      kernels.reduceLanes(x.pointer, out.pointer, out.count, -0.7)
      return out.values
    }
    try expectDefinition("squares", terms: 41) { kernels in
      let out = Floats(lanes)
      out.pointer.update(from: before.pointer, count: lanes)
      kernels.squareLanes(x.pointer, out.pointer, 41)
      return out.values
    }
    try expectDefinition("sums over pixels", terms: 24) { kernels in
      let out = Floats(lanes)
      out.pointer.update(from: before.pointer, count: lanes)
      kernels.sumPixels(x.pointer, out.pointer, 10 * lanes, 3, 8)
      return out.values
    }
  }

  @Test(arguments: [false, true]) func aStepOfSGDIsTheDefinition(nesterov: Bool) throws {
    var draws = Draws(key: 8)
    // More than one of the kernel's blocks, and a rest.
    let (count, stride) = (2_100, 2_112)
    let (parameters, velocity) = (draws.buffer(count), draws.buffer(count))
    let gradients = draws.buffer(3 * stride)
    try expectDefinition("a step", terms: 4) { kernels in
      let (w, v) = (parameters.copy(), velocity.copy())
      var arguments = SGDStep(
        parameters: w.pointer, velocity: v.pointer, gradients: gradients.pointer, stride: stride, begin: 5,
        end: count - 3, learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, parts: 3,
        nesterov: nesterov ? 1 : 0)
      #expect(kernels.sgdStep(&arguments) == 0)
      return w.values + v.values
    }
    for variant in variants {
      let (w, v) = (parameters.copy(), velocity.copy())
      v.pointer[77] = .infinity
      var arguments = SGDStep(
        parameters: w.pointer, velocity: v.pointer, gradients: gradients.pointer, stride: stride, begin: 0,
        end: count, learningRate: 0.1, momentum: 0.9, weightDecay: 0, parts: 1, nesterov: 0)
      #expect(variant.kernels.pointee.sgdStep(&arguments).isNaN, "\(variant.name)")
    }
  }
}
