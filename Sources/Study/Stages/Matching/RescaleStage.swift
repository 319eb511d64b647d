// The stage `rescale`: an unlearned net whose whole change is multiplied by a matched factor.

import Artifacts
import PipelineCore

/// Multiplies the change of an unlearned net.
public enum RescaleStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "rescale", version: 1,
    summary: "multiplies the whole change of an unlearned net by a matched factor",
    inputs: [
      InputDeclaration("net", accepts: NetStages.original, "the net before removal"),
      InputDeclaration("unlearned", accepts: ["unlearn"], "the net after removal"),
      InputDeclaration("factor", accepts: ["match"], "the factor, fixed on calibration groups"),
    ],
    datasets: RescaleArtifact.datasets, attributes: RescaleArtifact.attributes)

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let net = try task.loadNet("net")
    let factor = try ArtifactReader<MatchArtifact>(task.input("factor")).read(\.factor)
    let change = try task.change(from: net, to: "unlearned")
    let unlearned = try ArtifactReader<UnlearnArtifact>(task.input("unlearned"))
    var artifact = try ArtifactWriter<RescaleArtifact>(task)
    try artifact.write(
      \.net,
      Net(
        network: net.network, parameters: net.parameters(moved: change, by: factor),
        weightDecay: net.weightDecay))
    try artifact.write(\.factor, factor)
    try artifact.write(\.solve, try unlearned.read(\.solve))
    try artifact.write(\.comparison, try unlearned.read(\.comparison))
    return try artifact.finish()
  }
}
