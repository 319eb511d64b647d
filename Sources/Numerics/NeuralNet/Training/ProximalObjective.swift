// Training that stays near its start: a proximal term, and the proximal Bregman objective of a removal.

/// What a training has instead of, or beside, the mean cross-entropy.
///
/// With `outputs` nil the objective is mean cross-entropy + ½ λ ‖θ‖² + ½ δ ‖θ − θₛ‖², θₛ being the parameters that the
/// training starts from. With `outputs` it is the proximal Bregman objective of Bae et al. (2022), "If influence functions
/// are the answer, then what is the question?", equation 9, for the removal of a group U from n images:
///
///     1/n Σ_i KL(pᵢ(θₛ) ‖ pᵢ(θ)) − 1/n Σ_{i ∈ U} ℓᵢ(θ) + ½ λ ‖θ‖² + ½ δ ‖θ − θₛ‖²
///
/// For the cross-entropy KL is the Bregman divergence at the logits. Its optimum, linearised at θₛ, is what influence
/// functions compute: (H + δ)⁻¹ m/n g_U, H being the Gauss-Newton matrix (with λ = 0).
public struct ProximalObjective: Sendable {
  /// Outputs of the net at the start, and the images to remove.
  public struct Outputs: Sendable {
    /// Probabilities at the start, [n, classes], for all images of the data set.
    public var probabilities: [Float]
    /// Images to remove, by their index in the data set.
    public var removed: Set<Int>

    /// Targets of a removal.
    public init(probabilities: [Float], removed: Set<Int>) {
      self.probabilities = probabilities
      self.removed = removed
    }
  }

  /// δ.
  public var strength: Float
  /// Makes the objective the proximal Bregman one.
  public var outputs: Outputs?

  /// An objective.
  public init(strength: Float, outputs: Outputs? = nil) {
    self.strength = strength
    self.outputs = outputs
  }

  func check(_ network: Network, images: Int) throws(NeuralNetError) {
    guard strength.isFinite && strength >= 0 else {
      throw .invalidOption(name: "proximity", reason: "must be finite, not negative")
    }
    guard let outputs else { return }
    if outputs.probabilities.count != images * network.classes {
      throw .invalidOption(name: "objective", reason: "needs \(network.classes) probabilities for each image")
    }
    if !network.buffers.isEmpty {
      throw .invalidOption(
        name: "objective",
        reason: "bregman is not defined with batch normalisation, whose outputs depend on the batch")
    }
  }
}

extension ProximalObjective.Outputs {
  /// Turns the adjoint of the logits, (p − y) · scale after the cross-entropy, into that of the Bregman objective:
  /// (p − pₛ) · scale, and (y − pₛ) · scale for an image to remove, whose own p cancels.
  func turn(_ workspace: Workspace, images: ArraySlice<Int>, labels: [UInt8], scale: Float) {
    let classes = workspace.network.classes
    let layout = workspace.logitsLayout
    for (place, image) in images.enumerated() {
      let adjoint = layout.adjoint + place / laneCount * layout.pack + place % laneCount
      let isRemoved = removed.contains(image)
      for output in 0..<classes {
        let own: Float = Int(labels[image]) == output ? 1 : 0
        let change = (own - probabilities[image * classes + output]) * scale
        adjoint[output * laneCount] = isRemoved ? change : adjoint[output * laneCount] + change
      }
    }
  }
}
