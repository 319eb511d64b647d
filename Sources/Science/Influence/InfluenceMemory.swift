// What influence takes of memory, known before any work: the vectors of a solve, eigenpairs, and the least for passes.

import NeuralNet

/// Bytes that influence, unlearning and spectra hold.
///
/// Three things add up: the memory of passes over images with kept activations, which a ceiling bounds; vectors as
/// long as the parameters, which nothing bounds but the size of the net; and what the process and its images take.
public enum InfluenceMemory {
  /// The vectors of a solve, the eigenpairs that it is preconditioned with, and what each step leaves.
  ///
  /// - Parameters:
  ///   - parameters: p.
  ///   - pairs: Eigenpairs: 4 bytes a number, and 8 in the preconditioner.
  ///   - steps: Each leaves its gradient and its change, also as they are written.
  public static func solve(parameters p: Int, pairs: Int, steps: Int) -> Int {
    // At most 24 vectors in float64 live at once, those of the model's float32 passes counted as half.
    24 * 8 * p + 12 * p * pairs + 16 * p * steps
  }

  /// A spectrum while it is computed: two basis vectors a pair in float32, and the pairs themselves.
  public static func spectrum(parameters p: Int, pairs: Int) -> Int { 16 * 8 * p + 12 * p * pairs }

  /// The least ceiling of passes that influence works with: those that keep activations beside one that keeps none; with
  /// a sample its own.
  public static func leastCeiling(_ network: Network, threads: Int, samples: Bool = false) -> Int {
    (samples ? 3 : 2) * ChunkRunner.bytes(network, threads: threads, slots: ChunkRunner.maximumSlots)
  }

  /// Throws `memoryCeilingTooLow` for a ceiling below the least.
  static func check(
    _ ceiling: Int, _ network: Network, threads: Int, samples: Bool = false
  ) throws(NeuralNetError) {
    let needed = leastCeiling(network, threads: threads, samples: samples)
    guard needed <= ceiling else { throw .memoryCeilingTooLow(neededBytes: needed, ceilingBytes: ceiling) }
  }
}
