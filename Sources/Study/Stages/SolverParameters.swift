// The parameters that `influence` and `unlearn` share: the scheme, its curvature and its solver.

import Influence
import NeuralNet
import PipelineCore

/// What `influence` and `unlearn` ask of a scheme and its solver.
enum SolverParameters {
  private static let defaults = InfluenceOptions()

  static let declarations = [
    ParameterDeclaration(
      "scheme", .choice(InfluenceScheme.allCases.map(\.rawValue)), default: .string(defaults.scheme.rawValue),
      "first-order: q·H⁻¹g; newton: with the retained images' H; second-order (Basu); gif, fif, pif: of some parameters"
    ),
    ParameterDeclaration(
      "scale", .choice(InfluenceScale.allCases.map(\.rawValue)), default: .string(defaults.scale.rawValue),
      "mean: 1/(n-m), as retraining with the same weight decay an image; koh: 1/n"),
    ParameterDeclaration(
      "gradient", .choice(NewtonGradient.allCases.map(\.rawValue)),
      default: .string(defaults.gradient.rawValue),
      "newton: group: q·g of the group; retained: minus the retained images' gradient, which also goes on training"
    ),
    ParameterDeclaration(
      "curvature", .choice(CurvatureKind.allCases.map(\.rawValue)),
      default: .string(defaults.curvature.rawValue), "the curvature H, at the net's parameters"),
    ParameterDeclaration(
      "damping", .number(atLeast: 0), default: .number(defaults.damping),
      "added to the curvature's diagonal; must be positive with curvature hessian"),
    ParameterDeclaration(
      "hessian_images", .integer(atLeast: 1), default: .integer(defaults.hessianImages),
      "images that the curvature is a mean over, drawn by seed from those not yet removed"),
    ParameterDeclaration(
      "selection", .choice(ParameterSelection.allCases.map(\.rawValue)),
      default: .string(defaults.selection.rawValue),
      "gif, fif, pif: which parameters of each convolution and linear layer change"),
    ParameterDeclaration(
      "ratio", .number(0...1), default: .number(defaults.ratio),
      "gif, fif, pif: their share of each layer, above 0"),
    ParameterDeclaration(
      "solver", .choice(InfluenceSolver.allCases.map(\.rawValue)), default: .string(defaults.solver.rawValue),
      "cg: conjugate gradients; neumann: a series; lissa: a series over small batches"),
    ParameterDeclaration(
      "tolerance", .number(1e-12...0.999), default: .number(defaults.tolerance),
      "bound of the solver's true relative residual; above it a result is marked as not converged"),
    ParameterDeclaration(
      "iterations", .integer(1...1_000_000), default: .integer(defaults.maxIterations),
      "cg: the most solver iterations"),
    ParameterDeclaration(
      "series_terms", .integer(1...1_000_000), default: .integer(defaults.seriesTerms),
      "neumann, lissa: the number of terms J"),
    ParameterDeclaration(
      "series_scale", .optional(.number(Double.leastNormalMagnitude...1e12)), default: .null,
      "neumann, lissa: σ, steps being 1/σ (null: 2, lissa 10 times the largest eigenvalue); LiSSA's own damping is damping/σ"
    ),
    ParameterDeclaration(
      "series_batch", .integer(1...1_000_000), default: .integer(defaults.seriesBatch),
      "lissa: images of each product, drawn anew"),
    memory,
  ]

  static let memory = ParameterDeclaration(
    "memory", .integer(64...(1 << 20)), default: .integer(384), changesResult: false,
    "ceiling of the memory for kept activations, in MB; the node takes at most 256 more, or it is refused")

  static let spectrum = InputDeclaration(
    "spectrum", accepts: ["spectrum"], .optional,
    "of the same net: its images are the curvature images, and the solver is preconditioned with its eigenpairs"
  )

  static let names = Set(declarations.map(\.name))

  /// The parameters that a node with these values and connected slots makes no use of.
  static func unused(_ values: ParameterValues, _ slots: Set<String>) -> Set<String> {
    var names: Set<String> = []
    if slots.contains("spectrum") { names.insert("hessian_images") }
    if values.string("scheme") != InfluenceScheme.newton.rawValue { names.insert("gradient") }
    if InfluenceScheme(rawValue: values.string("scheme"))?.selects != true {
      names.formUnion(["selection", "ratio"])
    }
    switch values.string("solver") {
    case InfluenceSolver.cg.rawValue: names.formUnion(["series_terms", "series_scale", "series_batch"])
    case InfluenceSolver.neumann.rawValue: names.formUnion(["iterations", "series_batch"])
    default: names.insert("iterations")
    }
    return names
  }

  /// What is wrong with values that are each of the right type.
  static func check(_ values: ParameterValues) -> ParameterProblem? {
    if values.string("curvature") == CurvatureKind.hessian.rawValue, values.number("damping") <= 0 {
      return ParameterProblem(
        "damping",
        "'damping' must be positive with curvature hessian, which has negative eigenvalues where a net was trained; "
          + "or take curvature gauss-newton")
    }
    if values.number("ratio") <= 0 {
      return ParameterProblem("ratio", "'ratio' must be above 0 and at most 1, or no parameter is selected")
    }
    return nil
  }

  /// The options of a node, with the weight decay of the net's training.
  static func options(_ values: ParameterValues, weightDecay: Double) -> InfluenceOptions {
    var options = InfluenceOptions()
    options.scheme = InfluenceScheme(rawValue: values.string("scheme")) ?? options.scheme
    options.scale = InfluenceScale(rawValue: values.string("scale")) ?? options.scale
    options.gradient = NewtonGradient(rawValue: values.string("gradient")) ?? options.gradient
    options.curvature = CurvatureKind(rawValue: values.string("curvature")) ?? options.curvature
    options.selection = ParameterSelection(rawValue: values.string("selection")) ?? options.selection
    options.solver = InfluenceSolver(rawValue: values.string("solver")) ?? options.solver
    options.ratio = values.number("ratio")
    options.damping = values.number("damping")
    options.hessianImages = values.integer("hessian_images")
    options.tolerance = values.number("tolerance")
    options.maxIterations = values.integer("iterations")
    options.seriesTerms = values.integer("series_terms")
    options.seriesScale = values["series_scale"] == .null ? nil : values.number("series_scale")
    options.seriesBatch = values.integer("series_batch")
    options.weightDecay = Float(weightDecay)
    return options
  }

  /// What comes on top of the ceiling of kept activations.
  private static let extra = 256 << 20
  /// The part of it for the process and the images of a data set; the rest is for vectors.
  private static let process = 128 << 20

  static func resources(_ values: ParameterValues) -> Resources {
    Resources(cores: 64, memory: values.integer("memory") << 20 + extra)
  }

  /// The bytes for passes over images and kept activations, so that with `vectors` bytes of vectors the node keeps to
  /// what it has declared.
  ///
  /// - Throws: `StageFailure` if that is too little for a single pass.
  static func ceiling(
    _ values: ParameterValues, _ network: Network, vectors: Int, pairs: Int, threads: Int
  ) throws -> Int {
    let memory = values.integer("memory") << 20
    let passes = InfluenceMemory.leastCeiling(network, threads: threads)
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
