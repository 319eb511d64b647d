// The stage `agreement`: how far several clusterings of the same images are one.

import Artifacts
import Clustering
import PipelineCore
import ResultTables
import Wording

/// Compares clusterings pair by pair.
public enum AgreementStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "agreement", version: 2, summary: "compares clusterings of images, pair by pair, beyond chance",
    parameters: [TableReport.title],
    inputs: [
      InputDeclaration("clusters", accepts: ["cluster"], .many, "the clusterings, by label; at least two")
    ],
    datasets: AgreementArtifact.datasets, attributes: AgreementArtifact.attributes)

  /// Writes the indices.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["clusters"] ?? []
    guard inputs.count > 1 else {
      throw StageFailure("an agreement needs at least two clusterings, got \(inputs.count)")
    }
    let clusterings = try inputs.map { input in
      let clustering = try ArtifactReader<ClusterArtifact>(input).clustering()
      return Dictionary(zip(clustering.indices, clustering.assignment)) { first, _ in first }
    }
    let labels = inputs.map(\.label)
    let names = inputs.map { Set(labels).count == labels.count ? $0.label : $0.node }
    var agreement: [Double] = []
    var same: [Double] = []
    var counts: [Int] = []
    for (first, a) in clusterings.enumerated() {
      for (second, b) in clusterings.enumerated() {
        let common = a.keys.filter { b[$0] != nil }.sorted()
        guard common.count > 1 else {
          throw StageFailure(
            "\(names[first]) and \(names[second]) have \(counted(common.count, "image")) in common")
        }
        agreement.append(try RandIndex.adjusted(common.map { a[$0] }, common.map { b[$0] }))
        same.append(Double(common.count { a[$0] == b[$0] }) / Double(common.count))
        counts.append(common.count)
      }
    }
    var artifact = try ArtifactWriter<AgreementArtifact>(task)
    try artifact.write(\.names, names)
    try artifact.write(\.adjustedRand, Block(agreement, inputs.count, inputs.count))
    try artifact.write(\.same, Block(same, inputs.count, inputs.count))
    try artifact.write(\.images, Block(counts, inputs.count, inputs.count))
    return try artifact.finish()
  }

  /// The table of its artifact: a row for each two clusterings.
  static func table(_ file: borrowing ArtifactReader<AgreementArtifact>, title: String) throws -> PlainTable {
    let names = try file.read(\.names)
    let (rand, same, images) = (
      try file.read(\.adjustedRand).values, try file.read(\.same).values, try file.read(\.images).values
    )
    let pairs = names.indices.flatMap { first in names.indices.dropFirst(first + 1).map { (first, $0) } }
    let places = pairs.map { $0.0 * names.count + $0.1 }
    return PlainTable(
      title: title,
      columns: [
        ("clustering", .texts(pairs.map { names[$0.0] })), ("and", .texts(pairs.map { names[$0.1] })),
        ("images", .counts(places.map { images[$0] })), ("same part", .numbers(places.map { same[$0] })),
        ("adjusted Rand", .numbers(places.map { rand[$0] })),
      ],
      notes: [
        "same part: share of the images with the same number in both; adjusted Rand: 1 for equal clusterings whatever "
          + "their numbers, about 0 for independent ones."
      ])
  }
}
