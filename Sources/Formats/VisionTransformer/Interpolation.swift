// Resampling of images and of the position grid, as torch.nn.functional.interpolate(align_corners=False) does it.

/// The weights of one output position over input positions.
struct Tap {
  var index: Int
  var weight: Float
}

/// Bilinear interpolation with half-pixel centres: two taps for each output position.
func bilinearTaps(from size: Int, to count: Int) -> [Tap] {
  (0..<count).flatMap { output -> [Tap] in
    let place = max((Double(output) + 0.5) * Double(size) / Double(count) - 0.5, 0)
    let low = min(Int(place), size - 1)
    let fraction = Float(place - Double(low))
    return [Tap(index: low, weight: 1 - fraction), Tap(index: min(low + 1, size - 1), weight: fraction)]
  }
}

/// Bicubic convolution with a = −0.75 (Keys, "Cubic convolution interpolation for digital image processing",
/// 1981) and half-pixel centres: four taps for each output position, repeated at the borders.
func bicubicTaps(from size: Int, to count: Int) -> [Tap] {
  let a = -0.75
  func near(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
  func far(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
  return (0..<count).flatMap { output -> [Tap] in
    let place = (Double(output) + 0.5) * Double(size) / Double(count) - 0.5
    let low = place.rounded(.down)
    let t = place - low
    return zip(-1...2, [far(t + 1), near(t), near(1 - t), far(2 - t)]).map { shift, weight in
      Tap(index: min(max(Int(low) + shift, 0), size - 1), weight: Float(weight))
    }
  }
}

/// The position table [1 + grid², width] for a grid of another side, [1 + side², width].
///
/// As in DINOv2's `interpolate_pos_encoding` with a size given: the class token's row stays as it is.
func resizedPositions(_ table: [Float], grid: Int, side: Int, width: Int) -> [Float] {
  if grid == side { return table }
  let taps = bicubicTaps(from: grid, to: side)
  var result = Array(table[0..<width])
  result.reserveCapacity((1 + side * side) * width)
  var row = [Float](repeating: 0, count: width)
  for y in 0..<side {
    for x in 0..<side {
      for j in 0..<width { row[j] = 0 }
      for down in taps[4 * y..<4 * y + 4] {
        for across in taps[4 * x..<4 * x + 4] {
          let weight = down.weight * across.weight
          let start = (1 + down.index * grid + across.index) * width
          for j in 0..<width { row[j] += weight * table[start + j] }
        }
      }
      result += row
    }
  }
  return result
}
