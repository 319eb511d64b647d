// Shares chunks of images out among threads so that sums do not depend on their number.

import Tensor

/// Runs passes over sets of images: contiguous runs of chunks ("slots") have their own sums, which are added up
/// in order afterwards; the number of slots follows from the number of images alone.
package final class ChunkRunner {
  package let network: Network
  package let pool: ThreadPool
  package let workspaces: [Workspace]
  /// One gradient a slot.
  private var gradients: Buffer<Float>
  package let stride: Int

  /// - Parameter products: whether it is for curvature products too.
  package init(
    _ network: Network, pool: ThreadPool, products: Bool = false, variant: KernelVariant = .current
  ) {
    self.network = network
    self.pool = pool
    workspaces = (0..<pool.threads).map { _ in Workspace(network, variant: variant, products: products) }
    stride = (network.parameterCount + laneCount - 1) / laneCount * laneCount
    gradients = Buffer(count: 0)
  }

  /// Bytes of the threads' memory and of `slots` gradients of each direction.
  package static func bytes(_ network: Network, threads: Int, slots: Int, directions: Int = 1) -> Int {
    threads * (Workspace.bytes(network.plan) + (directions - 1) * 4 * network.plan.laneSumFloats)
      + directions * (slots + 1) * 4 * (network.parameterCount + laneCount)
  }

  /// The most slots that a set is cut into: enough to keep some threads evenly busy.
  package static let maximumSlots = 16

  /// The slots that a set is cut into: fewer where their gradients would take more than 64 MB, but two if there
  /// are two chunks.
  package static func slots(_ network: Network, images: Int) -> Int {
    let affordable = max(2, (16 << 20) / max(network.parameterCount, 1))
    return min(maximumSlots, affordable, (images + chunkSize - 1) / chunkSize)
  }

  /// The slot's chunks, as ranges of places in the index set.
  package static func chunks(slot: Int, of slots: Int, images: Int) -> Range<Int> {
    let chunks = (images + chunkSize - 1) / chunkSize
    return slot * chunks / slots..<(slot + 1) * chunks / slots
  }

  /// Calls `body` for every chunk with its number and its loaded workspace.
  package func forEachChunk(
    _ data: ImageSet, _ indices: ArraySlice<Int>, _ body: (_ chunk: Int, _ workspace: Workspace) -> Void
  ) {
    let slots = Self.slots(network, images: indices.count)
    pool.run(slots) { slot, worker in
      for chunk in Self.chunks(slot: slot, of: slots, images: indices.count) {
        workspaces[worker].load(data, Self.places(chunk, indices))
        body(chunk, workspaces[worker])
      }
    }
  }

  /// Sums gradients over all chunks: `body` takes one loaded chunk backward into the slot's gradient, or with
  /// several directions into the slot's gradients, `stride` floats apart, after selecting the direction's sums.
  /// Returns the slots' gradients, `directions`·`stride` floats apart; they stay valid until the next call.
  package func accumulate(
    _ data: ImageSet, _ indices: ArraySlice<Int>, directions: Int = 1,
    _ body: (_ chunk: Int, _ workspace: Workspace, _ gradients: UnsafeMutablePointer<Float>) -> Void
  ) -> UnsafeMutablePointer<Float> {
    let slots = Self.slots(network, images: indices.count)
    let length = directions * stride
    if gradients.count < slots * length { gradients = Buffer(count: slots * length) }
    let base = gradients.pointer
    for workspace in workspaces { workspace.reserve(sums: directions) }
    pool.run(slots) { slot, worker in
      let gradient = base + slot * length
      gradient.update(repeating: 0, count: length)
      let workspace = workspaces[worker]
      for place in 0..<directions {
        workspace.select(sums: place)
        workspace.clearSums()
      }
      for chunk in Self.chunks(slot: slot, of: slots, images: indices.count) {
        workspace.load(data, Self.places(chunk, indices))
        body(chunk, workspace, gradient)
      }
      for place in 0..<directions {
        workspace.select(sums: place)
        workspace.flushSums(gradient + place * stride)
      }
    }
    return base
  }

  /// The slots' gradients of one direction added up in float64, slot by slot for each parameter.
  package func total(_ gradients: UnsafePointer<Float>, images: Int, directions: Int = 1) -> [Float] {
    let slots = Self.slots(network, images: images)
    let length = directions * stride
    let count = network.parameterCount
    return [Float](unsafeUninitializedCapacity: count) { sums, initialized in
      let parts = pool.threads
      if let sums = sums.baseAddress {
        pool.run(parts) { part, _ in
          for i in part * count / parts..<(part + 1) * count / parts {
            var sum = 0.0
            for slot in 0..<slots { sum += Double(gradients[slot * length + i]) }
            (sums + i).initialize(to: Float(sum))
          }
        }
      }
      initialized = count
    }
  }

  package static func places(_ chunk: Int, _ indices: ArraySlice<Int>) -> ArraySlice<Int> {
    let first = indices.startIndex + chunk * chunkSize
    return indices[first..<min(first + chunkSize, indices.endIndex)]
  }
}
