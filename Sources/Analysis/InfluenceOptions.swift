// The choices of an influence computation, with the defaults that calibration chose.

/// Which convention of weight decay the retraining that is predicted follows.
public enum InfluenceScale: String, Sendable, Hashable, Codable, CaseIterable {
  /// (1/(n − m)) H⁻¹ (G_U + m λ θ): retraining minimises the mean loss over the retained images with the same
  /// coefficient λ, as `train` does on a smaller set.
  case mean
  /// (1/n) H⁻¹ G_U (Koh & Liang 2017; Koh et al. 2019): retraining keeps the total weight of the regulariser,
  /// n λ, so that its share of each retained image grows.
  case koh
}

/// The choices of an influence computation.
public struct InfluenceOptions: Sendable, Hashable, Codable {
  /// The convention of weight decay; see `InfluenceScale`.
  public var scale = InfluenceScale.mean
  /// The images that the curvature is a mean over, drawn from the current training set; all if it has fewer.
  public var hessianImages = 5000
  /// Added to the curvature's diagonal, beside the weight decay. The default was calibrated for 5,000 curvature
  /// images and LeNet; fewer images call for more damping, see docs/influence.md.
  public var damping = 0.005
  /// λ, the coefficient of ½ λ ‖θ‖² in training.
  public var weightDecay: Float = 5e-4
  /// Bound of the solver's true relative residual.
  public var tolerance = 1e-3
  /// The most solver iterations.
  public var maxIterations = 200

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
      weightDecay >= 0 && weightDecay.isFinite, "weightDecay",
      "must be finite and not negative, got \(weightDecay)")
    try require(tolerance > 0 && tolerance < 1, "tolerance", "must be between 0 and 1, got \(tolerance)")
    try require(maxIterations >= 1, "maxIterations", "must be at least 1, got \(maxIterations)")
  }
}
