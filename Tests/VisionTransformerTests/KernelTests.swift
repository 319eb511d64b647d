// The vision transformer's kernels of each variant against their definitions, on sizes at the edges of the tiles.

import CKernels
import Tensor
import Testing

@Suite struct KernelTests {
  /// The variants that this processor runs.
  private static let variants = (["baseline", "avx2", "avx512"] as [String]).filter { name in
    vitKernelsNamed(name) != nil
  }

  private static func numbers(_ count: Int, _ stream: inout RandomStream) -> [Float] {
    (0..<count).map { _ in Float(stream.normal()) }
  }

  /// Holds what each variant makes of a copy of `start` to what the definitions make of it.
  private func expectDefinition(
    _ start: [Float], within bound: Float, _ what: String,
    _ run: (VitKernels, inout [Float]) -> Void
  ) throws {
    var expected = start
    run(try #require(vitKernelsNamed("reference")).pointee, &expected)
    for name in Self.variants {
      var found = start
      run(try #require(vitKernelsNamed(name)).pointee, &found)
      let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
      #expect(worst <= bound, "\(name): \(what)")
    }
  }

  @Test(arguments: [1, 3, 4, 6, 7, 14, 19], [Int(VIT_STORE), Int(VIT_ADD), Int(VIT_GELU)])
  func dense(rows: Int, epilogue: Int) throws {
    var stream = RandomStream(key: 1)
    for (inputs, outputs) in [(1, 32), (48, 64), (50, 96)] {
      let x = Self.numbers(rows * (inputs + 3), &stream)
      let w = Self.numbers(inputs * outputs, &stream)
      let bias = Self.numbers(outputs, &stream)
      let before = Self.numbers(rows * (outputs + 5), &stream)
      try expectDefinition(before, within: 2e-5, "\(inputs) → \(outputs)") { kernels, y in
        x.withUnsafeBufferPointer { x in
          w.withUnsafeBufferPointer { w in
            bias.withUnsafeBufferPointer { bias in
              y.withUnsafeMutableBufferPointer { y in
                var arguments = VitDense(
                  x: x.baseAddress, w: w.baseAddress, bias: bias.baseAddress, after: nil, y: y.baseAddress,
                  xRow: inputs + 3, yRow: outputs + 5, rows: Int32(rows), inputs: Int32(inputs),
                  outputs: Int32(outputs), epilogue: Int32(epilogue))
                kernels.dense(&arguments)
              }
            }
          }
        }
      }
    }
  }

  @Test(arguments: [16, 48, 384]) func layerNorm(width: Int) throws {
    var stream = RandomStream(key: 2)
    let rows = 5
    let x = Self.numbers(rows * width, &stream).map { 3 * $0 + 40 }
    let (weight, bias) = (Self.numbers(width, &stream), Self.numbers(width, &stream))
    try expectDefinition([Float](repeating: 0, count: x.count), within: 5e-5, "\(width)") { kernels, y in
      x.withUnsafeBufferPointer { x in
        weight.withUnsafeBufferPointer { weight in
          bias.withUnsafeBufferPointer { bias in
            y.withUnsafeMutableBufferPointer { y in
              var arguments = VitLayerNorm(
                x: x.baseAddress, weight: weight.baseAddress, bias: bias.baseAddress, y: y.baseAddress,
                xRow: width, yRow: width, rows: Int32(rows), width: Int32(width), epsilon: 1e-6)
              kernels.layerNorm(&arguments)
            }
          }
        }
      }
    }
  }

  /// Scores from equal to far apart; what stands behind a row's columns becomes zero.
  @Test(arguments: [1, 5, 16, 17, 257], [1, 30, 1e4] as [Float])
  func softmax(columns: Int, spread: Float) throws {
    var stream = RandomStream(key: 3)
    let stride = (columns + 15) / 16 * 16 + 16
    let start = Self.numbers(3 * stride, &stream).map { $0 * spread }
    try expectDefinition(start, within: 1e-6, "\(columns) columns") { kernels, s in
      s.withUnsafeMutableBufferPointer { kernels.softmax($0.baseAddress, 3, Int32(columns), stride) }
      #expect((columns..<stride).allSatisfy { s[$0] == 0 })
    }
  }

  /// What only moves numbers moves all of them, bit for bit.
  @Test func packing() throws {
    var stream = RandomStream(key: 4)
    for (rows, columns) in [(1, 1), (33, 20), (64, 7)] {
      let x = Self.numbers(rows * (columns + 2), &stream)
      let panels = (rows + 31) / 32 * 32
      let start = [Float](repeating: .nan, count: panels * columns)
      try expectDefinition(start, within: 0, "rows") { kernels, w in
        w.withUnsafeMutableBufferPointer { w in
          kernels.packRows(x, columns + 2, Int32(rows), Int32(columns), w.baseAddress)
        }
      }
    }
    let x = Self.numbers(9 * 70, &stream)
    try expectDefinition([Float](repeating: .nan, count: 9 * 64), within: 0, "columns") { kernels, w in
      w.withUnsafeMutableBufferPointer { kernels.packColumns(x, 70, 9, 64, $0.baseAddress) }
    }
  }
}
