// The parameters that `influence` and `unlearn` share: the scheme, its curvature and its solver.

import Influence
import NeuralNet
import PipelineCore

/// What `influence` and `unlearn` ask of a scheme and its solver.
enum SolverParameters {
  private static let defaults = InfluenceOptions()

  static let scheme = Parameter(
    "scheme", .choice(InfluenceScheme.self), default: defaults.scheme,
    "first-order: q·H⁻¹g; newton: with the retained images' H; second-order (Basu); gif, fif, pif: of some parameters"
  )
  static let scale = Parameter(
    "scale", .choice(InfluenceScale.self), default: defaults.scale,
    "mean: 1/(n-m), as retraining with the same weight decay an image; koh: 1/n")
  static let gradient = Parameter(
    "gradient", .choice(NewtonGradient.self), default: defaults.gradient,
    "newton: group: q·g of the group; retained: minus the retained images' gradient, which also goes on training"
  )
  static let curvature = Parameter(
    "curvature", .choice(CurvatureKind.self), default: defaults.curvature,
    "the curvature H, at the net's parameters")
  static let damping = Parameter(
    "damping", .number(0...), default: defaults.damping,
    "added to the curvature's diagonal; must be positive with curvature hessian")
  static let hessianImages = Parameter(
    "hessian_images", .integer(1...), default: defaults.hessianImages,
    "images that the curvature is a mean over, drawn by seed from those not yet removed")
  static let selection = Parameter(
    "selection", .choice(ParameterSelection.self), default: defaults.selection,
    "gif, fif, pif: which parameters of each convolution and linear layer change")
  static let ratio = Parameter(
    "ratio", .number(0...1), default: defaults.ratio, "gif, fif, pif: their share of each layer, above 0")
  static let solver = Parameter(
    "solver", .choice(InfluenceSolver.self), default: defaults.solver,
    "cg: conjugate gradients; sampled-cg: the same with fewer passes over all images; neumann: a series; lissa: a series over small batches"
  )
  static let tolerance = Parameter(
    "tolerance", .number(1e-12...0.999), default: defaults.tolerance,
    "bound of the solver's true relative residual; above it a result is marked as not converged")
  static let iterations = Parameter(
    "iterations", .integer(1...1_000_000), default: defaults.maxIterations, "cg: the most solver iterations")
  static let sample = Parameter(
    "sample", .number(0...1), default: defaults.sample,
    "sampled-cg: share of the curvature images, above 0, by whose curvature it is preconditioned")
  static let seriesTerms = Parameter(
    "series_terms", .integer(1...1_000_000), default: defaults.seriesTerms,
    "neumann, lissa: the number of terms J")
  static let seriesScale = Parameter(
    "series_scale", .optional(.number(Double.leastNormalMagnitude...1e12)), default: nil,
    "neumann, lissa: σ, steps being 1/σ (null: 2, lissa 10 times the largest eigenvalue); LiSSA's own damping is damping/σ"
  )
  static let seriesBatch = Parameter(
    "series_batch", .integer(1...1_000_000), default: defaults.seriesBatch,
    "lissa: images of each product, drawn anew")
  static let memory = Parameter(
    "memory", .integer(64...(1 << 20)), default: 384, changesResult: false,
    "ceiling of the memory for kept activations, in MB; the node takes at most 256 more, or it is refused")

  /// All of them, in the order in which they are shown.
  static let all: [any DeclaredParameter] = [
    scheme, scale, gradient, curvature, damping, hessianImages, selection, ratio, solver, tolerance,
    iterations, sample,
    seriesTerms, seriesScale, seriesBatch, memory,
  ]

  static let spectrum = InputDeclaration(
    "spectrum", accepts: ["spectrum"], .optional,
    "of the same net: its images are the curvature images, and the solver is preconditioned with its eigenpairs"
  )

  /// The names of all of them.
  static let names = Set(all.map(\.name))

  /// The parameters that a node with these values and connected slots makes no use of.
  static func unused(_ values: ParameterValues, _ slots: Set<String>) -> Set<ParameterName> {
    var names: Set<ParameterName> = []
    if slots.contains("spectrum") { names.insert(hessianImages.name) }
    if values[scheme] != .newton { names.insert(gradient.name) }
    if !values[scheme].selects { names.formUnion([selection.name, ratio.name]) }
    switch values[solver] {
    case .cg: names.formUnion([sample.name, seriesTerms.name, seriesScale.name, seriesBatch.name])
    case .sampledCG: names.formUnion([seriesTerms.name, seriesScale.name, seriesBatch.name])
    case .neumann: names.formUnion([sample.name, iterations.name, seriesBatch.name])
    case .lissa: names.formUnion([sample.name, iterations.name])
    }
    return names
  }

  /// What is wrong with values that are each of the right type.
  static func check(_ values: ParameterValues) -> ParameterProblem? {
    if values[curvature] == .hessian, values[damping] <= 0 {
      return ParameterProblem(
        damping,
        "'damping' must be positive with curvature hessian, which has negative eigenvalues where a net was trained; "
          + "or take curvature gauss-newton")
    }
    if values[solver] == .sampledCG {
      if values[curvature] != .gaussNewton {
        return ParameterProblem(
          curvature,
          "solver sampled-cg samples by the Gauss-Newton matrix: take curvature gauss-newton, or solver cg")
      }
      if values[scheme] == .gif {
        return ParameterProblem(
          scheme, "gif solves least squares, which solver sampled-cg does not: take solver cg")
      }
      if values[sample] <= 0 { return ParameterProblem(sample, "'sample' must be above 0 and at most 1") }
    }
    if values[ratio] <= 0 {
      return ParameterProblem(ratio, "'ratio' must be above 0 and at most 1, or no parameter is selected")
    }
    return nil
  }

  /// The options of a node, with the weight decay of the net's training.
  static func options(_ values: ParameterValues, weightDecay: Double) -> InfluenceOptions {
    var options = InfluenceOptions()
    options.scheme = values[scheme]
    options.scale = values[scale]
    options.gradient = values[gradient]
    options.curvature = values[curvature]
    options.selection = values[selection]
    options.solver = values[solver]
    options.ratio = values[ratio]
    options.damping = values[damping]
    options.hessianImages = values[hessianImages]
    options.tolerance = values[tolerance]
    options.maxIterations = values[iterations]
    options.sample = values[sample]
    options.seriesTerms = values[seriesTerms]
    options.seriesScale = values[seriesScale]
    options.seriesBatch = values[seriesBatch]
    options.weightDecay = Float(weightDecay)
    return options
  }

  /// What comes on top of the ceiling of kept activations.
  private static let extra = 256 << 20
  /// The part of it for the process and the images of a data set; the rest is for vectors.
  private static let process = 128 << 20

  static func resources(_ values: ParameterValues) -> Resources {
    Resources(cores: 64, memory: values[memory] << 20 + extra)
  }

  /// The bytes for passes over images and kept activations, so that with `vectors` bytes of vectors the node keeps to
  /// what it has declared.
  ///
  /// - Parameter samples: Whether a sample's passes come on top.
  /// - Throws: `StageFailure` if that is too little for a single pass.
  static func ceiling(
    _ values: ParameterValues, _ network: Network, vectors: Int, pairs: Int, threads: Int,
    samples: Bool = false
  ) throws -> Int {
    let memory = values[memory] << 20
    let passes = InfluenceMemory.leastCeiling(
      network, threads: threads, samples: samples)
    let needed = process + vectors + passes
    func text(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20)" }
    guard needed <= memory + extra else {
      throw StageFailure(
        "this needs at least \(text(needed)) MB: \(text(process)) for the program and the images, \(text(passes)) for "
          + "passes over images, \(text(vectors)) for vectors of the net's \(network.parameterCount) parameters "
          + "and \(pairs) eigenpairs; parameter memory allows \(text(memory + extra)) (\(text(memory)) and 256): raise "
          + "it to \(text(needed - extra)), or take fewer eigenpairs")
    }
    return min(memory, memory + extra - process - vectors)
  }
}
