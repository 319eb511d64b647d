// The stage `parts`: divides a group by a clustering, apart from the group, so that another clustering moves nothing else.

import Artifacts
import PipelineCore

/// Gives each image of a group the step at which it is removed.
public enum PartsStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "parts", version: 1, summary: "divides a group into the parts that are removed one after the other",
    inputs: [
      InputDeclaration("group", accepts: ["group"], "the images to remove"),
      InputDeclaration("cluster", accepts: ["cluster"], "the band or cluster of each image"),
    ],
    datasets: PartsArtifact.datasets, attributes: PartsArtifact.attributes)

  /// Writes the parts.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let group = try task.loadGroup()
    let clustering = try ArtifactReader<ClusterArtifact>(task.input("cluster")).clustering()
    let known = Dictionary(zip(clustering.indices, clustering.assignment)) { first, _ in first }
    let parts = try group.indices.map { image in
      guard let part = known[image] else {
        throw StageFailure(
          "image \(image) of the group is in no cluster: cluster the features of all images that it was drawn from"
        )
      }
      return part
    }
    return try task.write(PartsArtifact.self, Parts(indices: group.indices, parts: parts))
  }
}

extension StageTask {
  /// The group of slot `group` with the parts of slot `parts`, if there are any.
  func loadDividedGroup() throws -> Group {
    var group = try loadGroup()
    guard let input = optionalInput("parts") else { return group }
    let division = try PartsArtifact.read(input)
    guard division.indices == group.indices else {
      throw StageFailure("input parts divides another group than that of slot group")
    }
    group.parts = division.parts
    return group
  }
}
