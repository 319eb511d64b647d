// What can be wrong with the input or the course of a computation.

/// An error of the nets and solvers; its description is a whole sentence for the user.
public enum NeuralNetError: Error, Equatable, CustomStringConvertible {
  /// No net has that name.
  case unknownNetwork(String, known: [String])
  /// An option has a value that makes no sense.
  case invalidOption(name: String, reason: String)
  /// The flat parameter vector has the wrong length.
  case wrongParameterCount(expected: Int, found: Int)
  /// A parameter is NaN or infinite.
  case nonFiniteParameter(name: String, index: Int)
  /// A parameter is so large that sums of its products overflow.
  case parameterTooLarge(name: String, index: Int, value: Float)
  /// An image's label is not a class of the net.
  case labelOutOfRange(image: Int, label: Int, classes: Int)
  /// An operation on images got none.
  case emptyIndexSet
  /// An index points outside the images.
  case indexOutOfRange(index: Int, count: Int)
  /// The images have another shape than the net takes.
  case wrongImageShape(expected: [Int], found: [Int])
  /// Training met a loss or a parameter that is NaN or infinite.
  case trainingDiverged(epoch: Int, step: Int)
  /// A solver met a NaN or infinity.
  case nonFiniteValue(what: String, iteration: Int)
  /// A series or optimiser left every bound.
  case solverDiverged(iteration: Int)
  /// An optimiser ended short of its tolerance.
  case notConverged(what: String, residual: Double)
  /// The least memory the work needs is above the ceiling.
  case memoryCeilingTooLow(neededBytes: Int, ceilingBytes: Int)

  /// The error as a sentence.
  public var description: String {
    switch self {
    case .unknownNetwork(let name, let known):
      "there is no net named '\(name)'; known: \(known.joined(separator: ", "))"
    case .invalidOption(let name, let reason): "\(name): \(reason)"
    case .wrongParameterCount(let expected, let found):
      "the net has \(expected) parameters, but \(found) were given"
    case .nonFiniteParameter(let name, let index):
      "parameter \(name)[\(index)] is NaN or infinite"
    case .parameterTooLarge(let name, let index, let value):
      "parameter \(name)[\(index)] is \(value); above \(Network.largestParameter) in magnitude the net's sums overflow"
    case .labelOutOfRange(let image, let label, let classes):
      "image \(image) has label \(label), but the net has classes 0…\(classes - 1)"
    case .emptyIndexSet: "the set of images is empty"
    case .indexOutOfRange(let index, let count): "image \(index) does not exist; there are \(count) images"
    case .wrongImageShape(let expected, let found):
      "the net takes images of shape \(expected), but these have \(found)"
    case .trainingDiverged(let epoch, let step):
      "training diverged in epoch \(epoch), step \(step): the loss or a parameter is NaN or infinite"
    case .nonFiniteValue(let what, let iteration): "\(what) is NaN or infinite in iteration \(iteration)"
    case .solverDiverged(let iteration):
      "the solver diverged in iteration \(iteration): use a smaller step or more damping"
    case .notConverged(let what, let residual):
      "\(what) did not converge: the gradient's norm is still \(residual)"
    case .memoryCeilingTooLow(let needed, let ceiling):
      "the work needs at least \(needed) bytes of memory, above the ceiling of \(ceiling)"
    }
  }
}
