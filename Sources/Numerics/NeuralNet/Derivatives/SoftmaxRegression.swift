// L2-regularised multinomial logistic regression in float64: derivatives and a deterministic optimiser.

import Glibc
import Tensor

/// The `softmax` net's loss (1/n) Σ ℓᵢ(θ) + ½·weightDecay·‖θ‖² and its derivatives in float64, at parameters that
/// stay fixed; biases are regularised too, so that the loss is strictly convex.
///
/// Parameters are flat, as `Network.named("softmax")` lays them out: weight [classes, pixels], bias [classes].
/// Results are bit-identical for any number of threads. Not for two callers at once.
public final class SoftmaxRegression {
  /// θ.
  public let parameters: [Double]
  /// The images that means are over.
  public let indices: [Int]
  /// Coefficient of the regulariser.
  public let weightDecay: Double
  /// Number of classes.
  public let classes: Int
  private let data: ImageSet
  private let pool: ThreadPool
  private let probabilities: Buffer<Double>
  /// θ as [classes, pixels + 1], the bias beside its weights.
  private let joined: [Double]
  private var columns: Int { data.pixels + 1 }

  /// Images that are converted and multiplied at once.
  private static let block = 256

  /// Evaluates the net on the images of `indices`.
  ///
  /// - Throws: `NeuralNetError` for bad parameters, indices or labels.
  public init(
    parameters: [Double], data: ImageSet, indices: [Int], weightDecay: Double, classes: Int = 10,
    pool: ThreadPool
  ) throws(NeuralNetError) {
    guard weightDecay >= 0, weightDecay.isFinite else {
      throw .invalidOption(name: "weight decay", reason: "must be finite, not negative")
    }
    let network = try Network.named(
      "softmax", input: Shape(data.channels, data.height, data.width), classes: classes)
    try network.check(parameters: parameters.map { Float($0) })
    try data.check(indices, for: network)
    self.parameters = parameters
    self.indices = indices
    self.weightDecay = weightDecay
    self.classes = classes
    self.data = data
    self.pool = pool
    joined = Self.join(parameters, classes, data.pixels)
    probabilities = Buffer(count: indices.count * classes)
    outputs(indices, joined) { place, z in
      let p = probabilities.pointer + place * classes
      _ = Self.softmax(z, p, classes)
    }
  }

  private static func join(_ flat: [Double], _ classes: Int, _ pixels: Int) -> [Double] {
    var joined: [Double] = []
    for k in 0..<classes {
      joined += flat[k * pixels..<(k + 1) * pixels]
      joined.append(flat[classes * pixels + k])
    }
    return joined
  }

  /// Writes softmax(z) to `p`; returns log Σ exp(z).
  private static func softmax(
    _ z: UnsafePointer<Double>, _ p: UnsafeMutablePointer<Double>, _ classes: Int
  ) -> Double {
    var top = z[0]
    for k in 1..<classes { top = max(top, z[k]) }
    var sum = 0.0
    for k in 0..<classes {
      p[k] = exp(z[k] - top)
      sum += p[k]
    }
    for k in 0..<classes { p[k] /= sum }
    return top + log(sum)
  }

  /// Fills rows of normalised pixels and a final 1.
  private func fill(
    _ rows: UnsafeMutablePointer<Double>, _ images: ArraySlice<Int>, _ pixels: UnsafePointer<UInt8>
  ) {
    let gain = 1 / (255 * Double(data.deviation))
    let offset = -Double(data.mean) / Double(data.deviation)
    let count = data.pixels
    for (row, image) in images.enumerated() {
      let to = rows + row * columns
      let from = pixels + image * count
      for i in 0..<count { to[i] = Double(from[i]) * gain + offset }
      to[count] = 1
    }
  }

  /// Calls body(first place, images, rows [block, pixels + 1], outputs [block, classes]) for each block.
  private func forEachBlock(
    _ images: [Int], _ weights: [Double]?,
    _ body: (
      _ slot: Int, _ first: Int, _ images: ArraySlice<Int>, _ rows: UnsafePointer<Double>,
      _ outputs: UnsafeMutablePointer<Double>
    ) -> Void
  ) {
    let blocks = (images.count + Self.block - 1) / Self.block
    let slots = min(blocks, ChunkRunner.maximumSlots)
    let scratch = Buffer<Double>(count: pool.threads * Self.block * (columns + classes))
    data.images.withUnsafeBufferPointer { bytes in
      guard let pixels = bytes.baseAddress else { return }
      pool.run(slots) { slot, worker in
        let rows = scratch.pointer + worker * Self.block * (columns + classes)
        let outputs = rows + Self.block * columns
        for block in slot * blocks / slots..<(slot + 1) * blocks / slots {
          let first = block * Self.block
          let part = images[first..<min(first + Self.block, images.count)]
          fill(rows, part, pixels)
          if let weights {
            Gemm.multiply(
              m: part.count, n: classes, k: columns, a: rows, lda: columns, b: weights, ldb: columns,
              transposeB: true, c: outputs, ldc: classes)
          }
          body(slot, first, part, rows, outputs)
        }
      }
    }
  }

  /// Calls body(place, outputs [classes]) with weights · (pixels, 1) of each image.
  private func outputs(
    _ images: [Int], _ weights: [Double], _ body: (_ place: Int, _ z: UnsafePointer<Double>) -> Void
  ) {
    forEachBlock(images, weights) { _, first, part, _, z in
      for row in 0..<part.count { body(first + row, z + row * classes) }
    }
  }

  /// Σ rᵢ xᵢᵀ, flat: `residual` turns each image's outputs in place into its row r.
  private func sum(
    _ images: [Int], _ weights: [Double]?,
    _ residual: (_ place: Int, _ image: Int, _ z: UnsafeMutablePointer<Double>) -> Void
  ) -> [Double] {
    let size = classes * columns
    let slots = Buffer<Double>(count: ChunkRunner.maximumSlots * size)
    forEachBlock(images, weights) { slot, first, part, rows, z in
      for (row, image) in part.enumerated() { residual(first + row, image, z + row * classes) }
      Gemm.multiply(
        m: classes, n: columns, k: part.count, a: z, lda: classes, transposeA: true, b: rows, ldb: columns,
        beta: 1, c: slots.pointer + slot * size, ldc: columns)
    }
    var flat = [Double](repeating: 0, count: parameters.count)
    for k in 0..<classes {
      for i in 0..<columns {
        var total = 0.0
        for slot in 0..<ChunkRunner.maximumSlots { total += slots.pointer[slot * size + k * columns + i] }
        flat[i < data.pixels ? k * data.pixels + i : classes * data.pixels + k] = total
      }
    }
    return flat
  }

  /// Cross-entropy of each image, in the order of `images`, without the regulariser.
  ///
  /// - Throws: `NeuralNetError` for a bad index set.
  public func losses(over images: [Int]) throws(NeuralNetError) -> [Double] {
    try check(images)
    let result = Buffer<Double>(count: images.count)
    outputs(images, joined) { place, z in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: classes) { p in
        if let p = p.baseAddress {
          result.pointer[place] =
            Self.softmax(z, p, classes) - z[Int(data.labels[images[place]])]
        }
      }
    }
    return Array(result.elements)
  }

  /// The mean loss over the own images, regulariser included.
  public var loss: Double {
    var total = 0.0
    for (place, image) in indices.enumerated() {
      total -= log(probabilities.pointer[place * classes + Int(data.labels[image])])
    }
    return total / Double(indices.count) + 0.5 * weightDecay * dot(parameters, parameters)
  }

  /// The mean gradient over the own images, regulariser included.
  public func gradient() -> [Double] {
    var g = sum(indices, nil) { place, image, z in
      for k in 0..<classes { z[k] = probabilities.pointer[place * classes + k] }
      z[Int(data.labels[image])] -= 1
    }
    for i in g.indices { g[i] = g[i] / Double(indices.count) + weightDecay * parameters[i] }
    return g
  }

  /// The sum of the loss's gradient over any images, without the regulariser; zero for none.
  ///
  /// - Throws: `NeuralNetError` for a bad index.
  public func gradientSum(over images: [Int]) throws(NeuralNetError) -> [Double] {
    if images.isEmpty { return [Double](repeating: 0, count: parameters.count) }
    try check(images)
    return sum(images, joined) { _, image, z in
      _ = Self.softmax(z, z, classes)
      z[Int(data.labels[image])] -= 1
    }
  }

  /// The product of the Hessian of the mean loss over the own images, regulariser included, with `v`.
  ///
  /// - Throws: `wrongParameterCount`.
  public func hessianProduct(_ v: [Double]) throws(NeuralNetError) -> [Double] {
    guard v.count == parameters.count else {
      throw .wrongParameterCount(expected: parameters.count, found: v.count)
    }
    var product = sum(indices, Self.join(v, classes, data.pixels)) { place, _, t in
      let p = probabilities.pointer + place * classes
      var mean = 0.0
      for k in 0..<classes { mean += p[k] * t[k] }
      for k in 0..<classes { t[k] = p[k] * (t[k] - mean) }
    }
    for i in product.indices { product[i] = product[i] / Double(indices.count) + weightDecay * v[i] }
    return product
  }

  private func check(_ images: [Int]) throws(NeuralNetError) {
    let network = try Network.named(
      "softmax", input: Shape(data.channels, data.height, data.width), classes: classes)
    try data.check(images, for: network)
  }

  // MARK: - Optimiser

  /// Minimises the loss by Newton's method, each step by conjugate gradients, with step halving (Nocedal &
  /// Wright, Numerical Optimization, 2nd ed., algorithm 7.1); deterministic.
  ///
  /// - Parameters:
  ///   - start: First parameters; zero by default.
  ///   - tolerance: Bound of the gradient's L2 norm.
  ///   - progress: Called after each Newton step with its number and the gradient's norm; what it throws ends the
  ///     work and is rethrown.
  /// - Throws: `notConverged` if the norm stays above the tolerance; `NeuralNetError` for bad input.
  public static func fit(
    data: ImageSet, indices: [Int], weightDecay: Double, classes: Int = 10, start: [Double]? = nil,
    tolerance: Double = 1e-8, maxSteps: Int = 100, pool: ThreadPool,
    progress: ((_ step: Int, _ gradientNorm: Double) throws -> Void)? = nil
  ) throws -> SoftmaxRegression {
    guard weightDecay > 0 else {
      throw NeuralNetError.invalidOption(
        name: "weight decay", reason: "must be positive: else the minimum need not exist")
    }
    let count = classes * (data.pixels + 1)
    func model(_ parameters: [Double]) throws -> SoftmaxRegression {
      try SoftmaxRegression(
        parameters: parameters, data: data, indices: indices, weightDecay: weightDecay, classes: classes,
        pool: pool)
    }
    var current = try model(start ?? [Double](repeating: 0, count: count))
    var gradient = current.gradient()
    var norm = dot(gradient, gradient).squareRoot()
    for step in 0..<maxSteps where norm > tolerance {
      let solution = try conjugateGradient(
        rhs: gradient, tolerance: min(0.1, norm.squareRoot()), maxIterations: 10 * count
      ) { try current.hessianProduct($0) }
      let slope = dot(gradient, solution.x)
      var length = 1.0
      var next: SoftmaxRegression?
      while length > 1e-10 {
        let trial = try model(zip(current.parameters, solution.x).map { $0 - length * $1 })
        // Near the minimum the decrease drowns in the loss's rounding, hence the allowance.
        if trial.loss <= current.loss - 1e-4 * length * slope + 1e-14 * abs(current.loss) {
          next = trial
          break
        }
        length /= 2
      }
      guard let next else { break }
      current = next
      gradient = current.gradient()
      norm = dot(gradient, gradient).squareRoot()
      try progress?(step + 1, norm)
    }
    guard norm <= tolerance else {
      throw NeuralNetError.notConverged(what: "the softmax regression", residual: norm)
    }
    return current
  }
}
