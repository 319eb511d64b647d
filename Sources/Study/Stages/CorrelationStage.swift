// The stage `correlation`: how well predicted effects agree with actual ones, over groups of several kinds.

import HDF5
import PipelineCore
import Statistics

/// Correlates predicted with actual effects.
public enum CorrelationStage: Stage {

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "correlation", version: 2,
    summary: "correlates predicted with actual effects of groups: slope, Pearson and Spearman with intervals",
    parameters: [TableReport.title],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["effect", "logistic-effect"], .many,
        "the effects by kind of group, as label: stage")
    ],
    datasets: [
      LayoutDeclaration("/points/kind", "string [r]", "the label of each group"),
      LayoutDeclaration("/points/axes/AXIS", "string [r]", "its axis values, as text"),
      LayoutDeclaration("/points/share", "f64 [r]", "images removed over images that they were drawn from"),
      LayoutDeclaration("/points/{group,test}/{predicted,actual}", "f64 [r]", "as in the effect"),
      LayoutDeclaration(
        "/{kind,loss}", "string [k]", "the kind of groups, and the loss whose change is predicted"),
      LayoutDeclaration(
        "/{groups,not_converged}", "i64 [k]", "groups, and those behind which a solve failed"),
      LayoutDeclaration(
        "/slope/{value,lower,upper}", "f64 [k]",
        "least-squares slope of actual on predicted with its 95 % interval; above 1: effects are underestimated"
      ),
      LayoutDeclaration(
        "/{pearson,spearman}/{value,lower,upper}", "f64 [k]", "correlations with their 95 % intervals"),
      LayoutDeclaration("/mean/{predicted,actual}", "f64 [k]", "means over the groups"),
    ] + TrustFacts.rowDatasets)

  /// Writes points and figures.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let inputs = task.inputs["rows"] ?? []
    var share: [Double] = []
    var converged: [Bool] = []
    var effects: [String: [Double]] = [:]
    for input in inputs {
      let file = try FileReader(at: input.path)
      share.append(Double(try file.integer("group_size")) / Double(try file.integer("pool_size")))
      converged.append(try file.integer("converged") != 0)
      for split in EffectStage.splits {
        for name in ["predicted", "actual"] {
          effects["\(split)/\(name)", default: []].append(try file.readScalar("/effects/\(split)/\(name)"))
        }
      }
    }
    var artifact = try ArtifactWriter(task)
    try artifact.write("/points/kind", inputs.map(\.label))
    for axis in Set(inputs.flatMap { $0.axes.map(\.axis) }).sorted() {
      try artifact.write(
        "/points/axes/\(axis)",
        inputs.map { input in input.axes.first { $0.axis == axis }?.value.plainText ?? "" })
    }
    try artifact.write("/points/share", share)
    for (path, values) in effects.sorted(by: { $0.key < $1.key }) {
      try artifact.write("/points/\(path)", values)
    }
    var figures: [String: [Double]] = [:]
    var (kinds, losses) = ([String](), [String]())
    var (counts, failures) = ([Int64](), [Int64]())
    var records: [[Int]] = []
    func add(_ name: String, _ value: Double, _ lower: Double, _ upper: Double) {
      figures[name + "/value", default: []].append(value)
      figures[name + "/lower", default: []].append(lower)
      figures[name + "/upper", default: []].append(upper)
    }
    for kind in distinctInOrder(inputs.map(\.label)) {
      let rows = inputs.indices.filter { inputs[$0].label == kind }
      guard rows.count >= 3 else {
        throw StageFailure("a correlation is of at least 3 groups; '\(kind)' has \(rows.count)")
      }
      for split in EffectStage.splits {
        let predicted = rows.map { effects["\(split)/predicted"]?[$0] ?? .nan }
        let actual = rows.map { effects["\(split)/actual"]?[$0] ?? .nan }
        let line = try RegressionLine(predicted, actual)
        let pearson = try Correlation.pearson(predicted, actual)
        let spearman = try Correlation.spearman(predicted, actual)
        kinds.append(kind)
        losses.append(split)
        records.append(rows)
        counts.append(Int64(rows.count))
        failures.append(Int64(rows.filter { !converged[$0] }.count))
        add("slope", line.slope, line.slope - line.slopeHalfWidth, line.slope + line.slopeHalfWidth)
        add("pearson", pearson.coefficient, pearson.lower ?? .nan, pearson.upper ?? .nan)
        add("spearman", spearman.coefficient, spearman.lower ?? .nan, spearman.upper ?? .nan)
        figures["mean/predicted", default: []].append(try Moments.mean(predicted))
        figures["mean/actual", default: []].append(try Moments.mean(actual))
      }
    }
    try artifact.write("/kind", kinds)
    try artifact.write("/loss", losses)
    try artifact.write("/groups", counts)
    try artifact.write("/not_converged", failures)
    for (path, values) in figures.sorted(by: { $0.key < $1.key }) { try artifact.write("/" + path, values) }
    try TrustFacts.gather(inputs, labels: inputs.map(\.label), records: records, into: &artifact)
    return try artifact.finish()
  }
}
