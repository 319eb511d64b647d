// Gradient and curvature of the mean loss at fixed parameters.

import Tensor

/// Derivatives of a net's mean cross-entropy over a set of images, at parameters that stay fixed.
///
/// The activations of as many chunks of images as fit under the memory ceiling are kept and reused by every
/// product; the others are recomputed, with the same result bit for bit. Not for two callers at once; the
/// threads of the pool share each call's work.
public final class Curvature {
  /// The net.
  public let network: Network
  /// The images that the curvature is a mean over.
  public let indices: [Int]
  /// Coefficient of the regulariser ½·weightDecay·‖θ‖², whose derivatives all results include.
  public let weightDecay: Float
  /// Images whose activations are kept.
  public let keptImages: Int
  /// Directions that products take in one pass.
  public let directions: Int
  /// What each image's curvature counts in the mean; empty where all count 1.
  private let weights: Buffer<Float>
  let parameters: Buffer<Float>
  let data: ImageSet
  let runner: ChunkRunner
  let pool: ThreadPool
  private let kept: Buffer<UInt8>
  /// Adjoints of the loss, of as many chunks as there is room for beside the activations; they are the same in each
  /// exact Hessian's product.
  private var keptAdjoints: Buffer<Float>?
  private var adjointsAreReady = false
  private let room: Int
  private let keptChunks: Int

  /// Ceiling of `init` if none is given: leaves room for the images in a process of 512 MB.
  public static let defaultMemoryCeiling = 384 << 20

  /// Prepares products at `parameters` over the images of `indices`.
  ///
  /// - Parameters:
  ///   - weights: A factor for each image in Gauss-Newton products, which stay divided by the number of images;
  ///     1 by default.
  ///   - weightDecay: The regulariser's coefficient; 0 for the bare loss.
  ///   - memoryCeiling: Bytes for the threads' memory, sums and kept activations.
  ///   - directions: How many directions `gaussNewtonProducts` and `hessianProducts` take in one pass over the
  ///     images; each takes room for its own sums. More directions than that take several passes.
  /// - Throws: `memoryCeilingTooLow` if not even the threads' memory fits; `NeuralNetError` for other bad input.
  public init(
    _ network: Network, parameters: [Float], data: ImageSet, indices: [Int],
    weights: [Float]? = nil, weightDecay: Float = 0,
    memoryCeiling: Int = Curvature.defaultMemoryCeiling, directions: Int = 1, pool: ThreadPool
  ) throws(NeuralNetError) {
    try network.check(parameters: parameters)
    try data.check(indices, for: network)
    precondition(weights == nil || weights?.count == indices.count, "a weight for each image")
    guard directions >= 1 else { throw .invalidOption(name: "directions", reason: "must be at least 1") }
    let needed = Self.memoryNeeded(
      network, images: indices.count, directions: directions, threads: pool.threads)
    guard needed <= memoryCeiling else {
      throw .memoryCeilingTooLow(neededBytes: needed, ceilingBytes: memoryCeiling)
    }
    self.network = network
    self.directions = directions
    self.data = data
    self.indices = indices
    self.weightDecay = weightDecay
    self.weights = Buffer(count: weights?.count ?? 0)
    for (i, weight) in (weights ?? []).enumerated() { self.weights.pointer[i] = weight }
    self.parameters = Buffer(count: parameters.count)
    for i in 0..<parameters.count { self.parameters.pointer[i] = parameters[i] }
    self.pool = pool
    runner = ChunkRunner(network, pool: pool, products: true)
    let chunks = (indices.count + chunkSize - 1) / chunkSize
    keptChunks = min(chunks, (memoryCeiling - needed) / network.plan.tapeBytes)
    keptImages = min(indices.count, keptChunks * chunkSize)
    kept = Buffer(count: keptChunks * network.plan.tapeBytes)
    room = memoryCeiling - needed - keptChunks * network.plan.tapeBytes
    runner.forEachChunk(data, indices[..<keptImages]) { chunk, workspace in
      recompute(workspace, tape(chunk, workspace))
    }
  }

  /// The least ceiling in bytes with which `init` succeeds: nothing kept.
  public static func memoryNeeded(
    _ network: Network, images: Int, directions: Int = 1, threads: Int
  ) -> Int {
    ChunkRunner.bytes(
      network, threads: threads, slots: ChunkRunner.slots(network, images: images), directions: directions)
  }

  private func tape(_ chunk: Int, _ workspace: Workspace) -> Tape {
    guard chunk < keptChunks else { return workspace.tape }
    return Tape(
      at: UnsafeMutableRawPointer(kept.pointer) + chunk * network.plan.tapeBytes, plan: network.plan)
  }

  private func recompute(_ workspace: Workspace, _ tape: Tape) {
    workspace.forward(parameters.pointer, tape)
    workspace.loss(tape, scale: 0)
  }

  /// The loaded chunk's activations and probabilities, from the cache or computed.
  func activations(_ chunk: Int, _ workspace: Workspace) -> Tape {
    let tape = tape(chunk, workspace)
    if chunk >= keptChunks { recompute(workspace, tape) }
    return tape
  }

  private func addRegulariser(_ vector: inout [Float], of argument: UnsafePointer<Float>, times factor: Float)
  {
    if factor == 0 { return }
    for i in 0..<vector.count { vector[i] += factor * argument[i] }
  }

  /// The loss's mean over the images of `indices` (default: the curvature's own), without the regulariser, and
  /// the gradient of loss and regulariser, flat in state_dict order.
  ///
  /// - Throws: `NeuralNetError` for a bad index set.
  public func gradient(over images: [Int]? = nil) throws(NeuralNetError) -> (loss: Double, gradient: [Float])
  {
    let images = images ?? indices
    try data.check(images, for: network)
    var (loss, sum) = gradientSum(images, scale: 1 / Float(images.count))
    loss /= Double(images.count)
    addRegulariser(&sum, of: parameters.pointer, times: weightDecay)
    return (loss, sum)
  }

  /// The sum over the images of `indices` of the loss and of its gradient, without the regulariser; zero for
  /// an empty set.
  ///
  /// - Throws: `NeuralNetError` for a bad index.
  public func gradientSum(over images: [Int]) throws(NeuralNetError) -> (loss: Double, gradient: [Float]) {
    if images.isEmpty { return (0, [Float](repeating: 0, count: network.parameterCount)) }
    try data.check(images, for: network)
    return gradientSum(images, scale: 1)
  }

  private func gradientSum(_ images: [Int], scale: Float) -> (loss: Double, gradient: [Float]) {
    let chunks = (images.count + chunkSize - 1) / chunkSize
    let losses = Buffer<Double>(count: chunks)
    let sums = runner.accumulate(data, images[...]) { chunk, workspace, gradient in
      workspace.forward(parameters.pointer, workspace.tape)
      workspace.loss(workspace.tape, scale: scale)
      workspace.backward(parameters.pointer, workspace.tape, gradient: gradient)
      losses.pointer[chunk] = (0..<workspace.count).reduce(0) { $0 + Double(workspace.losses.pointer[$1]) }
    }
    return (losses.elements.reduce(0, +), runner.total(sums, images: images.count))
  }

  /// The Gauss-Newton product (1/n) Σ Jᵀ H_L J v + weightDecay·v, with J the logits' Jacobian and
  /// H_L = diag(p) − ppᵀ the loss's Hessian at the logits (Schraudolph 2002); positive semidefinite.
  ///
  /// - Throws: `wrongParameterCount` if `v` is not as long as the parameters.
  public func gaussNewtonProduct(_ v: [Float]) throws(NeuralNetError) -> [Float] {
    try gaussNewtonProducts([v])[0]
  }

  /// `gaussNewtonProduct` of each of several directions, with the same bits; `directions` of them share one pass
  /// over the images and, where these are not kept, their activations.
  ///
  /// - Throws: `wrongParameterCount` if one is not as long as the parameters.
  public func gaussNewtonProducts(_ v: [[Float]]) throws(NeuralNetError) -> [[Float]] {
    let scale = 1 / Float(indices.count)
    return try products(v) { chunk, _, workspace, tape, v, gradient in
      workspace.tangentForward(parameters.pointer, v, tape)
      workspace.lossHessian(
        tape, scale: scale, weights: weights.count == 0 ? nil : weights.pointer + chunk * chunkSize)
      workspace.backward(parameters.pointer, tape, gradient: gradient)
    }
  }

  /// The exact Hessian's product with `v`, weightDecay·v included and `weights` left out, by Pearlmutter's R-operator
  /// (Fast exact multiplication by the Hessian, 1994); ReLU and pooling stay on their active branch.
  ///
  /// - Throws: `wrongParameterCount` if `v` is not as long as the parameters.
  public func hessianProduct(_ v: [Float]) throws(NeuralNetError) -> [Float] {
    try hessianProducts([v])[0]
  }

  /// `hessianProduct` of each of several directions; see `gaussNewtonProducts`.
  ///
  /// - Throws: `wrongParameterCount` if one is not as long as the parameters.
  public func hessianProducts(_ v: [[Float]]) throws(NeuralNetError) -> [[Float]] {
    let scale = 1 / Float(indices.count)
    let plan = network.plan
    if keptAdjoints == nil {
      let chunks = (indices.count + chunkSize - 1) / chunkSize
      let affordable = plan.adjointsAreDistinct ? min(chunks, room / (4 * plan.adjointFloats)) : 0
      keptAdjoints = Buffer(count: affordable * plan.adjointFloats)
    }
    let memory = keptAdjoints?.pointer
    let keptChunks = (keptAdjoints?.count ?? 0) / plan.adjointFloats
    // Another direction's pass over a chunk leaves its adjoints too.
    let areReady = adjointsAreReady
    let results = try products(v) { chunk, place, workspace, tape, v, gradient in
      let isKept = chunk < keptChunks
      let isKnown = plan.adjointsAreDistinct && (place > 0 || isKept && areReady)
      workspace.use(adjoints: isKept ? memory.map { $0 + chunk * plan.adjointFloats } : nil)
      workspace.tangentForward(parameters.pointer, v, tape)
      if !isKnown { workspace.loss(tape, scale: scale) }
      workspace.lossHessian(tape, scale: scale, curved: true)
      workspace.backward(
        parameters.pointer, tape, gradient: gradient, direction: v, adjointsKnown: isKnown)
      workspace.use(adjoints: nil)
    }
    adjointsAreReady = !v.isEmpty || areReady
    return results
  }

  /// Sums `body`'s gradients over all chunks for each direction, and adds the regulariser's part.
  private func products(
    _ v: [[Float]],
    _ body: (
      _ chunk: Int, _ place: Int, Workspace, Tape, _ v: UnsafePointer<Float>,
      _ gradient: UnsafeMutablePointer<Float>
    ) -> Void
  ) throws(NeuralNetError) -> [[Float]] {
    for direction in v { try checkDirection(direction) }
    let length = network.parameterCount
    let flat = Buffer<Float>(count: min(v.count, directions) * runner.stride)
    var results: [[Float]] = []
    while results.count < v.count {
      let part = v[results.count..<min(results.count + directions, v.count)]
      for (place, direction) in part.enumerated() {
        direction.withUnsafeBufferPointer {
          (flat.pointer + place * runner.stride).update(from: $0.baseAddress!, count: length)
        }
      }
      let sums = runner.accumulate(data, indices[...], directions: part.count) {
        chunk, workspace, gradients in
        let tape = activations(chunk, workspace)
        for place in 0..<part.count {
          workspace.select(sums: place)
          body(
            chunk, place, workspace, tape, flat.pointer + place * runner.stride,
            gradients + place * runner.stride)
        }
      }
      for place in 0..<part.count {
        var product = runner.total(
          sums + place * runner.stride, images: indices.count, directions: part.count)
        addRegulariser(&product, of: flat.pointer + place * runner.stride, times: weightDecay)
        results.append(product)
      }
    }
    return results
  }

  func checkDirection(_ v: [Float]) throws(NeuralNetError) {
    guard v.count == network.parameterCount else {
      throw .wrongParameterCount(expected: network.parameterCount, found: v.count)
    }
  }
}
