// What the tests of kernels share: the variants of this processor, random buffers, and the comparison with the definitions.

import CKernels
import NeuralNet
import Tensor
import Testing

let lanes = Int(KERNEL_LANES)

/// The variants that this processor runs.
let fastVariants = ["baseline", "avx2", "avx512"].compactMap { KernelVariant(named: $0) }
/// The definitions that they are held to.
let definitions = KernelVariant(named: "reference")
/// All of them, for tests that have definitions of their own.
let variants = fastVariants + [definitions].compactMap { $0 }

/// A buffer that arrays can hold.
final class Floats {
  let storage: Buffer<Float>
  init(_ count: Int) { storage = Buffer(count: count) }
  var pointer: UnsafeMutablePointer<Float> { storage.pointer }
  var count: Int { storage.count }
  var values: [Float] { Array(storage.elements) }

  /// Another buffer with the same numbers.
  func copy() -> Floats {
    let copy = Floats(count)
    copy.pointer.update(from: pointer, count: count)
    return copy
  }
}

/// Random sizes and numbers.
struct Draws {
  var stream: RandomStream

  init(key: UInt64) { stream = RandomStream(key: key) }

  mutating func buffer(_ count: Int) -> Floats {
    let buffer = Floats(count)
    for i in 0..<count { buffer.pointer[i] = Float(stream.normal()) }
    return buffer
  }

  mutating func size(_ range: ClosedRange<Int>) -> Int { range.lowerBound + stream.below(range.count) }
}

/// Whether a sum of `terms` products of standard normals is what it should be to rounding, with room for six deviations.
func close(_ found: Float, _ expected: Double, _ terms: Int) -> Bool {
  abs(Double(found) - expected) < 6 * 1.2e-7 * (Double(terms) + 1)
}

/// Holds what each variant writes to what the definitions write, sums of `terms` products of standard normals.
func expectDefinition(_ what: String, terms: Int, _ run: (Kernels) -> [Float]) throws {
  let expected = run(try #require(definitions).kernels.pointee)
  for variant in fastVariants {
    let found = run(variant.kernels.pointee)
    let agree =
      found.count == expected.count
      && zip(found, expected).allSatisfy { close($0, Double($1), terms) }
    #expect(agree, "\(variant.name): \(what)")
  }
}
