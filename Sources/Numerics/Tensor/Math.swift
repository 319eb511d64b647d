// Elementary functions and reductions of vectors.

import Glibc

/// The natural logarithm.
package func naturalLog(_ x: Double) -> Double { log(x) }

/// Σ aᵢ·bᵢ in float64, summed in eight lanes whose order is fixed.
public func dot(_ a: [Double], _ b: [Double]) -> Double {
  precondition(a.count == b.count)
  var sums = SIMD8<Double>.zero
  var i = 0
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      while i + 8 <= a.count {
        let x = UnsafeRawPointer(a.baseAddress! + i).loadUnaligned(as: SIMD8<Double>.self)
        let y = UnsafeRawPointer(b.baseAddress! + i).loadUnaligned(as: SIMD8<Double>.self)
        sums += x * y
        i += 8
      }
    }
  }
  var total = sums.sum()
  while i < a.count {
    total += a[i] * b[i]
    i += 1
  }
  return total
}

/// Σ aᵢ·bᵢ of float32 vectors, in float64.
public func dot(_ a: [Float], _ b: [Float]) -> Double {
  precondition(a.count == b.count)
  var sums = SIMD8<Double>.zero
  var i = 0
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      while i + 8 <= a.count {
        let x = UnsafeRawPointer(a.baseAddress! + i).loadUnaligned(as: SIMD8<Float>.self)
        let y = UnsafeRawPointer(b.baseAddress! + i).loadUnaligned(as: SIMD8<Float>.self)
        sums += SIMD8<Double>(x) * SIMD8<Double>(y)
        i += 8
      }
    }
  }
  var total = sums.sum()
  while i < a.count {
    total += Double(a[i]) * Double(b[i])
    i += 1
  }
  return total
}
