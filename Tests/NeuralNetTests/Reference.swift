// A net in float64, straight from the definitions: the oracle that the kernels are held to.

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
      let x = activations[operation.source]
      var full = offsets(operation, parameters)
      Self.forEachProduct(operation) { out, w, i in full[out] += parameters[w] * x[i] }
      addNormalised(operation, &full, weights: parameters) { x[$0] - self.mean(operation, $0) }
      addAverages(operation, &full, x)
      if let addend = operation.addend { for i in full.indices { full[i] += activations[addend][i] } }
      let branch = Self.branch(operation, full)
      branches.append(branch)
      activations.append(branch.map { $0 < 0 ? 0 : full[$0] })
    }
  }

  /// The biases at each output.
  private func offsets(_ operation: NeuralNet.Operation, _ parameters: [Double]) -> [Double] {
    let plane = operation.full.height * operation.full.width
    return (0..<operation.full.count).map {
      operation.hasBias && operation.kind != .averagePool ? parameters[operation.bias + $0 / plane] : 0
    }
  }

  /// A batch normalisation's mean at an output.
  private func mean(_ operation: NeuralNet.Operation, _ at: Int) -> Double {
    guard case .batchNorm(let first) = operation.kind else { return 0 }
    return Double(network.buffers[first + at / (operation.full.height * operation.full.width)])
  }

  /// 1/√(variance + ε) of a batch normalisation at an output.
  private func inverse(_ operation: NeuralNet.Operation, _ at: Int) -> Double {
    guard case .batchNorm(let first) = operation.kind else { return 0 }
    let channel = at / (operation.full.height * operation.full.width)
    return 1 / (Double(network.buffers[first + operation.full.channels + channel]) + 1e-5).squareRoot()
  }

  /// Adds weights · inverse deviation · values to a batch normalisation's outputs.
  private func addNormalised(
    _ operation: NeuralNet.Operation, _ full: inout [Double], weights: [Double], values: (Int) -> Double
  ) {
    guard operation.isNormalisation else { return }
    let plane = operation.full.height * operation.full.width
    for i in full.indices {
      full[i] += weights[operation.weight + i / plane] * inverse(operation, i) * values(i)
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
    if operation.isNormalisation || operation.kind == .averagePool { return }
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

  /// Adds the mean over pixels for average pooling.
  private func addAverages(_ operation: NeuralNet.Operation, _ full: inout [Double], _ x: [Double]) {
    guard operation.kind == .averagePool else { return }
    let plane = operation.input.height * operation.input.width
    for i in x.indices { full[i / plane] += x[i] / Double(plane) }
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
    let none = [Double](repeating: 0, count: parameters.count)
    return backward(d, change: d, direction: none, tangents: activations.map { $0.map { _ in 0 } })
  }

  /// The parameters' part of the R-operator's way back: `change` goes back beside d, and its gradients, with
  /// those of d by the tangents, are returned. With a zero direction that is Jᵀ·change.
  private func backward(_ d: [Double], change: [Double], direction v: [Double], tangents t: [[Double]])
    -> [Double]
  {
    var result = [Double](repeating: 0, count: parameters.count)
    var adjoints = activations.map { [Double](repeating: 0, count: $0.count) }
    var changes = adjoints
    adjoints[adjoints.count - 1] = d
    changes[changes.count - 1] = change
    for (index, operation) in network.plan.operations.enumerated().reversed() {
      let source = operation.source
      let full = spread(index, adjoints[index + 1])
      let rfull = spread(index, changes[index + 1])
      let plane = operation.full.height * operation.full.width
      let x = activations[source]
      if let addend = operation.addend {
        for i in full.indices {
          adjoints[addend][i] += full[i]
          changes[addend][i] += rfull[i]
        }
      }
      switch operation.kind {
      case .averagePool:
        let pixels = operation.input.height * operation.input.width
        for i in x.indices {
          adjoints[source][i] += full[i / pixels] / Double(pixels)
          changes[source][i] += rfull[i / pixels] / Double(pixels)
        }
      case .batchNorm:
        for i in full.indices {
          let scale = inverse(operation, i)
          let weight = operation.weight + i / plane
          result[weight] += scale * (rfull[i] * (x[i] - mean(operation, i)) + full[i] * t[source][i])
          adjoints[source][i] += full[i] * parameters[weight] * scale
          changes[source][i] += (rfull[i] * parameters[weight] + full[i] * v[weight]) * scale
        }
      case .convolution, .linear:
        Self.forEachProduct(operation) { out, w, i in
          result[w] += rfull[out] * x[i] + full[out] * t[source][i]
          adjoints[source][i] += full[out] * parameters[w]
          changes[source][i] += rfull[out] * parameters[w] + full[out] * v[w]
        }
      }
      if operation.hasBias && operation.kind != .averagePool {
        for i in full.indices { result[operation.bias + i / plane] += rfull[i] }
      }
    }
    return result
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
      let x = activations[operation.source]
      let t = all[operation.source]
      var full = offsets(operation, v)
      Self.forEachProduct(operation) { out, w, i in full[out] += v[w] * x[i] + parameters[w] * t[i] }
      addNormalised(operation, &full, weights: v) { x[$0] - self.mean(operation, $0) }
      addNormalised(operation, &full, weights: parameters) { t[$0] }
      addAverages(operation, &full, t)
      if let addend = operation.addend { for i in full.indices { full[i] += all[addend][i] } }
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
    return backward(d, change: lossHessian(t[t.count - 1]), direction: v, tangents: t)
  }
}
