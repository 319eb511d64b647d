// The choices of an influence computation, with the defaults that calibration chose.

import NeuralNet

/// Which convention of weight decay the retraining that is predicted follows.
public enum InfluenceScale: String, Sendable, Hashable, Codable, CaseIterable {
  /// (1/(n − m)) H⁻¹ (G_U + m λ θ): retraining minimises the mean loss over the retained images with the same
  /// coefficient λ, as `train` does on a smaller set.
  case mean
  /// (1/n) H⁻¹ G_U (Koh & Liang 2017; Koh et al. 2019): retraining keeps the total weight of the regulariser,
  /// n λ, so that its share of each retained image grows.
  case koh
}

/// The formula of the change that removes a group; see `influence(_:parameters:trainingSet:group:…)`.
public enum InfluenceScheme: String, Sendable, Hashable, Codable, CaseIterable {
  /// q H⁻¹ g, with the curvature H of all images (Koh & Liang 2017; Koh et al. 2019).
  case firstOrder = "first-order"
  /// q H_R⁻¹ g or −H_R⁻¹ ∇L_R, with the curvature of the retained images; exact for a quadratic loss.
  case newton
  /// Δ₁ − q (I − H⁻¹ H_U) Δ₁ with the first-order Δ₁ (Basu, You & Feizi 2020, signs rederived).
  case secondOrder = "second-order"
  /// The least-squares solution of H Δ = q g among the changes of some parameters (generalised influence).
  case gif
  /// H_JJ⁻¹ q g_J: the first-order change of some parameters where the others are frozen.
  case fif
  /// (H⁻¹ q g)_J: the first-order change of all parameters, applied to some (projected).
  case pif

  /// Whether it changes some of the parameters only.
  public var selects: Bool { self == .gif || self == .fif || self == .pif }
}

/// The matrix that stands for the curvature of the loss.
public enum CurvatureKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// Jᵀ H_L J, positive semidefinite (Schraudolph 2002).
  case gaussNewton = "gauss-newton"
  /// The exact Hessian, which a trained net's loss need not have positive.
  case hessian
}

/// How a linear system is solved.
public enum InfluenceSolver: String, Sendable, Hashable, Codable, CaseIterable {
  /// Conjugate gradients to a true residual; for `gif` on the normal equations.
  case cg
  /// The same, preconditioned by a solve over a sample of the images that make most of the curvature, to a residual of
  /// .3 each time (flexible conjugate gradients, Notay 2000): fewer passes over all images, to the same true residual.
  case sampledCG = "sampled-cg"
  /// A Neumann series of so many terms, over the same images in each.
  case neumann
  /// A Neumann series over a small batch drawn anew for each product (Agarwal, Bullins & Hazan 2017).
  case lissa
}

extension InfluenceSolver {
  /// Whether it sums a series.
  var isSeries: Bool { self == .neumann || self == .lissa }
}

/// The gradient that `newton` starts from.
public enum NewtonGradient: String, Sendable, Hashable, Codable, CaseIterable {
  /// q g_U: the effect of the removal alone, right where θ is a stationary point of the training loss.
  case group
  /// −∇L_R(θ), right anywhere; on a net that has not been trained to the end it goes on with training too.
  case retained
}

/// Which parameters `gif`, `fif` and `pif` change, per convolution and linear layer; see `selectParameters`.
public enum ParameterSelection: String, Sendable, Hashable, Codable, CaseIterable {
  /// Neurons with the largest |mean output|.
  case topOutputs = "top-outputs"
  /// Neurons with the largest |mean gradient of the loss by the output|.
  case topGradients = "top-gradients"
  /// A random draw among the neurons whose |mean output| is above a threshold.
  case threshold
  /// A random draw among all weights and among all biases.
  case random
}

/// The choices of an influence computation.
public struct InfluenceOptions: Sendable, Hashable, Codable {
  /// The formula.
  public var scheme = InfluenceScheme.firstOrder
  /// The convention of weight decay; see `InfluenceScale`.
  public var scale = InfluenceScale.mean
  /// The gradient that `newton` starts from.
  public var gradient = NewtonGradient.group
  /// The curvature.
  public var curvature = CurvatureKind.gaussNewton
  /// The images that the curvature is a mean over, drawn from the current training set (`newton`: from those
  /// that are retained); all if it has fewer.
  public var hessianImages = 5000
  /// Added to the curvature's diagonal, beside the weight decay. The default was calibrated for 5,000 curvature
  /// images and LeNet; fewer images call for more damping, see docs/influence.md.
  public var damping = 0.005
  /// λ, the coefficient of ½ λ ‖θ‖² in training.
  public var weightDecay: Float = 5e-4
  /// The solver.
  public var solver = InfluenceSolver.cg
  /// Bound of the solver's true relative residual.
  public var tolerance = 1e-3
  /// The most iterations of `cg`.
  public var maxIterations = 200
  /// If set, `cg` goes on past its tolerance until it has made this many products: for comparisons at equal cost.
  public var productBudget: Int?
  /// `sampled-cg`: the sample's share of the curvature images, above 0 and at most 1.
  public var sample = 0.1
  /// Terms of a series.
  public var seriesTerms = 1000
  /// σ: a series takes steps of 1/σ; nil for twice the curvature's largest eigenvalue (`lissa`: ten times).
  public var seriesScale: Double?
  /// Images of each product of `lissa`, drawn anew from the curvature images.
  public var seriesBatch = 100
  /// The parameters that `gif`, `fif` and `pif` change.
  public var selection = ParameterSelection.topOutputs
  /// Their share of each layer, above 0 and at most 1.
  public var ratio = 0.1

  /// The defaults.
  public init() {}

  /// Throws for values that make no sense.
  func check() throws(InfluenceError) {
    func require(_ condition: Bool, _ name: String, _ reason: String) throws(InfluenceError) {
      if !condition { throw .invalidOption(name: name, reason: reason) }
    }
    try require(hessianImages >= 1, "hessianImages", "must be at least 1, got \(hessianImages)")
    try require(
      damping >= 0 && damping.isFinite, "damping", "must be finite and not negative, got \(damping)")
    try require(
      curvature == .gaussNewton || damping > 0, "damping",
      "must be positive with curvature hessian, which need not be positive definite")
    try require(
      weightDecay >= 0 && weightDecay.isFinite, "weightDecay",
      "must be finite and not negative, got \(weightDecay)")
    try require(tolerance > 0 && tolerance < 1, "tolerance", "must be between 0 and 1, got \(tolerance)")
    try require(maxIterations >= 1, "maxIterations", "must be at least 1, got \(maxIterations)")
    try require(ratio > 0 && ratio <= 1, "ratio", "must be above 0 and at most 1, got \(ratio)")
    try require(sample > 0 && sample <= 1, "sample", "must be above 0 and at most 1, got \(sample)")
    if solver == .sampledCG {
      try require(
        curvature == .gaussNewton, "curvature",
        "must be gauss-newton with solver sampled-cg, which samples by it")
      try require(scheme != .gif, "scheme", "gif, which solves least squares, has no solver sampled-cg")
      try require(productBudget == nil, "productBudget", "is for solver cg")
    }
    try require(seriesTerms >= 1, "seriesTerms", "must be at least 1, got \(seriesTerms)")
    try require(seriesBatch >= 1, "seriesBatch", "must be at least 1, got \(seriesBatch)")
    if let seriesScale {
      try require(
        seriesScale > 0 && seriesScale.isFinite, "seriesScale",
        "must be finite and positive, got \(seriesScale)")
    }
  }
}
