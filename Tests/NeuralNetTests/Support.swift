// Small nets, random data and comparisons for the tests.

import Foundation
import NeuralNet
import Tensor

func exponential(_ x: Double) -> Double { exp(x) }
func logarithm(_ x: Double) -> Double { log(x) }

/// Images with structure: a blob whose place depends on the label, over noise.
func randomImages(
  _ count: Int, height: Int = 28, width: Int = 28, channels: Int = 1, classes: Int = 10, key: UInt64 = 1
) throws -> ImageSet {
  var stream = RandomStream(key: key)
  var images: [UInt8] = []
  var labels: [UInt8] = []
  for _ in 0..<count {
    let label = stream.below(classes)
    labels.append(UInt8(label))
    for _ in 0..<channels {
      for y in 0..<height {
        for x in 0..<width {
          let near = abs(y - height * (label / 4 + 1) / 4) <= 2 && abs(x - width * (label % 4 + 1) / 5) <= 2
          images.append(UInt8(near ? 155 + stream.below(100) : stream.below(60)))
        }
      }
    }
  }
  return try ImageSet(images: images, labels: labels, channels: channels, height: height, width: width)
}

/// A net with all kinds of layers: strides, odd sizes, pooling that drops a row, a convolution without ReLU.
func mixedNet() throws -> Network {
  try Network(
    name: "mixed", input: Shape(2, 11, 10),
    layers: [
      .convolution(name: "a", outputs: 5, kernel: 3, stride: 1, padding: 1), .relu, .maxPool,
      .convolution(name: "b", outputs: 7, kernel: 5, stride: 2, padding: 2), .relu,
      .convolution(name: "c", outputs: 3, kernel: 1, stride: 1, padding: 0),
      .convolution(name: "d", outputs: 8, kernel: 3, stride: 1, padding: 2), .relu, .maxPool,
      .linear(name: "e", outputs: 13), .relu,
      .linear(name: "f", outputs: 4),
    ])
}

/// Convolutions without pooling, before a linear layer too.
func stridedNet() throws -> Network {
  try Network(
    name: "strided", input: Shape(1, 9, 7),
    layers: [
      .convolution(name: "a", outputs: 9, kernel: 3, stride: 2, padding: 1), .relu,
      .convolution(name: "b", outputs: 17, kernel: 3, stride: 2, padding: 1), .relu,
      .convolution(name: "c", outputs: 6, kernel: 7, stride: 3, padding: 3), .relu,
      .linear(name: "d", outputs: 5),
    ])
}

/// Convolutions over 16, 32 and 48 channels, whose weight gradients are summed channel by channel.
func wideNet() throws -> Network {
  try Network(
    name: "wide", input: Shape(1, 9, 8),
    layers: [
      .convolution(name: "a", outputs: 16, kernel: 3, stride: 1, padding: 1), .relu,
      .convolution(name: "b", outputs: 32, kernel: 3, stride: 2, padding: 1), .relu,
      .convolution(name: "c", outputs: 48, kernel: 3, stride: 1, padding: 1), .relu, .maxPool,
      .convolution(name: "d", outputs: 7, kernel: 1, stride: 1, padding: 0), .relu,
      .linear(name: "e", outputs: 5),
    ])
}

/// Residual blocks with and without a convolution around them, over few channels and over 16, with statistics that
/// are not those of a new net.
func residualNet() throws -> Network {
  let network = try Network(
    name: "residual", input: Shape(2, 7, 6),
    layers: [
      .convolution(name: "a", outputs: 5, kernel: 3, stride: 1, padding: 1, bias: false),
      .batchNorm(name: "b"), .relu,
      .basicBlock(name: "c", outputs: 5, stride: 1),
      .basicBlock(name: "d", outputs: 16, stride: 2),
      .basicBlock(name: "e", outputs: 16, stride: 1),
      .averagePool, .linear(name: "f", outputs: 4),
    ])
  var stream = RandomStream(key: 77)
  return try network.with(
    buffers: network.bufferLayouts.flatMap { layout in
      (0..<layout.count).map { _ in
        layout.name.hasSuffix("mean") ? 0.3 * Float(stream.normal()) : 0.5 + stream.uniformFloat()
      }
    })
}

/// Parameters that are nowhere special: batch normalisation's weights and biases are moved off 1 and 0.
func unevenParameters(_ network: Network, key: UInt64) -> [Float] {
  var parameters = network.initialParameters(stream: RandomStream(key: key))
  var stream = RandomStream(key: key + 1)
  for layout in network.parameterLayouts {
    guard case .constant = layout.initialiser else { continue }
    for i in layout.range { parameters[i] += 0.3 * Float(stream.normal()) }
  }
  return parameters
}

/// A net small enough for dense curvature matrices.
func smallNet() throws -> Network {
  try Network(
    name: "small", input: Shape(1, 6, 6),
    layers: [
      .convolution(name: "a", outputs: 2, kernel: 3, stride: 1, padding: 0), .relu, .maxPool,
      .linear(name: "b", outputs: 5), .relu,
      .linear(name: "c", outputs: 3),
    ])
}

func randomVector(_ count: Int, key: UInt64) -> [Float] {
  var stream = RandomStream(key: key)
  return (0..<count).map { _ in Float(stream.normal()) }
}

/// ‖a − b‖ / ‖b‖.
func relativeDistance(_ a: [Double], _ b: [Double]) -> Double {
  var difference = 0.0
  var size = 0.0
  for (x, y) in zip(a, b) {
    difference += (x - y) * (x - y)
    size += y * y
  }
  return (difference / size).squareRoot()
}

func relativeDistance(_ a: [Float], _ b: [Double]) -> Double { relativeDistance(a.map(Double.init), b) }

/// Mean over images of a vector computed image by image with the float64 reference.
func referenceMean(
  _ network: Network, _ parameters: [Float], _ data: ImageSet, _ indices: [Int],
  _ body: (ReferencePass, Int) -> [Double]
) -> [Double] {
  var mean = [Double](repeating: 0, count: network.parameterCount)
  for index in indices {
    let pass = ReferencePass(network, parameters.map(Double.init), image: ReferencePass.image(data, index))
    let part = body(pass, Int(data.labels[index]))
    for i in mean.indices { mean[i] += part[i] / Double(indices.count) }
  }
  return mean
}

/// Solves a dense system by elimination with pivoting.
func denseSolve(_ matrix: [[Double]], _ rhs: [Double]) -> [Double] {
  var a = matrix
  var b = rhs
  let n = b.count
  for k in 0..<n {
    let pivot = (k..<n).max { abs(a[$0][k]) < abs(a[$1][k]) } ?? k
    a.swapAt(k, pivot)
    b.swapAt(k, pivot)
    for i in k + 1..<n {
      let f = a[i][k] / a[k][k]
      for j in k..<n { a[i][j] -= f * a[k][j] }
      b[i] -= f * b[k]
    }
  }
  for k in (0..<n).reversed() {
    for j in k + 1..<n { b[k] -= a[k][j] * b[j] }
    b[k] /= a[k][k]
  }
  return b
}

/// Q diag(values) Qᵀ with a random orthogonal Q.
func symmetric(_ values: [Double], key: UInt64) -> [[Double]] {
  var stream = RandomStream(key: key)
  let n = values.count
  var q: [[Double]] = []
  while q.count < n {
    var v = (0..<n).map { _ in stream.normal() }
    for u in q {
      let overlap = dot(u, v)
      for i in 0..<n { v[i] -= overlap * u[i] }
    }
    let size = dot(v, v).squareRoot()
    q.append(v.map { $0 / size })
  }
  return (0..<n).map { i in (0..<n).map { j in (0..<n).reduce(0) { $0 + values[$1] * q[$1][i] * q[$1][j] } } }
}

func multiply(_ a: [[Double]], _ v: [Double]) -> [Double] { a.map { dot($0, v) } }
