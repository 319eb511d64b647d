// The stage `cluster`: near, moderate and far images, by cuts in standard deviations of the distance.

import Analysis
import HDF5
import PipelineCore

/// Cuts images into bands by distance.
public enum ClusterStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "cluster", version: 1, summary: "cuts images into bands (near, moderate, far) by their distance",
    parameters: [
      ParameterDeclaration(
        "cuts", .list(.number(-100...100)), default: .list([.number(-1), .number(1)]),
        "where bands end, in standard deviations from the mean distance, ascending")
    ],
    inputs: [InputDeclaration("neighbours", accepts: ["neighbours"], "the distances")],
    datasets: [
      LayoutDeclaration("/assignment", "u8 [n]", "0 near, 1 moderate, 2 far; or the band's number"),
      LayoutDeclaration("/fractions", "f64 [bands]", "share of the images in each band"),
      LayoutDeclaration("/normal_fractions", "f64 [bands]", "what a normal law would give"),
      LayoutDeclaration("/indices", "i64 [n]", "the images, into the train split"),
    ],
    check: { parameters in
      let cuts = parameters.list("cuts").compactMap { value -> Double? in
        if case .number(let cut) = value { return cut }
        return nil
      }
      return cuts.isEmpty || zip(cuts, cuts.dropFirst()).contains(where: { $0 >= $1 })
        ? ParameterProblem("cuts", "'cuts' must be one or more ascending numbers") : nil
    })

  /// Writes the bands.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let file = try FileReader(at: task.input("neighbours").path)
    let cuts = task.parameters.list("cuts").map { value -> Double in
      switch value {
      case .number(let cut): cut
      case .integer(let cut): Double(cut)
      default: preconditionFailure("cuts are numbers")
      }
    }
    let bands = try SigmaBands(try file.read("/distances", shape: [nil]), cuts: cuts)
    var artifact = try ArtifactWriter(task)
    try artifact.write("/assignment", bands.assignment)
    try artifact.write("/fractions", bands.fractions)
    try artifact.write("/normal_fractions", bands.normalFractions)
    try artifact.write("/indices", try file.read("/indices", as: Int64.self, shape: [nil]))
    return try artifact.finish()
  }
}
