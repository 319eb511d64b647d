// Batch normalisation's kernels, the plain ones among them, against definitions of the test's own.

import CKernels
import NeuralNet
import Tensor
import Testing

/// A pack's activation with margins around its planes, filled with normal draws.
private final class Planes {
  let storage: Buffer<Float>
  let row: Int
  let channel: Int
  let origin: Int

  init(_ channels: Int, _ height: Int, _ width: Int, margin: Int, _ stream: inout RandomStream) {
    row = (width + 2 * margin) * lanes
    channel = (height + 2 * margin) * row
    origin = margin * (row + lanes)
    storage = Buffer(count: channels * channel)
    for i in 0..<storage.count { storage.pointer[i] = Float(stream.normal()) }
  }

  var pixels: UnsafeMutablePointer<Float> { storage.pointer + origin }

  subscript(c: Int, y: Int, x: Int, l: Int) -> Double {
    Double(pixels[c * channel + y * row + x * lanes + l])
  }
}

@Suite struct NormalisationKernelTests {
  /// Calls body for some sizes with the pixels' places.
  private func forEachCase(
    _ body: (_ c: Int, _ h: Int, _ w: Int, _ kernels: Kernels, _ stream: inout RandomStream) -> Void
  ) {
    var stream = RandomStream(key: 9)
    for (c, h, w) in [(1, 1, 1), (3, 4, 5), (7, 2, 3), (16, 7, 7)] {
      for variant in variants { body(c, h, w, variant.kernels.pointee, &stream) }
    }
  }

  @Test func forward() {
    forEachCase { channels, height, width, kernels, stream in
      let x = Planes(channels, height, width, margin: 0, &stream)
      let t = Planes(channels, height, width, margin: 0, &stream)
      let addend = Planes(channels, height, width, margin: 2, &stream)
      let mask = Planes(channels, height, width, margin: 1, &stream)
      let factors = (0..<3 * channels).map { _ in Float(stream.normal()) }
      for epilogue in [KERNEL_PLAIN, KERNEL_RELU, KERNEL_MASK] {
        for sources in 1...2 {
          let y = Planes(channels, height, width, margin: 1, &stream)
          let pointer = UnsafeMutablePointer<Float>.allocate(capacity: factors.count)
          defer { pointer.deallocate() }
          pointer.initialize(from: factors, count: factors.count)
          var arguments = NormForward(
            x0: x.pixels, x1: sources == 2 ? UnsafePointer(t.pixels) : nil, scale0: pointer,
            scale1: pointer + 2 * channels, shift: pointer + channels,
            addend: sources == 2 ? UnsafePointer(addend.pixels) : nil, mask: mask.pixels, y: y.pixels,
            xRow: x.row, xChannel: x.channel, addendRow: addend.row, addendChannel: addend.channel,
            yRow: y.row, yChannel: y.channel, channels: Int32(channels), height: Int32(height),
            width: Int32(width), epilogue: Int32(epilogue))
          kernels.normForward(&arguments)
          var worst = 0.0
          for c in 0..<channels {
            for p in 0..<height * width * lanes {
              let (row, column, l) = (p / lanes / width, p / lanes % width, p % lanes)
              var expected = Double(factors[c]) * x[c, row, column, l] + Double(factors[channels + c])
              if sources == 2 {
                expected +=
                  Double(factors[2 * channels + c]) * t[c, row, column, l] + addend[c, row, column, l]
              }
              if epilogue == KERNEL_RELU { expected = max(0, expected) }
              if epilogue == KERNEL_MASK, mask[c, row, column, l] <= 0 { expected = 0 }
              worst = max(worst, abs(y[c, row, column, l] - expected))
            }
          }
          #expect(worst < 1e-5)
        }
      }
    }
  }

  @Test func backward() {
    forEachCase { channels, height, width, kernels, stream in
      let d = Planes(channels, height, width, margin: 0, &stream)
      let d1 = Planes(channels, height, width, margin: 0, &stream)
      let x = Planes(channels, height, width, margin: 0, &stream)
      let mask = Planes(channels, height, width, margin: 1, &stream)
      let factors = (0..<3 * channels).map { _ in Float(stream.normal()) }
      let count = 11
      for usesInput in [false, true] {
        let dx = Planes(channels, height, width, margin: 3, &stream)
        let da = Planes(channels, height, width, margin: 2, &stream)
        let before = Buffer<Float>(count: da.storage.count)
        before.pointer.update(from: da.storage.pointer, count: before.count)
        let pointer = UnsafeMutablePointer<Float>.allocate(capacity: factors.count)
        defer { pointer.deallocate() }
        pointer.initialize(from: factors, count: factors.count)
        var arguments = NormBackward(
          d0: d.pixels, d1: usesInput ? nil : UnsafePointer(d1.pixels),
          x: usesInput ? UnsafePointer(x.pixels) : nil, mask: mask.pixels, p: pointer,
          q: pointer + channels, r: pointer + 2 * channels, dx: dx.pixels, da: da.pixels, dRow: d.row,
          dChannel: d.channel, xRow: x.row, xChannel: x.channel, maskRow: mask.row,
          maskChannel: mask.channel, dxRow: dx.row, dxChannel: dx.channel, daRow: da.row,
          daChannel: da.channel, channels: Int32(channels), height: Int32(height), width: Int32(width),
          count: Int32(count), adds: usesInput ? 1 : 0)
        kernels.normBackward(&arguments)
        var worst = 0.0
        for c in 0..<channels {
          for i in 0..<height * width * lanes {
            let (row, column, l) = (i / lanes / width, i / lanes % width, i % lanes)
            let on: Double = mask[c, row, column, l] > 0 ? 1 : 0
            let (p, q, r) = (factors[c], factors[channels + c], factors[2 * channels + c])
            var expected = Double(p) * on * d[c, row, column, l]
            if usesInput && l < count { expected += Double(q) * x[c, row, column, l] + Double(r) }
            if !usesInput { expected += Double(q) * on * d1[c, row, column, l] }
            worst = max(worst, abs(dx[c, row, column, l] - expected))
            let at = da.origin + c * da.channel + row * da.row + column * lanes + l
            let sum = on * d[c, row, column, l] + (usesInput ? Double(before.pointer[at]) : 0)
            worst = max(worst, abs(Double(da.storage.pointer[at]) - sum))
          }
        }
        #expect(worst < 1e-5)
      }
    }
  }

  @Test func sumsAndMoments() {
    forEachCase { channels, height, width, kernels, stream in
      let d = Planes(channels, height, width, margin: 0, &stream)
      let x = Planes(channels, height, width, margin: 0, &stream)
      // Far from zero: a variance by Σx² − n·mean² would lose its digits.
      for i in 0..<x.storage.count { x.storage.pointer[i] += 300 }
      let mask = Planes(channels, height, width, margin: 1, &stream)
      let factors = Buffer<Float>(count: 2 * channels)
      let centre = factors.pointer
      for i in 0..<2 * channels { centre[i] = Float(stream.normal()) }
      let weightSums = Buffer<Float>(count: channels * lanes)
      let biasSums = Buffer<Float>(count: channels * lanes)
      for i in 0..<weightSums.count { weightSums.pointer[i] = 1 }
      for c in 0..<channels { centre[c] = 300 }
      var arguments = NormSums(
        d: d.pixels, x: x.pixels, mask: mask.pixels, centre: centre, inverse: centre + channels,
        weightSums: weightSums.pointer, biasSums: biasSums.pointer, dRow: d.row, dChannel: d.channel,
        xRow: x.row, xChannel: x.channel, maskRow: mask.row, maskChannel: mask.channel,
        channels: Int32(channels), height: Int32(height), width: Int32(width))
      kernels.normSums(&arguments)
      let count = 9
      let mean = Buffer<Double>(count: channels)
      let squares = Buffer<Double>(count: channels)
      var moments = Moments(
        x: x.pixels, mean: mean.pointer, squares: squares.pointer, xRow: x.row, xChannel: x.channel,
        channels: Int32(channels), height: Int32(height), width: Int32(width), count: Int32(count))
      kernels.moments(&moments)
      for c in 0..<channels {
        var (total, n) = (0.0, 0.0)
        for l in 0..<lanes {
          var (weight, bias) = (1.0, 0.0)
          for p in 0..<height * width {
            let (row, column) = (p / width, p % width)
            let own = mask[c, row, column, l] > 0 ? d[c, row, column, l] : 0
            bias += own
            weight += own * (x[c, row, column, l] - 300) * Double(centre[channels + c])
            if l < count {
              total += x[c, row, column, l]
              n += 1
            }
          }
          #expect(abs(Double(weightSums.pointer[c * lanes + l]) - weight) < 1e-4)
          #expect(abs(Double(biasSums.pointer[c * lanes + l]) - bias) < 1e-4)
        }
        #expect(abs(mean.pointer[c] - total / n) < 1e-3)
        var square = 0.0
        for l in 0..<count {
          for p in 0..<height * width {
            let gap = x[c, p / width, p % width, l] - total / n
            square += gap * gap
          }
        }
        #expect(abs(squares.pointer[c] - square) < 1e-4 * (square + 1e-2))
      }
    }
  }

  @Test func averagePooling() {
    forEachCase { channels, height, width, kernels, stream in
      let x = Planes(channels, height, width, margin: 1, &stream)
      let y = Buffer<Float>(count: channels * lanes)
      kernels.averagePool(
        x.pixels, y.pointer, x.row, x.channel, Int32(channels), Int32(height), Int32(width))
      let back = Planes(channels, height, width, margin: 2, &stream)
      kernels.averageSpread(
        y.pointer, back.pixels, back.row, back.channel, Int32(channels), Int32(height), Int32(width))
      for c in 0..<channels {
        for l in 0..<lanes {
          var mean = 0.0
          for p in 0..<height * width { mean += x[c, p / width, p % width, l] / Double(height * width) }
          #expect(abs(Double(y.pointer[c * lanes + l]) - mean) < 1e-5)
          for p in 0..<height * width {
            let share = Double(y.pointer[c * lanes + l]) / Double(height * width)
            #expect(abs(back[c, p / width, p % width, l] - share) < 1e-6)
          }
        }
      }
    }
  }
}
