// What can be wrong with a request to remove a group.

/// An error of influence or unlearning; its description is a whole sentence for the user.
public enum InfluenceError: Error, Equatable, Sendable, CustomStringConvertible {
  /// An image to remove is not in the current training set.
  case notInTrainingSet(index: Int)
  /// An image stands twice in a set.
  case duplicate(index: Int)
  /// The removal leaves no image.
  case nothingRetained
  /// An option has a value that makes no sense.
  case invalidOption(name: String, reason: String)
  /// A gradient or a change is NaN or infinite.
  case notFinite(what: String)
  /// The solver met a direction of negative curvature, so its iterate is no step to take.
  case negativeCurvature(step: Int, iteration: Int)
  /// The damped curvature has a negative eigenvalue, found before the solver started.
  case indefinite(least: Double, damping: Double)
  /// The ratio is too small for any layer.
  case nothingSelected(ratio: Double)

  /// The error as a sentence.
  public var description: String {
    switch self {
    case .notInTrainingSet(let index):
      "image \(index) is not in the training set that it is to be removed from"
    case .duplicate(let index): "image \(index) stands twice in the set"
    case .nothingRetained: "the group is the whole training set: nothing would be retained"
    case .invalidOption(let name, let reason): "\(name) \(reason)"
    case .notFinite(let what): "\(what) is NaN or infinite"
    case .negativeCurvature(let step, let iteration):
      "step \(step + 1): the solver met negative curvature in iteration \(iteration); raise the damping"
    case .indefinite(let least, let damping):
      "the curvature has an eigenvalue of \(least) or less, which a damping of \(damping) does not lift above 0; "
        + "raise the damping, or use curvature gauss-newton"
    case .nothingSelected(let ratio):
      "a ratio of \(ratio) selects no parameter of any layer; raise it"
    }
  }
}
