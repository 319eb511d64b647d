// The stage `match`: the factor at which a scheme forgets as much as retraining, on calibration groups.

import Artifacts
import Influence
import PipelineCore

/// Finds one factor for a scheme from the curves of several groups.
public enum MatchStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "match", version: 1,
    summary:
      "finds the multiple of a scheme's change at which the mean loss on removed images is that of retraining",
    inputs: [
      InputDeclaration(
        "rows", accepts: ["forgetting"], .many,
        "the curves of one scheme, of groups that no reported table uses")
    ],
    datasets: MatchArtifact.datasets, attributes: MatchArtifact.attributes)

  /// Writes the factor.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["rows"] ?? []
    let curves = try inputs.map { try ForgettingArtifact.read($0) }
    guard let first = curves.first else { throw StageFailure("there is no curve to match") }
    for (curve, input) in zip(curves, inputs) where curve.factors != first.factors {
      throw StageFailure("\(input.node) has other factors than \(inputs[0].node): their losses have no mean")
    }
    let joint = ForgettingCurve(
      factors: first.factors,
      losses: first.factors.indices.map { place in mean(curves.map { $0.losses[place] }) },
      untouched: mean(curves.map(\.untouched)), retrained: mean(curves.map(\.retrained)))
    let factor: Double
    do throws(MatchedForgetting.Problem) {
      factor = try MatchedForgetting.factor(
        factors: joint.factors, losses: joint.losses, untouched: joint.untouched, target: joint.retrained)
    } catch {
      throw StageFailure(message(error, joint))
    }
    var artifact = try ArtifactWriter<MatchArtifact>(task)
    try artifact.write(\.factor, factor)
    try artifact.write(\.groups, curves.count)
    try artifact.write(\.curve, joint)
    return try artifact.finish()
  }

  private static func message(_ problem: MatchedForgetting.Problem, _ curve: ForgettingCurve) -> String {
    switch problem {
    case .nothingToForget:
      "the retrained nets' mean loss \(curve.retrained) is not above the \(curve.untouched) of the net before removal: "
        + "there is nothing to match; take more or larger calibration groups"
    case .notReached(let most):
      "no multiple up to \(most) brings the mean loss to the retrained nets' \(curve.retrained): raise 'octaves'"
    case .notFinite(let from, let to):
      "the mean loss leaves the numbers between the multiples \(from) and \(to), before it reaches "
        + "\(curve.retrained): raise 'per_octave'"
    }
  }
}
