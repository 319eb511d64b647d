// A net in float64, straight from the definitions: the oracle that the fast engine is held to.

import NeuralNet
import Tensor

/// One image's pass through a net, kept whole.
struct ReferencePass {
  let network: Network
  let parameters: [Double]
  /// Operation inputs; the last element is the logits.
  private(set) var activations: [[Double]]
  /// For each output of an operation, the place before ReLU and pooling that it copies; −1 where ReLU is off.
  private(set) var branches: [[Int]] = []

  init(_ network: Network, _ parameters: [Double], image: [Double]) {
    self.network = network
    self.parameters = parameters
    activations = [image]
    for operation in network.plan.operations {
      let x = activations[activations.count - 1]
      var full = [Double](repeating: 0, count: operation.full.count)
      let plane = operation.full.height * operation.full.width
      for i in full.indices { full[i] = parameters[operation.bias + i / plane] }
      Self.forEachProduct(operation) { out, w, i in full[out] += parameters[w] * x[i] }
      let branch = Self.branch(operation, full)
      branches.append(branch)
      activations.append(branch.map { $0 < 0 ? 0 : full[$0] })
    }
  }

  var logits: [Double] { activations[activations.count - 1] }

  static func image(_ data: ImageSet, _ index: Int) -> [Double] {
    (0..<data.pixels).map {
      (Double(data.images[index * data.pixels + $0]) / 255 - Double(data.mean)) / Double(data.deviation)
    }
  }

  /// Calls body(output, weight, input) for every product of the operation.
  static func forEachProduct(_ operation: NeuralNet.Operation, _ body: (Int, Int, Int) -> Void) {
    let input = operation.input
    let full = operation.full
    guard case .convolution(let kernel, let stride, let padding) = operation.kind else {
      for o in 0..<full.count {
        for i in 0..<input.count { body(o, operation.weight + o * input.count + i, i) }
      }
      return
    }
    for o in 0..<full.channels {
      for y in 0..<full.height {
        for x in 0..<full.width {
          for c in 0..<input.channels {
            for ky in 0..<kernel {
              for kx in 0..<kernel {
                let iy = y * stride + ky - padding
                let ix = x * stride + kx - padding
                guard iy >= 0, iy < input.height, ix >= 0, ix < input.width else { continue }
                body(
                  (o * full.height + y) * full.width + x,
                  operation.weight + ((o * input.channels + c) * kernel + ky) * kernel + kx,
                  (c * input.height + iy) * input.width + ix)
              }
            }
          }
        }
      }
    }
  }

  private static func branch(_ operation: NeuralNet.Operation, _ full: [Double]) -> [Int] {
    var branch = Array(full.indices)
    if operation.pool {
      let out = operation.output
      branch = (0..<out.count).map { at in
        let c = at / (out.height * out.width)
        let y = at / out.width % out.height
        let x = at % out.width
        let corner = (c * operation.full.height + 2 * y) * operation.full.width + 2 * x
        let window = [corner, corner + 1, corner + operation.full.width, corner + operation.full.width + 1]
        return window.dropFirst().reduce(window[0]) { full[$1] > full[$0] ? $1 : $0 }
      }
    }
    return operation.relu ? branch.map { full[$0] > 0 ? $0 : -1 } : branch
  }

  private func spread(_ index: Int, _ d: [Double]) -> [Double] {
    var full = [Double](repeating: 0, count: network.plan.operations[index].full.count)
    for (at, place) in branches[index].enumerated() where place >= 0 { full[place] += d[at] }
    return full
  }

  var probabilities: [Double] { Self.softmax(logits) }

  static func softmax(_ z: [Double]) -> [Double] {
    let top = z.max() ?? 0
    let e = z.map { exponential($0 - top) }
    let sum = e.reduce(0, +)
    return e.map { $0 / sum }
  }

  func loss(label: Int) -> Double { -logarithm(probabilities[label]) }

  /// Jᵀd for a gradient d at the logits.
  func backward(_ d: [Double]) -> [Double] {
    var gradient = [Double](repeating: 0, count: parameters.count)
    var d = d
    for (index, operation) in network.plan.operations.enumerated().reversed() {
      let full = spread(index, d)
      let x = activations[index]
      var below = [Double](repeating: 0, count: operation.input.count)
      let plane = operation.full.height * operation.full.width
      for i in full.indices { gradient[operation.bias + i / plane] += full[i] }
      Self.forEachProduct(operation) { out, w, i in
        gradient[w] += full[out] * x[i]
        below[i] += full[out] * parameters[w]
      }
      d = below
    }
    return gradient
  }

  func gradient(label: Int) -> [Double] {
    var d = probabilities
    d[label] -= 1
    return backward(d)
  }

  /// Changes of all activations for a change of the parameters.
  func tangents(_ v: [Double]) -> [[Double]] {
    var all = [[Double](repeating: 0, count: activations[0].count)]
    for (index, operation) in network.plan.operations.enumerated() {
      let x = activations[index]
      let t = all[index]
      var full = [Double](repeating: 0, count: operation.full.count)
      let plane = operation.full.height * operation.full.width
      for i in full.indices { full[i] = v[operation.bias + i / plane] }
      Self.forEachProduct(operation) { out, w, i in full[out] += v[w] * x[i] + parameters[w] * t[i] }
      all.append(branches[index].map { $0 < 0 ? 0 : full[$0] })
    }
    return all
  }

  /// H_L times a change of the logits.
  func lossHessian(_ t: [Double]) -> [Double] {
    let p = probabilities
    let mean = zip(p, t).reduce(0) { $0 + $1.0 * $1.1 }
    return zip(p, t).map { $0 * ($1 - mean) }
  }

  func gaussNewtonProduct(_ v: [Double]) -> [Double] {
    backward(lossHessian(tangents(v)[activations.count - 1]))
  }

  /// The exact Hessian's product, by the R-operator written out.
  func hessianProduct(_ v: [Double], label: Int) -> [Double] {
    let t = tangents(v)
    var d = probabilities
    d[label] -= 1
    var rd = lossHessian(t[t.count - 1])
    var result = [Double](repeating: 0, count: parameters.count)
    for (index, operation) in network.plan.operations.enumerated().reversed() {
      let full = spread(index, d)
      let rfull = spread(index, rd)
      var below = [Double](repeating: 0, count: operation.input.count)
      var rbelow = below
      let plane = operation.full.height * operation.full.width
      for i in full.indices { result[operation.bias + i / plane] += rfull[i] }
      Self.forEachProduct(operation) { out, w, i in
        result[w] += rfull[out] * activations[index][i] + full[out] * t[index][i]
        below[i] += full[out] * parameters[w]
        rbelow[i] += rfull[out] * parameters[w] + full[out] * v[w]
      }
      d = below
      rd = rbelow
    }
    return result
  }
}
