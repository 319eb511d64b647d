// Each kernel of each variant against its definition, on random shapes with edge sizes.

import CKernels
import NeuralNet
import Tensor
import Testing

private let lanes = Int(KERNEL_LANES)

/// The variants that this processor runs.
private let variants = ["baseline", "avx2", "avx512"].compactMap { KernelVariant(named: $0) }

/// A buffer that arrays can hold.
private final class Floats {
  let storage: Buffer<Float>
  init(_ count: Int) { storage = Buffer(count: count) }
  var pointer: UnsafeMutablePointer<Float> { storage.pointer }
  var count: Int { storage.count }
}

private struct Draws {
  var stream: RandomStream
  mutating func buffer(_ count: Int) -> Floats {
    let buffer = Floats(count)
    for i in 0..<count { buffer.pointer[i] = Float(stream.normal()) }
    return buffer
  }
  mutating func size(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + stream.below(range.count)
  }
}

private func close(_ found: Float, _ expected: Double, _ terms: Int) -> Bool {
  // Rounding of a sum of `terms` products of standard normals, with room for six deviations.
  abs(Double(found) - expected) < 6 * 1.2e-7 * (Double(terms) + 1)
}

@Suite struct KernelTests {
  @Test func allVariantsOfThisProcessorAreNamed() {
    #expect(KernelVariant(named: "baseline")?.name == "baseline")
    #expect(KernelVariant(named: "sse9") == nil)
    #expect(variants.map(\.name).contains(KernelVariant.current.name))
  }

  @Test func convolutions() {
    var draws = Draws(stream: RandomStream(key: 1))
    for round in 0..<40 {
      let k = [1, 3, 5, 7][round % 4]
      let stride = draws.size(1...3)
      let (ci, co) = (draws.size(1...9), draws.size(1...19))
      let (oh, ow) = (draws.size(1...6), draws.size(1...9))
      let (ih, iw) = ((oh - 1) * stride + k, (ow - 1) * stride + k)
      let x = [draws.buffer(ci * ih * iw * lanes), draws.buffer(ci * ih * iw * lanes)]
      let w = [draws.buffer(co * ci * k * k), draws.buffer(co * ci * k * k)]
      let bias = draws.buffer(co)
      let dy = draws.buffer(co * oh * ow * lanes)
      // dy again with three zeros at both ends of each row.
      let margins = Buffer<Float>(count: co * oh * (ow + 6) * lanes)
      for line in 0..<co * oh {
        for i in 0..<ow * lanes {
          margins.pointer[(line * (ow + 6) + 3) * lanes + i] = dy.pointer[line * ow * lanes + i]
        }
      }
      var y = [Double](repeating: 0, count: co * oh * ow * lanes)
      var dx = [Double](repeating: 0, count: ci * ih * iw * lanes)
      var dw = [Double](repeating: 0, count: co * ci * k * k * lanes)
      for o in 0..<co {
        for p in 0..<oh * ow * lanes { y[o * oh * ow * lanes + p] = Double(bias.pointer[o]) }
        for c in 0..<ci {
          for tap in 0..<k * k {
            let weight = (o * ci + c) * k * k + tap
            for p in 0..<oh * ow {
              let row = p / ow * stride + tap / k
              let from = ((c * ih + row) * iw + p % ow * stride + tap % k) * lanes
              let to = (o * oh * ow + p) * lanes
              for l in 0..<lanes {
                let d = Double(dy.pointer[to + l])
                for s in 0..<2 { y[to + l] += Double(w[s].pointer[weight]) * Double(x[s].pointer[from + l]) }
                dx[from + l] += d * Double(w[0].pointer[weight])
                dw[weight * lanes + l] += d * Double(x[0].pointer[from + l])
              }
            }
          }
        }
      }
      for variant in variants {
        let kernels = variant.kernels.pointee
        let out = Buffer<Float>(count: y.count)
        var forward = ConvForward(
          x0: x[0].pointer, x1: x[1].pointer, w0: w[0].pointer, w1: w[1].pointer, bias: bias.pointer,
          mask: nil, y: out.pointer, code: nil, xRow: iw * lanes, xChannel: ih * iw * lanes,
          yRow: ow * lanes, yChannel: oh * ow * lanes, sources: 2, inChannels: Int32(ci),
          outChannels: Int32(co), kernel: Int32(k), stride: Int32(stride), outHeight: Int32(oh),
          outWidth: Int32(ow), epilogue: Int32(KERNEL_PLAIN))
        kernels.convForward(&forward)
        #expect(y.indices.allSatisfy { close(out.pointer[$0], y[$0], 2 * ci * k * k) }, "\(variant.name)")

        let back = Buffer<Float>(count: dx.count)
        var backward = ConvBackward(
          dy0: margins.pointer + 3 * lanes, dy1: nil, w0: w[0].pointer, w1: nil, mask: nil,
          dx: back.pointer, dyRow: (ow + 6) * lanes, dyChannel: oh * (ow + 6) * lanes, dxRow: iw * lanes,
          dxChannel: ih * iw * lanes, maskRow: 0, maskChannel: 0, sources: 1, inChannels: Int32(ci),
          outChannels: Int32(co), kernel: Int32(k), stride: Int32(stride), padding: 0,
          inHeight: Int32(ih), inWidth: Int32(iw), outHeight: Int32(oh), outWidth: Int32(ow),
          epilogue: Int32(KERNEL_PLAIN))
        kernels.convBackward(&backward)
        #expect(dx.indices.allSatisfy { close(back.pointer[$0], dx[$0], co * k * k) }, "\(variant.name)")

        let sums = Buffer<Float>(count: dw.count)
        var weights = ConvWeights(
          dy: dy.pointer, x: x[0].pointer, sums: sums.pointer, dyRow: ow * lanes,
          dyChannel: oh * ow * lanes, xRow: iw * lanes, xChannel: ih * iw * lanes, inChannels: Int32(ci),
          outChannels: Int32(co), kernel: Int32(k), stride: Int32(stride), rows: Int32(oh),
          outWidth: Int32(ow))
        kernels.convWeights(&weights)
        #expect(dw.indices.allSatisfy { close(sums.pointer[$0], dw[$0], oh * ow) }, "\(variant.name)")

        let total = Buffer<Float>(count: dw.count / lanes)
        kernels.reduceLanes(sums.pointer, total.pointer, total.count, 1)
        for i in 0..<total.count {
          let expected = dw[i * lanes..<(i + 1) * lanes].reduce(0, +)
          #expect(close(total.pointer[i], expected, oh * ow * lanes))
        }
      }
    }
  }

  @Test func channelWeights() {
    var draws = Draws(stream: RandomStream(key: 6))
    for round in 0..<12 {
      let k = [1, 3, 5][round % 3]
      let stride = draws.size(1...2)
      let (ci, co) = (16 * draws.size(1...6), draws.size(1...15))
      let (oh, ow) = (draws.size(1...4), draws.size(1...4))
      let (ih, iw) = ((oh - 1) * stride + k, (ow - 1) * stride + k)
      let x = draws.buffer(ci * ih * iw * lanes)
      let dy = draws.buffer(co * oh * ow * lanes)
      for images in [0..<16, 5..<6] {
        for variant in variants {
          let transposed = Buffer<Float>(count: x.count)
          let sums = Buffer<Float>(count: co * ci * k * k)
          let kernels = variant.kernels.pointee
          kernels.transposeChannels(
            x.pointer, transposed.pointer, ih * iw * lanes, ih * iw * ci, Int32(ci), Int32(ih * iw))
          var arguments = ConvChannelWeights(
            dy: dy.pointer, xt: transposed.pointer, sums: sums.pointer, dyRow: ow * lanes,
            dyChannel: oh * ow * lanes, xtRow: iw * ci, xtImage: ih * iw * ci, inChannels: Int32(ci),
            outChannels: Int32(co), kernel: Int32(k), stride: Int32(stride), outHeight: Int32(oh),
            outWidth: Int32(ow), firstImage: Int32(images.lowerBound), images: Int32(images.count))
          kernels.convChannelWeights(&arguments)
          var right = true
          for o in 0..<co {
            for tap in 0..<k * k {
              for c in 0..<ci {
                var expected = 0.0
                for p in 0..<oh * ow {
                  let row = p / ow * stride + tap / k
                  let from = ((c * ih + row) * iw + p % ow * stride + tap % k) * lanes
                  for l in images {
                    expected +=
                      Double(dy.pointer[(o * oh * ow + p) * lanes + l]) * Double(x.pointer[from + l])
                  }
                }
                if !close(sums.pointer[(o * k * k + tap) * ci + c], expected, oh * ow * 16) { right = false }
              }
            }
          }
          #expect(right, "\(variant.name)")
        }
      }
    }
  }

  @Test func linearLayers() {
    var draws = Draws(stream: RandomStream(key: 2))
    for _ in 0..<30 {
      let (inputs, outputs, groups) = (draws.size(1...90), draws.size(1...40), draws.size(1...3))
      let x = [draws.buffer(groups * inputs * lanes), draws.buffer(groups * inputs * lanes)]
      let w = [draws.buffer(inputs * outputs), draws.buffer(inputs * outputs)]
      let bias = draws.buffer(outputs)
      let dy = draws.buffer(groups * outputs * lanes)
      let row = (inputs + 15) / 16 * 16
      for variant in variants {
        let kernels = variant.kernels.pointee
        let y = Buffer<Float>(count: groups * outputs * lanes)
        let dx = Buffer<Float>(count: groups * inputs * lanes)
        let dw = Buffer<Float>(count: inputs * outputs)
        let xt = Buffer<Float>(count: groups * lanes * row)
        var forward = LinearForward(
          x0: x[0].pointer, x1: x[1].pointer, w0: w[0].pointer, w1: w[1].pointer, bias: bias.pointer,
          mask: nil, y: y.pointer, xGroup: inputs * lanes, yGroup: outputs * lanes, sources: 2,
          inputs: Int32(inputs), outputs: Int32(outputs), groups: Int32(groups),
          epilogue: Int32(KERNEL_RELU))
        kernels.linearForward(&forward)
        var backward = LinearBackward(
          dy0: dy.pointer, dy1: nil, w0: w[0].pointer, w1: nil, mask: x[0].pointer, dx: dx.pointer,
          dyGroup: outputs * lanes, dxGroup: inputs * lanes, sources: 1, inputs: Int32(inputs),
          outputs: Int32(outputs), groups: Int32(groups), epilogue: Int32(KERNEL_MASK))
        kernels.linearBackward(&backward)
        for g in 0..<groups {
          kernels.transpose(
            x[0].pointer + g * inputs * lanes, xt.pointer + g * lanes * row, row, Int32(inputs))
        }
        var weights = LinearWeights(
          dy: dy.pointer, xt: xt.pointer, gradient: dw.pointer, dyGroup: outputs * lanes, xtRow: row,
          inputs: Int32(inputs), outputs: Int32(outputs), groups: Int32(groups))
        kernels.linearWeights(&weights)
        var right = true
        for g in 0..<groups {
          for l in 0..<lanes {
            for o in 0..<outputs {
              var expected = Double(bias.pointer[o])
              for i in 0..<inputs {
                let at = (g * inputs + i) * lanes + l
                for s in 0..<2 { expected += Double(w[s].pointer[o * inputs + i]) * Double(x[s].pointer[at]) }
              }
              right = right && close(y.pointer[(g * outputs + o) * lanes + l], max(0, expected), 2 * inputs)
            }
            for i in 0..<inputs {
              var expected = 0.0
              for o in 0..<outputs {
                let d = Double(dy.pointer[(g * outputs + o) * lanes + l])
                expected += d * Double(w[0].pointer[o * inputs + i])
              }
              let at = (g * inputs + i) * lanes + l
              right = right && close(dx.pointer[at], x[0].pointer[at] > 0 ? expected : 0, outputs)
            }
          }
        }
        for o in 0..<outputs {
          for i in 0..<inputs {
            var expected = 0.0
            for n in 0..<groups * lanes {
              let d = dy.pointer[(n / lanes * outputs + o) * lanes + n % lanes]
              expected += Double(d) * Double(x[0].pointer[(n / lanes * inputs + i) * lanes + n % lanes])
            }
            right = right && close(dw.pointer[o * inputs + i], expected, groups * lanes)
          }
        }
        #expect(right, "\(variant.name): \(inputs) → \(outputs), \(groups) groups")
      }
    }
  }

  @Test func lossAndItsHessian() {
    var draws = Draws(stream: RandomStream(key: 3))
    for classes in [1, 2, 10, 33] {
      for spread in [1.0, 20, 200] {
        let z = draws.buffer(classes * lanes)
        let t = draws.buffer(classes * lanes)
        for i in 0..<z.count { z.pointer[i] *= Float(spread) }
        let labels = Buffer<UInt8>(count: lanes)
        for l in 0..<lanes { labels.pointer[l] = UInt8(draws.size(0...classes - 1)) }
        for variant in variants {
          let kernels = variant.kernels.pointee
          let losses = Buffer<Float>(count: lanes)
          let best = Buffer<UInt8>(count: lanes)
          let p = Buffer<Float>(count: classes * lanes)
          let g = Buffer<Float>(count: classes * lanes)
          let h = Buffer<Float>(count: classes * lanes)
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
            var rest = 0.0
            for logit in logits { rest += exponential(logit - top) }
            let loss = top - logits[label] + logarithm(rest)
            #expect(abs(Double(losses.pointer[l]) - loss) < 1e-6 * max(1, spread))
            #expect(logits[Int(best.pointer[l])] == top)
            var mean = 0.0
            for k in 0..<classes { mean += exact[k] * Double(t.pointer[k * lanes + l]) }
            for k in 0..<classes {
              let at = k * lanes + l
              #expect(abs(Double(p.pointer[at]) - exact[k]) < 1e-6)
              let target: Double = k == label ? 1 : 0
              let gradient: Double = l < 13 ? 2 * (exact[k] - target) : 0
              #expect(abs(Double(g.pointer[at]) - gradient) < 3e-6)
              let hessian: Double = l < 13 ? 2 * exact[k] * (Double(t.pointer[at]) - mean) : 0
              #expect(abs(Double(h.pointer[at]) - hessian) < 2e-5)
            }
          }
        }
      }
    }
  }

  @Test func imagesAreConvertedWithTheirMargins() {
    var draws = Draws(stream: RandomStream(key: 4))
    for (height, width, margin) in [(28, 28, 2), (3, 5, 1), (1, 1, 0), (4, 4, 3)] {
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
  }
}
