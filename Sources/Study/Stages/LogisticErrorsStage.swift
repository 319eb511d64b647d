// The stage `logistic-errors`: how far each scheme's change is from that of refitting, by kind and size of group.

import HDF5
import PipelineCore
import ResultTables
import Statistics

/// Tabulates the errors of schemes.
public enum LogisticErrorsStage: Stage {
  static let schemes = Parameter("schemes", .string, default: "scheme", "the axis of the schemes")
  static let baseline = Parameter(
    "baseline", .string, default: "first-order", "the scheme that the others are compared with")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "logistic-errors", version: 2,
    summary: "tabulates how far each scheme's change of parameters is from that of refitting",
    parameters: [TableReport.title, schemes, baseline],
    inputs: [
      InputDeclaration(
        "rows", accepts: ["logistic-effect"], .many, "the effects by kind of group, as label: stage")
    ],
    datasets: [
      LayoutDeclaration("/schemes", "string [s]", "the schemes, the baseline first"),
      LayoutDeclaration("/kind", "string [r]", "the kind of groups"),
      LayoutDeclaration("/share", "f64 [r]", "images removed over training images"),
      LayoutDeclaration("/groups", "i64 [r]", "groups of that kind and size"),
      LayoutDeclaration(
        "/label_share", "f64 [r]", "the largest share of a label that a group holds, mean over the groups"),
      LayoutDeclaration(
        "/expansion", "f64 [r]",
        "second order's second term over its first, mean over the groups; NaN without that scheme"),
      LayoutDeclaration(
        "/error/{value,lower,upper}", "f64 [r,s]",
        "mean over the groups of ‖Δ − Δ*‖ / ‖Δ*‖, with its 95 % interval; NaN for one group"),
      LayoutDeclaration("/ratio", "f64 [r,s]", "mean error over that of the baseline"),
      LayoutDeclaration("/not_converged", "i64 [r]", "solves that failed"),
    ] + TrustFacts.rowDatasets)

  /// The error of one scheme on one group.
  private struct Row {
    var kind: String
    var size: Int
    var share: Double
    var scheme: String
    var error: Double
    var labelShare: Double
    var expansion: Double
    var converged: Bool
    /// Its place among the inputs.
    var place: Int
  }

  /// Writes the table.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let axis = task.parameters[schemes]
    let inputs = task.inputs["rows"] ?? []
    let rows = try inputs.enumerated().map { place, input -> Row in
      let file = try FileReader(at: input.path)
      guard let scheme = input.axes.first(where: { $0.axis == axis })?.value.plainText else {
        throw StageFailure("\(input.node) has no axis '\(axis)', which tells the schemes apart")
      }
      let size = try file.integer("group_size")
      return Row(
        kind: input.label, size: size, share: Double(size) / Double(try file.integer("train_images")),
        scheme: scheme, error: try file.readScalar("/error"), labelShare: try file.real("label_share"),
        expansion: try file.real("expansion"), converged: try file.integer("converged") != 0,
        place: place)
    }
    let baseline = task.parameters[Self.baseline]
    let found = distinctInOrder(rows.map(\.scheme))
    guard found.contains(baseline) else {
      throw StageFailure(
        "no row has the baseline '\(baseline)'; the schemes are \(found.joined(separator: ", "))")
    }
    let schemes = [baseline] + found.filter { $0 != baseline }
    var (kinds, shares, counts, failures) = ([String](), [Double](), [Int64](), [Int64]())
    var records: [[Int]] = []
    var (labelShares, expansions) = ([Double](), [Double]())
    var (value, lower, upper, ratio) = ([Double](), [Double](), [Double](), [Double]())
    for kind in distinctInOrder(rows.map(\.kind)) {
      for size in Set(rows.filter { $0.kind == kind }.map(\.size)).sorted() {
        let here = rows.filter { $0.kind == kind && $0.size == size }
        let summaries = try schemes.map { scheme -> Summary in
          let errors = here.filter { $0.scheme == scheme }.map(\.error)
          guard !errors.isEmpty else {
            throw StageFailure(
              "there is no row of scheme \(scheme) for the groups '\(kind)' of \(size) images")
          }
          return try Summary(errors)
        }
        records.append(here.map(\.place))
        labelShares.append(mean(here.map(\.labelShare)))
        expansions.append(mean(here.map(\.expansion).filter(\.isFinite)))
        kinds.append(kind)
        shares.append(here[0].share)
        counts.append(Int64(summaries[0].count))
        failures.append(Int64(here.filter { !$0.converged }.count))
        for summary in summaries {
          let half = summary.confidenceHalfWidth ?? .nan
          value.append(summary.mean)
          lower.append(summary.mean - half)
          upper.append(summary.mean + half)
          ratio.append(summary.mean / summaries[0].mean)
        }
      }
    }
    var artifact = try ArtifactWriter(task)
    let shape = [kinds.count, schemes.count]
    try artifact.write("/schemes", schemes)
    try artifact.write("/kind", kinds)
    try artifact.write("/share", shares)
    try artifact.write("/groups", counts)
    try artifact.write("/label_share", labelShares)
    try artifact.write("/expansion", expansions)
    try artifact.write("/error/value", value, shape: shape)
    try artifact.write("/error/lower", lower, shape: shape)
    try artifact.write("/error/upper", upper, shape: shape)
    try artifact.write("/ratio", ratio, shape: shape)
    try artifact.write("/not_converged", failures)
    try TrustFacts.gather(
      inputs, labels: rows.map { "\($0.kind), \($0.scheme)" }, records: records, into: &artifact)
    return try artifact.finish()
  }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
  }

  /// The artifact as a table of records.
  static func table(_ file: borrowing FileReader, title: String) throws -> PlainTable {
    let schemes = try file.readStrings("/schemes")
    let kinds = try file.readStrings("/kind")
    let shape = [kinds.count, schemes.count]
    let value: [Double] = try file.read("/error/value", shape: shape)
    let lower: [Double] = try file.read("/error/lower", shape: shape)
    let upper: [Double] = try file.read("/error/upper", shape: shape)
    let ratio: [Double] = try file.read("/ratio", shape: shape)
    let failed = try file.read("/not_converged", as: Int64.self, shape: [kinds.count])
    let share: [Double] = try file.read("/share", shape: [kinds.count])
    let groups = try file.read("/groups", as: Int64.self, shape: [kinds.count])
    func column(_ values: [Double], _ scheme: Int) -> [Double] {
      kinds.indices.map { values[$0 * schemes.count + scheme] }
    }
    var columns: [(name: String, values: PlainTable.Column)] = [
      ("groups of kind", .texts(kinds)), ("share removed", .numbers(share)),
      ("groups", .counts(groups.map { Int($0) })),
      ("of a label", .numbers(try file.read("/label_share", shape: [kinds.count]))),
    ]
    for (place, scheme) in schemes.enumerated() {
      columns.append(
        (scheme, .intervals(column(value, place), lower: column(lower, place), upper: column(upper, place))))
      if place > 0 { columns.append(("\(scheme) : \(schemes[0])", .numbers(column(ratio, place)))) }
    }
    let expansion: [Double] = try file.read("/expansion", shape: [kinds.count])
    if expansion.contains(where: \.isFinite) { columns.append(("2nd term : 1st", .numbers(expansion))) }
    return PlainTable(
      title: title, columns: columns,
      notes: [
        "error: ‖Δ − Δ*‖ / ‖Δ*‖ of the predicted change of the parameters against that of refitting; "
          + "(… to …): 95 % interval of the mean (Student's t).",
        "of a label: the largest share of a label's images that a group holds; 2nd term : 1st: "
          + "‖q H⁻¹ (H − H_U) Δ₁‖ / ‖Δ₁‖ of the second order's series (means over the groups).",
      ], notConverged: failed.map { Int($0) })
  }
}
