// Training through batch normalisation, and its kernels against their definitions.

import CKernels
import NeuralNet
import Tensor
import Testing

private let lanes = Int(KERNEL_LANES)
private let variants = ["baseline", "avx2", "avx512"].compactMap { KernelVariant(named: $0) }

/// A group's activation with margins around its planes, filled with normal draws.
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

@Suite struct NormalisationTrainingTests {
  private func trained(_ batch: Int, threads: Int, images: Int = 90) throws -> TrainingResult {
    let network = try residualNet()
    let data = try randomImages(120, height: 7, width: 6, channels: 2, classes: 4)
    var options = TrainingOptions()
    options.epochs = 3
    options.batchSize = batch
    return try train(
      network, parameters: unevenParameters(network, key: 4), data: data, indices: Array(0..<images),
      options: options, stream: RandomStream(key: 5), pool: ThreadPool(threads: threads))
  }

  /// Batches of less than a group, of some groups and a rest, of all.
  @Test(arguments: [7, 16, 40, 64, 90, 200])
  func sameBitsForAnyThreads(batch: Int) throws {
    let results = try [1, 2, 3].map { try trained(batch, threads: $0) }
    #expect(Set(results.map(\.parameters)).count == 1)
    #expect(Set(results.map(\.network.buffers)).count == 1)
    #expect(Set(results.map(\.history)).count == 1)
    #expect(results[0].history[2].loss < results[0].history[0].loss)
    let steps = 3 * ((90 + batch - 1) / batch)
    let layouts = results[0].network.bufferLayouts
    for layout in layouts where layout.name.hasSuffix("num_batches_tracked") {
      // The net began at a count of its own.
      let start = try residualNet().buffers[layout.offset]
      #expect(abs(results[0].network.buffers[layout.offset] - start - Float(steps)) < 1e-4)
    }
  }

  /// The loss of a batch with its own statistics, in float64 from the definition, by a net of one convolution and a
  /// normalisation: the training's first loss, its statistics and, by differences, its step.
  @Test func firstStepIsTheSlopeOfTheBatchLoss() throws {
    let network = try Network(
      name: "one", input: Shape(1, 4, 5),
      layers: [
        .convolution(name: "a", outputs: 3, kernel: 3, stride: 1, padding: 1, bias: false),
        .batchNorm(name: "b"), .relu, .averagePool, .linear(name: "c", outputs: 3),
      ])
    let count = 37
    let data = try randomImages(count, height: 4, width: 5, classes: 3)
    let parameters = unevenParameters(network, key: 3)
    var options = TrainingOptions()
    options.epochs = 1
    options.batchSize = count
    options.weightDecay = 0
    options.learningRate = 1
    options.schedule = .constant
    let result = try train(
      network, parameters: parameters, data: data, indices: Array(0..<count), options: options,
      stream: RandomStream(key: 1), pool: ThreadPool(threads: 2))
    /// Loss, and mean and variance (n) of each channel.
    func batchLoss(_ w: [Double]) -> (loss: Double, moments: [(mean: Double, variance: Double)]) {
      let convolution = network.plan.operations[0]
      let planes = (0..<count).map { index in
        let image = ReferencePass.image(data, index)
        var full = [Double](repeating: 0, count: convolution.full.count)
        ReferencePass.forEachProduct(convolution) { out, weight, i in full[out] += w[weight] * image[i] }
        return full
      }
      let pixels = 20
      let moments = (0..<3).map { (c: Int) -> (Double, Double) in
        let values = planes.flatMap { $0[c * pixels..<(c + 1) * pixels] }
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
      }
      var loss = 0.0
      for (index, plane) in planes.enumerated() {
        let features = (0..<3).map { (c: Int) -> Double in
          let inverse = 1 / (moments[c].1 + 1e-5).squareRoot()
          var sum = 0.0
          for x in plane[c * pixels..<(c + 1) * pixels] {
            sum += max(0, w[27 + c] * (x - moments[c].0) * inverse + w[30 + c])
          }
          return sum / Double(pixels)
        }
        let z = (0..<3).map { k in w[42 + k] + dot(Array(w[33 + 3 * k..<36 + 3 * k]), features) }
        loss -= logarithm(ReferencePass.softmax(z)[Int(data.labels[index])]) / Double(count)
      }
      return (loss, moments.map { (mean: $0.0, variance: $0.1) })
    }
    let start = parameters.map(Double.init)
    let expected = batchLoss(start)
    #expect(abs(result.history[0].loss - expected.loss) < 1e-6)
    let n = Double(count * 20)
    for c in 0..<3 {
      #expect(abs(Double(result.network.buffers[c]) - 0.1 * expected.moments[c].mean) < 1e-6)
      let variance = 0.9 + 0.1 * expected.moments[c].variance * n / (n - 1)
      #expect(abs(Double(result.network.buffers[3 + c]) - variance) < 1e-6)
    }
    #expect(result.network.buffers[6] == 1)
    let slopes = start.indices.map { i in
      var up = start
      var down = start
      up[i] += 1e-6
      down[i] -= 1e-6
      return (batchLoss(up).loss - batchLoss(down).loss) / 2e-6
    }
    #expect(relativeDistance(zip(parameters, result.parameters).map { $0 - $1 }, slopes) < 1e-4)
  }

  @Test func earlyStopReturnsTheBestEpochsStatistics() throws {
    let network = try residualNet()
    let data = try randomImages(120, height: 7, width: 6, channels: 2, classes: 4)
    var options = TrainingOptions()
    options.epochs = 40
    options.batchSize = 20
    options.validationFraction = 0.3
    options.patience = 2
    options.learningRate = 0.3
    options.schedule = .constant
    let result = try train(
      network, parameters: unevenParameters(network, key: 4), data: data, indices: Array(0..<120),
      options: options, stream: RandomStream(key: 5), pool: ThreadPool(threads: 2))
    let losses = result.history.compactMap(\.validationLoss)
    let best = try #require(losses.min())
    var shuffled = Array(0..<120)
    var draws = RandomStream(key: 5).substream("validation")
    draws.shuffle(&shuffled)
    let held = try evaluate(
      result.network, parameters: result.parameters, data: data, indices: Array(shuffled.suffix(36)),
      pool: ThreadPool(threads: 1))
    #expect(held.loss == best)
  }

  @Test func buffersAreChecked() throws {
    let network = try residualNet()
    var buffers = network.buffers
    buffers[5] = -1
    #expect(
      throws: NeuralNetError.invalidOption(name: "b.running_var", reason: "a variance must not be negative")
    ) { try network.with(buffers: buffers) }
    buffers[5] = .nan
    #expect(throws: NeuralNetError.nonFiniteParameter(name: "b.running_var", index: 0)) {
      try network.with(buffers: buffers)
    }
    #expect(throws: NeuralNetError.wrongParameterCount(expected: buffers.count, found: 2)) {
      try network.with(buffers: [1, 2])
    }
    #expect(throws: NeuralNetError.self) { try Network.named("lenet", width: 3) }
    #expect(throws: NeuralNetError.self) {
      try Network(
        name: "bare", input: Shape(1, 4, 4),
        layers: [
          .convolution(name: "a", outputs: 2, kernel: 3, stride: 1, padding: 1, bias: false), .relu,
          .linear(name: "c", outputs: 2),
        ])
    }
  }
}
