// The artifact of the stage `logistic`: a logistic regression at its minimum.

import NeuralNet

/// The parameters of a logistic regression.
package struct LogisticFit: Sendable, Equatable {
  /// Flat, in the order of the net softmax.
  package var parameters: [Double]
  package var weightDecay: Double

  package init(parameters: [Double], weightDecay: Double) {
    self.parameters = parameters
    self.weightDecay = weightDecay
  }
}

/// The parameters of a fit as a `state_dict`, flat in memory.
package struct LogisticParameterFields: FieldGroup, Field {
  private let parameters = Family(
    Grid<Double>("/parameters/NAME", nil, "names, shapes and layouts as of the net softmax"))

  package func write(_ values: [Double], to sink: inout ArtifactSink) throws {
    for layout in try Network.named(LogisticArtifact.network).parameterLayouts {
      try sink.write(parameters[layout.name], Block(Array(values[layout.range]), shape: layout.shape))
    }
  }

  package func read(from source: borrowing ArtifactSource) throws -> [Double] {
    var values: [Double] = []
    for layout in try Network.named(LogisticArtifact.network).parameterLayouts {
      values += try source.read(parameters[layout.name].shaped(layout.shape)).values
    }
    return values
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
    LogisticFit(parameters: try read(\.parameters), weightDecay: try read(\.weightDecay))
  }
}
