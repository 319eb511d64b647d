// The gradient of a batch through a net whose batch normalisation uses the batch's own statistics.

import Tensor

/// Takes all chunks of a batch through the net step by step, because a normalisation needs the statistics of the
/// whole batch: chunks are shared out among threads between one normalisation and the next.
///
/// Statistics and their gradients are taken pack by pack of 16 images and added up in order in float64, weight
/// gradients chunk by chunk; no result depends on the number of threads.
final class BatchPass {
  /// The running statistics, laid out as the net's buffers.
  private(set) var buffers: [Float]
  /// Floats between the chunks' gradients.
  let stride: Int
  private let network: Network
  private let plan: MemoryPlan
  private let pool: ThreadPool
  /// One a chunk: the batch's activations are all needed at once.
  private let workspaces: [Workspace]
  private let gradients: Buffer<Float>
  /// Mean and sum of squared deviations of each pack's channels: [statistic][pack].
  private let means: Buffer<Double>
  private let squares: Buffer<Double>
  /// Lane sums of γ's and β's gradients of one normalisation: [pack][2][channel][16].
  private let sums: Buffer<Float>
  /// p, q and r of `BackwardCoefficients` for one normalisation.
  private let coefficients: Buffer<Float>
  /// Operations between two meetings of the threads.
  private let forwardRuns: [Range<Int>]
  private var count = 0

  /// Memory for batches of up to `batchSize` images.
  init(_ network: Network, batchSize: Int, pool: ThreadPool) {
    self.network = network
    self.pool = pool
    plan = network.plan
    buffers = network.buffers
    stride = (network.parameterCount + laneCount - 1) / laneCount * laneCount
    let chunks = (batchSize + chunkSize - 1) / chunkSize
    workspaces = (0..<chunks).map { _ in Workspace(network, variant: .current, products: false) }
    gradients = Buffer(count: chunks * stride)
    means = Buffer(count: 2 * chunks * network.buffers.count)
    squares = Buffer(count: 2 * chunks * network.buffers.count)
    sums = Buffer(count: 2 * chunks * 2 * plan.normChannels * laneCount)
    coefficients = Buffer(count: 3 * plan.normChannels)
    forwardRuns = Self.runs(plan)
  }

  /// Bytes that an object for such batches takes.
  static func bytes(_ network: Network, batchSize: Int) -> Int {
    let plan = network.plan
    let chunks = (batchSize + chunkSize - 1) / chunkSize
    let own = Workspace.bytes(plan) - 4 * (plan.tapeFloats + plan.adjointFloats)
    return chunks * (own + 4 * (network.parameterCount + laneCount + 8 * network.buffers.count))
  }

  /// Cuts the operations before each normalisation whose statistics are not known yet.
  private static func runs(_ plan: MemoryPlan) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var start = 0
    for (index, operation) in plan.operations.enumerated() {
      // The source of a normalisation may have been finished in an earlier run, beside another's.
      if operation.isNormalisation, operation.source > start {
        runs.append(start..<index)
        start = index
      }
    }
    return runs + [start..<plan.operations.count]
  }

  private var chunks: Int { (count + chunkSize - 1) / chunkSize }

  private func forEachChunk(_ body: (Int, Workspace) -> Void) {
    pool.run(chunks) { chunk, _ in body(chunk, workspaces[chunk]) }
  }

  /// The mean loss's gradients of the batch's chunks, `stride` floats apart; they stay valid until the next call.
  /// `finished` gets each chunk's workspace after its losses are known.
  func gradients(
    _ data: ImageSet, _ batch: ArraySlice<Int>, _ parameters: UnsafePointer<Float>,
    finished: (_ chunk: Int, _ workspace: Workspace) -> Void
  ) -> UnsafeMutablePointer<Float> {
    count = batch.count
    for (place, run) in forwardRuns.enumerated() {
      forEachChunk { chunk, workspace in
        if place == 0 { workspace.load(data, ChunkRunner.places(chunk, batch)) }
        for index in run {
          workspace.forward(index, parameters, workspace.tape)
          takeMoments(of: index + 1, chunk, workspace)
        }
      }
      for index in run { finishStatistics(of: index + 1) }
    }
    forEachChunk { chunk, workspace in
      workspace.loss(workspace.tape, scale: 1 / Float(batch.count))
      finished(chunk, workspace)
      workspace.clearSums()
      gradient(chunk).update(repeating: 0, count: stride)
    }
    backward(parameters)
    return gradients.pointer
  }

  private func gradient(_ chunk: Int) -> UnsafeMutablePointer<Float> { gradients.pointer + chunk * stride }

  // MARK: - Statistics

  /// The normalisation that reads an activation, and its place in the buffers.
  private func normalisation(of activation: Int) -> (operation: Operation, first: Int)? {
    for operation in plan.operations where operation.source == activation {
      if case .batchNorm(let first) = operation.kind { return (operation, first) }
    }
    return nil
  }

  private func takeMoments(of activation: Int, _ chunk: Int, _ workspace: Workspace) {
    guard let (operation, first) = normalisation(of: activation) else { return }
    let channels = operation.full.channels
    for pack in 0..<workspace.packs {
      let at = first * 2 * workspaces.count + (2 * chunk + pack) * channels
      workspace.moments(
        activation, pack: pack, workspace.tape, mean: means.pointer + at, squares: squares.pointer + at)
    }
  }

  /// Joins the packs' moments (Chan, Golub & LeVeque 1983) to those of the batch, gives them to the workspaces
  /// and adds them to the running statistics, the variance there with n − 1 as in PyTorch.
  private func finishStatistics(of activation: Int) {
    guard let (operation, first) = normalisation(of: activation) else { return }
    let channels = operation.full.channels
    let pixels = operation.full.height * operation.full.width
    let momentum = BatchNormalisation.momentum
    for c in 0..<channels {
      var n = 0.0
      var mean = 0.0
      var square = 0.0
      for pack in 0..<(count + laneCount - 1) / laneCount {
        let at = first * 2 * workspaces.count + pack * channels + c
        let own = Double(min(laneCount, count - pack * laneCount) * pixels)
        let gap = means.pointer[at] - mean
        square += squares.pointer[at] + gap * gap * n * own / (n + own)
        mean += gap * own / (n + own)
        n += own
      }
      let inverse = Float(1 / (square / n + Double(BatchNormalisation.epsilon)).squareRoot())
      for workspace in workspaces.prefix(chunks) {
        workspace.statistics.pointer[first + c] = Float(mean)
        workspace.statistics.pointer[first + channels + c] = inverse
      }
      buffers[first + c] += momentum * (Float(mean) - buffers[first + c])
      buffers[first + channels + c] += momentum * (Float(square / (n - 1)) - buffers[first + channels + c])
    }
    buffers[first + 2 * channels] += 1
  }

  // MARK: - Backward

  private func backward(_ parameters: UnsafePointer<Float>) {
    var end = plan.operations.count
    for index in plan.operations.indices.reversed() {
      guard case .batchNorm(let first) = plan.operations[index].kind else { continue }
      let pending = index + 1..<end
      forEachChunk { chunk, workspace in
        goBack(pending, parameters, chunk, workspace)
        takeSums(index, chunk, workspace)
      }
      finishSums(index, first, parameters)
      end = index + 1
    }
    forEachChunk { chunk, workspace in
      goBack(0..<end, parameters, chunk, workspace)
      workspace.flushSums(gradient(chunk))
    }
  }

  /// Back through operations of which only the last may be a normalisation, whose coefficients are ready.
  private func goBack(
    _ operations: Range<Int>, _ parameters: UnsafePointer<Float>, _ chunk: Int, _ workspace: Workspace
  ) {
    for index in operations.reversed() {
      let operation = plan.operations[index]
      guard operation.isNormalisation else {
        workspace.backward(index, parameters, workspace.tape, gradient: gradient(chunk))
        continue
      }
      let channels = operation.full.channels
      let p = UnsafePointer(coefficients.pointer)
      workspace.propagateNormalisation(
        index, workspace.tape, adjoint: workspace.adjoint(index + 1), second: .input,
        Workspace.BackwardCoefficients(p: p, q: p + channels, r: p + 2 * channels),
        source: workspace.adjoint(operation.source), addend: operation.addend.map { workspace.adjoint($0) })
    }
  }

  private func takeSums(_ index: Int, _ chunk: Int, _ workspace: Workspace) {
    let operation = plan.operations[index]
    let length = operation.full.channels * laneCount
    for pack in 0..<workspace.packs {
      let at = sums.pointer + (2 * chunk + pack) * 2 * length
      at.update(repeating: 0, count: 2 * length)
      workspace.sumNormalisation(
        index, pack: pack, workspace.tape, adjoint: workspace.adjoint(index + 1),
        x: workspace.activation(operation.source, workspace.tape), weightSums: at, biasSums: at + length)
    }
  }

  /// γ's and β's gradients, which go to the first chunk's, and the coefficients with which the adjoint goes back:
  /// dx = γ/σ (d − mean(d) − x̂ mean(d x̂)).
  private func finishSums(_ index: Int, _ first: Int, _ parameters: UnsafePointer<Float>) {
    let operation = plan.operations[index]
    let channels = operation.full.channels
    let n = Double(count * operation.full.height * operation.full.width)
    let statistics = workspaces[0].statistics.pointer + first
    for c in 0..<channels {
      var weight = 0.0
      var bias = 0.0
      for pack in 0..<(count + laneCount - 1) / laneCount {
        let at = sums.pointer + pack * 2 * channels * laneCount + c * laneCount
        for lane in 0..<laneCount {
          weight += Double(at[lane])
          bias += Double(at[channels * laneCount + lane])
        }
      }
      gradient(0)[operation.weight + c] = Float(weight)
      gradient(0)[operation.bias + c] = Float(bias)
      let inverse = Double(statistics[channels + c])
      let p = Double(parameters[operation.weight + c]) * inverse
      let q = -p * inverse * weight / n
      coefficients.pointer[c] = Float(p)
      coefficients.pointer[channels + c] = Float(q)
      coefficients.pointer[2 * channels + c] = Float(-p * bias / n - q * Double(statistics[c]))
    }
  }
}
