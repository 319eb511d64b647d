// The stage `part-shares`: whether the parts of a removal are parts: each one's share of change and loss.

import Artifacts
import PipelineCore
import ResultTables
import Statistics

/// The manipulation check of a removal in several steps.
public enum PartSharesStage: Stage {
  static let over = Parameter("over", .string, default: "repeat", "the axis that means are taken over")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "part-shares", version: 1,
    summary: "tells what share of the change and of the removed images' loss each part of a removal carries",
    parameters: [TableReport.title, over],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["unlearn"], .many, "removals part by part, by scheme, as label: stage")
    ],
    datasets: PartSharesArtifact.datasets, attributes: PartSharesArtifact.attributes)

  /// One step of one net.
  private struct Step {
    var scheme: String
    var setting: String
    var part: String
    var images: Double
    var change: Double
    var loss: Double
    var norm: Double
  }

  /// Writes the shares.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let over = task.parameters[over]
    let steps = try (task.inputs["rows"] ?? []).flatMap { try Self.steps($0, over: over) }
    var shares: [PartShare] = []
    for scheme in distinctInOrder(steps.map(\.scheme)) {
      let own = steps.filter { $0.scheme == scheme }
      for setting in distinctInOrder(own.map(\.setting)) {
        let here = own.filter { $0.setting == setting }
        for part in distinctInOrder(here.map(\.part)) {
          shares.append(try share(here.filter { $0.part == part }))
        }
      }
    }
    return try task.write(PartSharesArtifact.self, shares)
  }

  /// The steps of a net, each with its share of all.
  private static func steps(_ input: TaskInput, over: String) throws -> [Step] {
    let file = try ArtifactReader<UnlearnArtifact>(input)
    let steps = try file.read(\.steps)
    let values = try file.parameters(of: UnlearnStage.declaration)
    let named = values[GroupParts.partition].followsGroup
    let losses = zip(steps, try file.read(\.originalLoss)).map { $0.size == 0 ? 0 : Double($0.size) * $1 }
    let norms = steps.map { step in
      step.change.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    let images = steps.map { Double($0.size) }
    func shares(_ values: [Double]) -> [Double] {
      let sum = values.reduce(0, +)
      return values.map { $0 / sum }
    }
    let (ofImages, ofChange, ofLoss) = (shares(images), shares(norms), shares(losses))
    let setting = input.axes.filter { $0.axis != over }.map { "\($0.axis) \($0.value.plainText)" }
      .joined(separator: ", ")
    return steps.indices.map { step in
      Step(
        scheme: input.label, setting: setting,
        part: named && steps.count == values[GroupParts.order].count
          ? values[GroupParts.order][step].rawValue : "step \(step + 1)",
        images: ofImages[step], change: ofChange[step], loss: ofLoss[step], norm: norms[step])
    }
  }

  private static func share(_ steps: [Step]) throws -> PartShare {
    var share = PartShare()
    (share.scheme, share.setting, share.part) = (steps[0].scheme, steps[0].setting, steps[0].part)
    share.groups = steps.count
    share.images = mean(steps.map(\.images))
    share.change = Interval(try Summary(steps.map(\.change)))
    share.loss = Interval(try Summary(steps.map(\.loss)))
    share.norm = mean(steps.map(\.norm))
    return share
  }

  /// The table of its artifact.
  static func table(_ shares: [PartShare], title: String) -> PlainTable {
    PlainTable(
      title: title,
      columns: [
        ("scheme", .texts(shares.map(\.scheme))), ("setting", .texts(shares.map(\.setting))),
        ("part", .texts(shares.map(\.part))), ("groups", .counts(shares.map(\.groups))),
        ("share of images", .numbers(shares.map(\.images))),
        ("share of the change", .intervals(shares.map(\.change))),
        ("share of the loss", .intervals(shares.map(\.loss))), ("norm", .numbers(shares.map(\.norm))),
      ],
      notes: [
        "share of the change: the L2 norm of the part's step by the sum of all steps'; share of the loss: of the removed "
          + "images' loss at the net before removal; norm: the L2 norm of the step. A part that carries next to nothing "
          + "makes three steps one.",
        "(… to …): 95 % intervals of the means (Student's t).",
      ])
  }
}
