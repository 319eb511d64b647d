// The artifact of the stage `logistic`: a logistic regression at its minimum.

import NeuralNet

/// The parameters of a logistic regression.
package struct LogisticParameters: Sendable, Equatable {
  /// Flat, in the order of the net softmax: weight [classes, pixels], bias [classes].
  package var values: [Double]
  package var classes: Int

  package init(values: [Double], classes: Int) {
    self.values = values
    self.classes = classes
  }
}

/// A logistic regression at its minimum.
package struct LogisticFit: Sendable, Equatable {
  /// Flat, in the order of the net softmax.
  package var parameters: [Double]
  package var classes: Int
  package var weightDecay: Double
}

/// The parameters of a fit as a `state_dict`, flat in memory.
package struct LogisticParameterFields: FieldGroup, Field {
  private let parameters = Family(
    Grid<Double>("/parameters/NAME", nil, "names, shapes and layouts as of the net softmax"))

  package func write(_ fit: LogisticParameters, to sink: inout ArtifactSink) throws {
    let pixels = fit.values.count / fit.classes - 1
    for layout in try Self.layouts(pixels: pixels, classes: fit.classes) {
      try sink.write(parameters[layout.name], Block(Array(fit.values[layout.range]), shape: layout.shape))
    }
  }

  package func read(from source: borrowing ArtifactSource) throws -> LogisticParameters {
    let usual = try Self.layouts(pixels: 784, classes: LoadedImages.usualClasses)
    let shape = try source.shape(parameters[usual[0].name])
    guard shape.count == 2, shape.allSatisfy({ $0 > 0 }) else {
      throw NeuralNetError.wrongImageShape(expected: usual[0].shape, found: shape)
    }
    var values: [Double] = []
    for layout in try Self.layouts(pixels: shape[1], classes: shape[0]) {
      values += try source.read(parameters[layout.name].shaped(layout.shape)).values
    }
    return LogisticParameters(values: values, classes: shape[0])
  }

  private static func layouts(pixels: Int, classes: Int) throws -> [ParameterLayout] {
    try Network.named(LogisticArtifact.network, input: Shape(pixels), classes: classes).parameterLayouts
  }
}

/// The layout of a fit.
package struct LogisticArtifact: ArtifactLayout {
  /// The net whose parameters it has.
  package static let network = "softmax"

  package let parameters = LogisticParameterFields()
  package let gradientNorms = List<Double>("/history/gradient_norm", "steps", "after each Newton step")
  package let net = Attribute<String>("net", "softmax")
  package let weightDecay = Attribute<Double>("weight_decay", "as the parameter, rounded to float32")
  package let trainImages = Attribute<Int>("train_images", "images that it was fitted to")
  package let loss = Attribute<Double>("loss", "mean cross-entropy and the regulariser, at the minimum")
  package let gradientNorm = Attribute<Double>("gradient_norm", "of that loss")

  package init() {}
}

extension ArtifactReader<LogisticArtifact> {
  /// The parameters with their weight decay.
  package func fit() throws -> LogisticFit {
    let parameters = try read(\.parameters)
    return LogisticFit(
      parameters: parameters.values, classes: parameters.classes, weightDecay: try read(\.weightDecay))
  }
}
