// The artifact of the stage `spectrum`: the largest eigenpairs of a net's curvature.

/// The layout of a spectrum.
package struct SpectrumArtifact: ArtifactLayout {
  package let eigenvalues = List<Double>(
    "/eigenvalues", "k", "descending, weight decay included and damping not")
  package let eigenvectors = Grid<Float>("/eigenvectors", "k,p", "unit eigenvectors, in state_dict order")
  package let residuals = List<Double>("/residuals", "k", "an eigenvalue of H lies this close to each")
  package let hessianIndices = List<Int>(
    "/hessian_indices", "h", "the images that the curvature is a mean over")
  package let curvature = Attribute<String>("curvature", "as the parameter")
  package let curvatureMin = Attribute<Double>(
    "curvature_min", "estimate of H's least eigenvalue, from inside (Lanczos)")
  package let curvatureMax = Attribute<Double>(
    "curvature_max", "estimate of H's largest eigenvalue, from inside (Lanczos)")
  package let gradientNorm = Attribute<Double>(
    "gradient_norm", "‖mean gradient + λθ‖ over the training images at the net's parameters")
  package let products = Attribute<Int>("products", "curvature products")
  package let hessianImages = Attribute<Int>("hessian_images", "images that the curvature was a mean over")

  package init() {}
}
