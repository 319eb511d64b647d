// What a pipeline file leaves out of a stage's nodes, for messages.

/// The points of a stage's axes that have no node, counted by the first rule that leaves them out.
public struct Omission: Sendable, Equatable, CustomStringConvertible {
  /// `stage`, or `stage[case]`.
  public var stage: String
  /// The stage in the file.
  public var family: String
  /// By `exclude`.
  public var excluded = 0
  /// By the stage's own `when`.
  public var conditional = 0
  /// Because all that one of the inputs takes is left out.
  public var starved = 0
  /// How many nodes it has.
  public var left = 0

  /// A stage of which nothing is left out.
  public init(stage: String, family: String) {
    self.stage = stage
    self.family = family
  }

  /// How many points are left out.
  public var total: Int { excluded + conditional + starved }

  /// `fit has 6 of 9 nodes: 'exclude' leaves out 2, 'when' 1`.
  public var description: String {
    var causes: [String] = []
    if excluded > 0 { causes.append("'exclude' leaves out \(excluded)") }
    if conditional > 0 { causes.append("'when' leaves out \(conditional)") }
    if starved > 0 { causes.append("\(starved) would have no input") }
    return "\(stage) has \(left) of \(left + total) nodes: \(causes.joined(separator: ", "))"
  }
}
