// Measures wide convolutions on one core, with and without the scratch for minimal filtering.

import CKernels
import Foundation
import NeuralNet
import Tensor

/// A 3×3 convolution of as many input as output channels over square images of one pack.
private final class WideConvolution {
  let channels: Int
  let side: Int
  let x: Buffer<Float>
  let w: Buffer<Float>
  let y: Buffer<Float>
  /// x with its channels innermost.
  let transposed: Buffer<Float>
  let sums: Buffer<Float>
  let room: Buffer<Float>
  /// Three zero columns at both ends of a row, as adjoints have them; the forward pass reads one of them.
  var row: Int { (side + 6) * 16 }
  var flops: Double { 2 * 9 * Double(channels * channels * side * side * 16) }

  init(channels: Int, side: Int) {
    (self.channels, self.side) = (channels, side)
    x = Buffer(count: channels * (side + 2) * (side + 6) * 16)
    w = Buffer(count: 9 * channels * channels)
    y = Buffer(count: channels * side * side * 16)
    transposed = Buffer(count: x.count)
    sums = Buffer(count: w.count)
    room = Buffer(count: kernelRoomFloats(3, 1, Int32(channels), Int32(channels)))
    for i in 0..<w.count { w.pointer[i] = Float(i % 7) - 3 }
    for line in 0..<channels * (side + 2) {
      for i in 3 * 16..<(side + 3) * 16 { x.pointer[line * row + i] = Float(i % 5) }
    }
  }

  func forward(_ kernels: Kernels, filtered: Bool) {
    var arguments = ConvForward(
      x0: x.pointer + 2 * 16, x1: nil, w0: w.pointer, w1: nil, bias: nil, mask: nil, y: y.pointer, code: nil,
      xRow: row, xChannel: (side + 2) * row, yRow: side * 16, yChannel: side * side * 16, sources: 1,
      inChannels: Int32(channels), outChannels: Int32(channels), kernel: 3, stride: 1, padding: 1,
      inHeight: Int32(side),
      outHeight: Int32(side), outWidth: Int32(side), epilogue: Int32(KERNEL_PLAIN),
      room: filtered ? room.pointer : nil,
      roomFloats: room.count)
    kernels.convForward(&arguments)
  }

  func backward(_ kernels: Kernels, filtered: Bool) {
    var arguments = ConvBackward(
      dy0: x.pointer + 3 * 16, dy1: nil, w0: w.pointer, w1: nil, mask: nil, code: nil, dx: y.pointer,
      dyRow: row, dyChannel: (side + 2) * row, dxRow: side * 16, dxChannel: side * side * 16, maskRow: 0,
      maskChannel: 0,
      sources: 1, inChannels: Int32(channels), outChannels: Int32(channels), kernel: 3, stride: 1, padding: 1,
      inHeight: Int32(side), inWidth: Int32(side), outHeight: Int32(side), outWidth: Int32(side),
      epilogue: Int32(KERNEL_PLAIN), room: filtered ? room.pointer : nil, roomFloats: room.count)
    kernels.convBackward(&arguments)
  }

  func weights(_ kernels: Kernels, filtered: Bool) {
    var arguments = ConvChannelWeights(
      dy: x.pointer + 3 * 16, xt: transposed.pointer + 2 * 16 * channels, sums: sums.pointer, dyRow: row,
      dyChannel: (side + 2) * row, xtRow: row * channels, inChannels: Int32(channels),
      outChannels: Int32(channels),
      kernel: 3, stride: 1, padding: 1, inHeight: Int32(side), inWidth: Int32(side), outHeight: Int32(side),
      outWidth: Int32(side), firstImage: 0, images: 16, room: filtered ? room.pointer : nil,
      roomFloats: room.count)
    kernels.convChannelWeights(&arguments)
  }

  /// GFLOP/s of the thread's own time, so that other work on the machine counts less; the best of three.
  func rate(_ run: () -> Void) -> Double {
    let rounds = Int(1e9 / flops) + 1
    return (0..<3).map { _ in
      let began = nanoseconds(CLOCK_THREAD_CPUTIME_ID)
      for _ in 0..<rounds { run() }
      return Double(rounds) * flops / Double(nanoseconds(CLOCK_THREAD_CPUTIME_ID) - began)
    }.max() ?? .nan
  }
}

private func nanoseconds(_ clock: clockid_t) -> UInt64 {
  var time = timespec()
  clock_gettime(clock, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Prints a line for each stage of a ResNet-18 of width 16 and 64.
func measureConvolutions() {
  let kernels = KernelVariant.current.kernels.pointee
  print(
    "kernels: \(KernelVariant.current.name); one thread, GFLOP/s of the definition's work: directly → filtered"
  )
  for width in [16, 64] {
    for (times, side) in [(1, 28), (2, 14), (4, 7), (8, 4)] {
      let it = WideConvolution(channels: width * times, side: side)
      let parts = [("forward", it.forward), ("back", it.backward), ("weights", it.weights)]
      let text = parts.map { name, run in
        let rates = [false, true].map { filtered in it.rate { run(kernels, filtered) } }
        return String(format: "\(name) %.0f → %.0f", rates[0], rates[1])
      }
      print("\(width * times) channels, \(side)×\(side)".padded(24) + text.joined(separator: "   "))
    }
  }
}
