// What a reader needs to trust an influence: written into each artifact that holds one.

import HDF5
import Influence
import PipelineCore

/// What is to be trusted of one or several solves: the worst residual, all iterations, the widest curvature.
struct TrustLine {
  var scheme: String
  var curvature: String
  var solver: String
  var damping: Double
  var dampingImplied: Double
  var iterations: Int
  var products: Int
  var residual: Double
  var misfit: Double
  var converged: Bool
  var curvatureMin: Double
  var curvatureMax: Double
  var gradientNorm: Double
  var hessianImages: Int

  static let attributes = [
    LayoutDeclaration("scheme", "string", "as the parameter"),
    LayoutDeclaration("curvature", "string", "as the parameter"),
    LayoutDeclaration("solver", "string", "as the parameter"),
    LayoutDeclaration("damping", "float", "as the parameter"),
    LayoutDeclaration("damping_implied", "float", "the damping with what a series' truncation adds"),
    LayoutDeclaration("iterations", "int", "solver iterations"),
    LayoutDeclaration(
      "products", "int", "curvature products, with those for eigenvalues and true residuals"),
    LayoutDeclaration(
      "residual", "float",
      "‖b - (H + damping) x‖ / ‖b‖, recomputed by a fresh product at the end; gif: of the normal equations"),
    LayoutDeclaration(
      "misfit", "float", "gif: ‖b - (H + damping) x‖ / ‖b‖, the part that no change of these parameters meets"
    ),
    LayoutDeclaration("converged", "int", "1 if the residual is within the tolerance"),
    LayoutDeclaration("curvature_min", "float", "estimate of H's least eigenvalue, from inside (Lanczos)"),
    LayoutDeclaration("curvature_max", "float", "estimate of H's largest eigenvalue, from inside (Lanczos)"),
    LayoutDeclaration(
      "gradient_norm", "float", "‖mean gradient + λθ‖ over the training images at the net's parameters"),
    LayoutDeclaration("hessian_images", "int", "images that the curvature was a mean over"),
  ]

  init(_ solves: [GroupInfluence], _ values: ParameterValues) {
    scheme = values[SolverParameters.scheme].rawValue
    curvature = values[SolverParameters.curvature].rawValue
    solver = values[SolverParameters.solver].rawValue
    damping = values[SolverParameters.damping]
    dampingImplied = solves.map(\.impliedDamping).max() ?? damping
    iterations = solves.reduce(0) { $0 + $1.iterations }
    products = solves.reduce(0) { $0 + $1.products }
    residual = solves.map(\.residual).max() ?? 0
    misfit = solves.compactMap(\.misfit).max() ?? .nan
    converged = solves.allSatisfy(\.converged)
    curvatureMin = solves.compactMap { $0.curvature?.lowerBound }.min() ?? .nan
    curvatureMax = solves.compactMap { $0.curvature?.upperBound }.max() ?? .nan
    gradientNorm = solves.compactMap(\.gradientNorm).first ?? .nan
    hessianImages = solves.map(\.hessianImages).max() ?? 0
  }

  /// The trust line of an influence artifact.
  init(_ file: borrowing FileReader) throws(HDF5Error) {
    scheme = try file.string("scheme")
    curvature = try file.string("curvature")
    solver = try file.string("solver")
    damping = try file.real("damping")
    dampingImplied = try file.real("damping_implied")
    iterations = try file.integer("iterations")
    products = try file.integer("products")
    residual = try file.real("residual")
    misfit = try file.real("misfit")
    converged = try file.integer("converged") != 0
    curvatureMin = try file.real("curvature_min")
    curvatureMax = try file.real("curvature_max")
    gradientNorm = try file.real("gradient_norm")
    hessianImages = try file.integer("hessian_images")
  }
}

extension ArtifactWriter {
  mutating func write(_ trust: TrustLine) throws(HDF5Error) {
    try attribute("scheme", .string(trust.scheme))
    try attribute("curvature", .string(trust.curvature))
    try attribute("solver", .string(trust.solver))
    try attribute("damping", .real(trust.damping))
    try attribute("damping_implied", .real(trust.dampingImplied))
    try attribute("iterations", .integer(Int64(trust.iterations)))
    try attribute("products", .integer(Int64(trust.products)))
    try attribute("residual", .real(trust.residual))
    try attribute("misfit", .real(trust.misfit))
    try attribute("converged", .integer(trust.converged ? 1 : 0))
    try attribute("curvature_min", .real(trust.curvatureMin))
    try attribute("curvature_max", .real(trust.curvatureMax))
    try attribute("gradient_norm", .real(trust.gradientNorm))
    try attribute("hessian_images", .integer(Int64(trust.hessianImages)))
  }

  /// Writes predicted and actual changes of the losses under a path, one number a step or a scalar.
  mutating func write(_ path: String, _ changes: [LossChange?], scalar: Bool) throws(HDF5Error) {
    for (name, values) in [
      ("first_order", changes.map { $0?.firstOrder ?? .nan }),
      ("second_order", changes.map { $0?.secondOrder ?? .nan }),
      ("actual", changes.map { $0?.actual ?? .nan }),
    ] {
      if scalar {
        try write("\(path)/\(name)", scalar: values[0])
      } else {
        try write("\(path)/\(name)", values)
      }
    }
  }
}
