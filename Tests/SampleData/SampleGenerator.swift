// The samples of the golden files, made from SplitMix64 by exactly rounded operations (see the oracle script).

import Foundation

/// `count` numbers in [0, 1) with 53 bits from SplitMix64 started at `seed`.
package func uniforms(_ seed: UInt64, _ count: Int) -> [Double] {
  var generator = SplitMix64(state: seed)
  return (0..<count).map { _ in Double(generator.next() >> 11) * 0x1p-53 }
}

/// Sums of 12 uniforms less 6.
package func normals(_ seed: UInt64, _ count: Int) -> [Double] {
  let u = uniforms(seed, 12 * count)
  return (0..<count).map { i in
    var total = 0.0
    for j in 0..<12 { total += u[12 * i + j] }
    return total - 6
  }
}

/// The sample of one line of a golden file.
package func sample(_ shape: String, _ n: Int, _ seed: UInt64) -> [Double] {
  switch shape {
  case "uniform": return uniforms(seed, n)
  case "digits": return uniforms(seed, n).map { (10 * $0).rounded(.down) }
  case "square": return uniforms(seed, n).map { $0 * $0 }
  case "cube": return normals(seed, n).map { $0 * $0 * $0 }
  case "pareto": return uniforms(seed, n).map { 1 / (1 - $0).squareRoot() }
  case "length":
    let z = normals(seed, 4 * n)
    return (0..<n).map { i in
      let a = z[4 * i]
      let b = z[4 * i + 1]
      let c = z[4 * i + 2]
      let d = z[4 * i + 3]
      return (((a * a + b * b) + c * c) + d * d).squareRoot()
    }
  case "ratio":
    let z = normals(seed, 2 * n)
    return (0..<n).map { i in
      let divisor: Double = abs(z[2 * i + 1]) + 0.125
      return z[2 * i] / divisor
    }
  case "sparse":
    var x = uniforms(seed, n).map { (1.0625 * $0).rounded(.down) }
    x[0] = 3
    return x
  case "normal": return normals(seed, n)
  case "normal-offset": return normals(seed, n).map { $0 + 1e6 }
  case "normal-tiny": return normals(seed, n).map { $0 * 1e-12 }
  case "rounded-normal": return normals(seed, n).map { (4 * $0).rounded(.down) * 0.25 }
  case "bimodal": return normals(seed, n).enumerated().map { $0 % 2 == 0 ? $1 - 3 : $1 + 3 }
  case "outlier":
    var x = normals(seed, n)
    x[n / 2] = 1000
    return x
  default: fatalError("no such shape: \(shape)")
  }
}

/// SplitMix64 (Steele, Lea & Flood 2014).
package struct SplitMix64: RandomNumberGenerator {
  package var state: UInt64

  package init(state: UInt64) { self.state = state }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The lines of a golden file in the caller's `Golden`, split at spaces, without the two header lines.
package func goldenLines(_ name: String, beside test: String = #filePath) throws -> [[String]] {
  let url = URL(fileURLWithPath: test).deletingLastPathComponent()
    .appendingPathComponent("Golden/\(name)")
  return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").dropFirst(2)
    .map { $0.split(separator: " ").map(String.init) }
}

/// |actual − expected| / |expected|, with 0/0 = 0 and NaN only for NaN against a number.
package func relativeError(_ actual: Double, _ expected: Double) -> Double {
  if actual == expected || (actual.isNaN && expected.isNaN) { return 0 }
  return abs(actual - expected) / abs(expected)
}
