// The formulas of the schemes, for one group at one point.

import NeuralNet
import Tensor

/// A group U about to be removed from a training set S at parameters θ, and what the schemes need for it.
///
/// n = |S|, m = |U|, q = m/(n − m), R = S∖U; H, H_U, H_R are mean curvatures over (samples of) S, U and R.
struct Removal<Model: InfluenceModel> {
  let model: Model
  let parameters: [Double]
  let trainingSet: [Int]
  let group: [Int]
  let retained: [Int]
  let options: InfluenceOptions
  let stream: RandomStream
  let spectrum: CurvatureSpectrum?
  /// Drawn from S, `newton`: from R; with a spectrum its images that are still there.
  let curvatureImages: [Int]
  /// Drawn from U.
  let groupImages: [Int]

  init(
    model: Model, parameters: [Double], trainingSet: [Int], group: [Int], options: InfluenceOptions,
    spectrum: CurvatureSpectrum?, stream: RandomStream
  ) {
    self.model = model
    self.parameters = parameters
    self.trainingSet = trainingSet
    self.group = group
    self.options = options
    self.stream = stream
    let removed = Set(group)
    retained = trainingSet.filter { !removed.contains($0) }
    self.spectrum = spectrum
    let eligible = options.scheme == .newton ? retained : trainingSet
    let shared = spectrum.map { spectrum in
      let present = Set(eligible)
      return spectrum.images.filter(present.contains)
    }
    // A uniform draw from a set, less some members of the set, is a uniform draw from the rest.
    if let shared, !shared.isEmpty {
      curvatureImages = shared
    } else {
      curvatureImages = draw(options.hessianImages, of: eligible, stream.substream("hessian"))
    }
    groupImages = draw(options.hessianImages, of: group, stream.substream("group"))
  }

  private var n: Double { Double(trainingSet.count) }
  private var m: Double { Double(group.count) }
  private var lambda: Double { Double(options.weightDecay) }

  /// λ in the curvature. Koh's convention keeps n λ in all, which n − m images share after the removal: Newton's
  /// curvature of the retained images has λ n/(n − m) each.
  private var decay: Double {
    options.scale == .koh && options.scheme == .newton ? lambda * n / (n - m) : lambda
  }

  /// The group's mean gradient, in the mean scale with λθ.
  func groupGradient() throws -> [Double] {
    var gradient = try model.gradientSum(at: parameters, over: group).map { $0 / m }
    if options.scale == .mean { for i in gradient.indices { gradient[i] += lambda * parameters[i] } }
    return gradient
  }

  /// ‖mean gradient + λθ‖ over S.
  func gradientNorm() throws -> Double {
    var gradient = try model.gradientSum(at: parameters, over: trainingSet)
    for i in gradient.indices { gradient[i] = gradient[i] / n + lambda * parameters[i] }
    return dot(gradient, gradient).squareRoot()
  }

  /// The right-hand side b of H Δ = b.
  private func rightHandSide(_ gradient: [Double]) throws -> [Double] {
    if options.scheme == .newton, options.gradient == .retained {
      var sum = try model.gradientSum(at: parameters, over: retained)
      for i in sum.indices { sum[i] = -(sum[i] / (n - m) + decay * parameters[i]) }
      return sum
    }
    let factor = options.scale == .mean || options.scheme == .newton ? m / (n - m) : m / n
    return gradient.map { $0 * factor }
  }

  /// The sample of the curvature images, if the solver takes one.
  private func sample() throws -> CurvatureSample? {
    guard options.solver == .sampledCG else { return nil }
    let size = max(1, Int((options.sample * Double(curvatureImages.count)).rounded()))
    return try model.sampledCurvature(
      size, at: parameters, over: curvatureImages, stream: stream.substream("sample"))
  }

  /// The change that the scheme proposes.
  func change(gradient: [Double], progress: ((InfluenceProgress) throws -> Void)?) throws -> (
    solution: InfluenceSolution, change: [Double], firstOrder: [Double]?, selected: [Int]?
  ) {
    let bare = try model.curvature(options.curvature, at: parameters, over: curvatureImages, once: false)
    var draws = stream.substream("lissa")
    let system = InfluenceSystem(
      options: options, decay: decay, bare: bare,
      batch: { v in
        let batch = draws.sample(min(options.seriesBatch, curvatureImages.count), of: curvatureImages.count)
        return try model.curvature(
          options.curvature, at: parameters, over: batch.sorted().map { curvatureImages[$0] }, once: true)(v)
      }, stream: stream, spectrum: spectrum, sample: try sample(), progress: progress)
    let b = try rightHandSide(gradient)
    let budget = options.productBudget
    switch options.scheme {
    case .firstOrder, .newton:
      let solution = try system.solve(b, for: .all, budget: budget)
      return (solution, solution.x, nil, nil)
    case .secondOrder:
      let own = correctionProducts
      let first = try system.solve(b, for: .all, budget: budget.map { ($0 - own) / 2 })
      if first.negativeCurvature { return (first, first.x, first.x, nil) }
      let second = try correction(to: first, system, budget: budget.map { $0 - first.products - own })
      return (second, zip(first.x, second.x).map { $0 + $1 }, first.x, nil)
    case .gif, .fif, .pif:
      let selected = try model.selected(
        options.selection, ratio: options.ratio, at: parameters, for: group,
        stream: stream.substream("selection"))
      if selected.isEmpty { throw InfluenceError.nothingSelected(ratio: options.ratio) }
      switch options.scheme {
      case .gif:
        let solution = try system.solve(b, for: .leastSquares(selected), budget: budget)
        return (solution, solution.x, nil, selected)
      case .fif:
        let solution = try system.solve(b, for: .frozen(selected), budget: budget)
        return (solution, solution.x, nil, selected)
      default:
        let solution = try system.solve(b, for: .all, budget: budget)
        let applied = solution.x.gathered(at: selected).scattered(to: selected, count: b.count)
        return (solution, applied, solution.x, selected)
      }
    }
  }

  /// Products of the second order's right-hand side: with H_U, and in the mean scale with H.
  private var correctionProducts: Int { options.scale == .mean ? 2 : 1 }

  /// What the second order adds to the first: the retained images' curvature is H + q (H − H_U), so that to first
  /// order in q the change moves by −q H⁻¹ (H − H_U) Δ₁. In Koh's convention it is H − (m/n) H_U without the
  /// regulariser in H_U, and the change moves by (m/n) H⁻¹ H_U Δ₁.
  private func correction(to first: InfluenceSolution, _ system: InfluenceSystem, budget: Int?) throws
    -> InfluenceSolution
  {
    let own = try model.curvature(options.curvature, at: parameters, over: groupImages, once: true)(first.x)
    let rhs: [Double]
    if options.scale == .mean {
      let all = try system.bare(first.x)
      let q = m / (n - m)
      rhs = zip(own, all).map { q * ($0 - $1) }
    } else {
      rhs = own.map { $0 * m / n }
    }
    var second = try system.solve(rhs, for: .all, budget: budget)
    second.iterations += first.iterations
    second.products += first.products + correctionProducts
    second.residual = max(first.residual, second.residual)
    second.converged = first.converged && second.converged
    if let a = first.curvature, let b = second.curvature {
      second.curvature = min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    }
    return second
  }

  // MARK: - Predicted and actual losses

  /// The change of the mean loss over the group's images, and over the curvature images that are retained.
  func lossChanges(_ change: [Double]) throws -> (group: LossChange?, retained: LossChange?) {
    let removed = Set(group)
    return (
      try lossChange(change, over: groupImages),
      try lossChange(change, over: curvatureImages.filter { !removed.contains($0) })
    )
  }

  private func lossChange(_ change: [Double], over images: [Int]) throws -> LossChange? {
    if images.isEmpty { return nil }
    let count = Double(images.count)
    let slope = dot(try model.gradientSum(at: parameters, over: images), change) / count
    let bend = dot(
      try model.curvature(options.curvature, at: parameters, over: images, once: true)(change), change)
    let moved = zip(parameters, change).map { $0 + $1 }
    let actual =
      (try model.lossSum(at: moved, over: images) - model.lossSum(at: parameters, over: images)) / count
    return LossChange(firstOrder: slope, secondOrder: slope + 0.5 * bend, actual: actual)
  }
}
