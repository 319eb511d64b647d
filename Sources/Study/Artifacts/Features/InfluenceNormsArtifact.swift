// The artifact of the stage `influence-norms`: single images' influence beside their feature distance.

/// A figure with its 95 % interval.
package struct IntervalFields: FieldGroup, Field {
  package let value: Number<Double>
  package let lower: Number<Double>
  package let upper: Number<Double>

  init(_ folder: String, _ name: String, _ summary: String) {
    value = Number("\(folder)/\(name)", summary)
    lower = Number("\(folder)/lower", "the lower end of its 95 % interval")
    upper = Number("\(folder)/upper", "the upper end of its 95 % interval")
  }

  package func write(_ interval: Interval, to sink: inout ArtifactSink) throws {
    try sink.write(value, interval.value)
    try sink.write(lower, interval.lower)
    try sink.write(upper, interval.upper)
  }

  package func read(from source: borrowing ArtifactSource) throws -> Interval {
    Interval(
      value: try source.read(value), lower: try source.read(lower), upper: try source.read(upper))
  }
}

/// A figure with the ends of its interval, NaN without one.
package struct Interval: Sendable, Equatable {
  package var value: Double
  package var lower: Double
  package var upper: Double

  package init(value: Double, lower: Double, upper: Double) {
    self.value = value
    self.lower = lower
    self.upper = upper
  }
}

/// The norms of the nearest or of the farthest images.
package struct SideFields: FieldGroup {
  package let mean: Number<Double>
  package let halfWidth: Number<Double>
  package let median: Number<Double>

  init(_ side: String) {
    mean = Number("/\(side)/mean", "of the norms of the images with side \(side)")
    halfWidth = Number("/\(side)/half_width", "of that mean's 95 % interval")
    median = Number("/\(side)/median", "of the same norms")
  }
}

/// The layout of norms.
package struct InfluenceNormsArtifact: ArtifactLayout {
  package let indices = List<Int>("/indices", "m", "the images, into the train split, nearest first")
  package let distances = List<Double>("/distances", "m", "feature distance to the reference")
  package let side = List<UInt8>("/side", "m", "0 among the k nearest, 1 between, 2 among the k farthest")
  package let norms = List<Double>("/norms", "m", "L2 norm of each image's influence")
  package let influenceDistances = List<Double>(
    "/influence_distances", "m", "L2 distance of each image's influence to the reference's")
  package let referenceNorm = Number<Double>("/reference_norm", "L2 norm of the reference's influence")
  package let near = SideFields("near")
  package let far = SideFields("far")
  package let pearson = IntervalFields(
    "/pearson", "coefficient", "Pearson's r of feature distance and influence distance")
  package let spearman = IntervalFields(
    "/spearman", "coefficient", "Spearman's ρ of feature distance and influence distance")
  package let normPearson = IntervalFields(
    "/norm/pearson", "coefficient", "Pearson's r of feature distance and norm")
  package let normSpearman = IntervalFields(
    "/norm/spearman", "coefficient", "Spearman's ρ of feature distance and norm")
  package let solver = Attribute<String>("solver", "as the parameter")
  package let damping = Attribute<Double>("damping", "as the parameter; 0 without a solver")
  package let iterations = Attribute<Int>("iterations", "solver iterations, of all images")
  package let residual = Attribute<Double>("residual", "the worst true relative residual")
  package let converged = Attribute<Bool>("converged", "1 if each residual is within the tolerance")
  package let hessianImages = Attribute<Int>("hessian_images", "images that the curvature was a mean over")
  package let metric = Attribute<String>("metric", "of the feature distances")

  package init() {}
}
