// The parameters that `influence` and `unlearn` share: the curvature, its damping and its solver.

import Analysis
import HDF5
import PipelineCore

/// What `influence` and `unlearn` ask of a solver.
enum SolverParameters {
  private static let defaults = InfluenceOptions()

  static let declarations = [
    ParameterDeclaration(
      "scheme", .choice(["first-order"]), default: .string("first-order"),
      "the formula: first-order is q·H⁻¹g (Koh et al. 2019)"),
    ParameterDeclaration(
      "scale", .choice(InfluenceScale.allCases.map(\.rawValue)), default: .string(defaults.scale.rawValue),
      "mean: 1/(n-m), as retraining with the same weight decay an image; koh: 1/n"),
    ParameterDeclaration(
      "curvature", .choice(["gauss-newton"]), default: .string("gauss-newton"),
      "the curvature H, at the net's parameters"),
    ParameterDeclaration("solver", .choice(["cg"]), default: .string("cg"), "conjugate gradients"),
    ParameterDeclaration(
      "damping", .number(atLeast: 0), default: .number(defaults.damping), "added to the curvature's diagonal"),
    ParameterDeclaration(
      "hessian_images", .integer(atLeast: 1), default: .integer(defaults.hessianImages),
      "images that the curvature is a mean over, drawn by seed from those not yet removed"),
    ParameterDeclaration(
      "tolerance", .number(1e-12...0.999), default: .number(defaults.tolerance),
      "bound of the solver's true relative residual"),
    ParameterDeclaration(
      "iterations", .integer(1...1_000_000), default: .integer(defaults.maxIterations),
      "the most solver iterations"),
    ParameterDeclaration(
      "memory", .integer(64...(1 << 20)), default: .integer(384), changesResult: false,
      "ceiling of the memory for kept activations, in MB"),
  ]

  static let names = declarations.map(\.name)

  static let attributes = [
    LayoutDeclaration("scheme", "string", "as the parameter"),
    LayoutDeclaration("solver", "string", "as the parameter"),
    LayoutDeclaration("damping", "float", "as the parameter"),
    LayoutDeclaration("iterations", "int", "solver iterations"),
    LayoutDeclaration(
      "residual", "float", "‖b - (H + damping) x‖ / ‖b‖, recomputed by a fresh product at the end"),
    LayoutDeclaration("converged", "int", "1 if the residual is within the tolerance"),
    LayoutDeclaration("curvature_min", "float", "estimate of H's least eigenvalue, from inside (Ritz)"),
    LayoutDeclaration("curvature_max", "float", "estimate of H's largest eigenvalue, from inside (Ritz)"),
    LayoutDeclaration("hessian_images", "int", "images that the curvature was a mean over"),
  ]

  /// The options of a node, with the weight decay of the net's training.
  static func options(_ values: ParameterValues, weightDecay: Double) -> InfluenceOptions {
    var options = InfluenceOptions()
    options.scale = InfluenceScale(rawValue: values.string("scale")) ?? options.scale
    options.damping = values.number("damping")
    options.hessianImages = values.integer("hessian_images")
    options.tolerance = values.number("tolerance")
    options.maxIterations = values.integer("iterations")
    options.weightDecay = Float(weightDecay)
    return options
  }

  static func resources(_ values: ParameterValues) -> Resources {
    // Images of the data set and the vectors of the solver come on top of what the ceiling covers.
    Resources(cores: 64, memory: (values.integer("memory") + 256) << 20)
  }

  static func ceiling(_ values: ParameterValues) -> Int { values.integer("memory") << 20 }
}

/// What is to be trusted of one or several solves: the worst residual, all iterations, the widest curvature.
struct TrustLine {
  var scheme: String
  var solver: String
  var damping: Double
  var iterations: Int
  var residual: Double
  var converged: Bool
  var curvatureMin: Double
  var curvatureMax: Double
  var hessianImages: Int

  init(_ solves: [GroupInfluence], _ values: ParameterValues) {
    scheme = values.string("scheme")
    solver = values.string("solver")
    damping = values.number("damping")
    iterations = solves.reduce(0) { $0 + $1.iterations }
    residual = solves.map(\.residual).max() ?? 0
    converged = solves.allSatisfy(\.converged)
    curvatureMin = solves.compactMap { $0.curvature?.lowerBound }.min() ?? .nan
    curvatureMax = solves.compactMap { $0.curvature?.upperBound }.max() ?? .nan
    hessianImages = solves.map(\.hessianImages).max() ?? 0
  }

  /// The trust line of an influence artifact.
  init(_ file: borrowing FileReader) throws(HDF5Error) {
    scheme = try file.string("scheme")
    solver = try file.string("solver")
    damping = try file.real("damping")
    iterations = try file.integer("iterations")
    residual = try file.real("residual")
    converged = try file.integer("converged") != 0
    curvatureMin = try file.real("curvature_min")
    curvatureMax = try file.real("curvature_max")
    hessianImages = try file.integer("hessian_images")
  }
}

extension ArtifactWriter {
  mutating func write(_ trust: TrustLine) throws(HDF5Error) {
    try attribute("scheme", .string(trust.scheme))
    try attribute("solver", .string(trust.solver))
    try attribute("damping", .real(trust.damping))
    try attribute("iterations", .integer(Int64(trust.iterations)))
    try attribute("residual", .real(trust.residual))
    try attribute("converged", .integer(trust.converged ? 1 : 0))
    try attribute("curvature_min", .real(trust.curvatureMin))
    try attribute("curvature_max", .real(trust.curvatureMax))
    try attribute("hessian_images", .integer(Int64(trust.hessianImages)))
  }
}
