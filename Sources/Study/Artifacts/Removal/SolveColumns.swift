// The facts of the solves behind the rows of a table, as columns.

import PipelineCore

/// The facts behind each row of a table, as columns.
package struct SolveColumns: FieldGroup, Field {
  package let converged: List<Bool>
  package let comparedImages: List<Int>
  package let hessianImages: List<Int>
  package let iterations: List<Int>
  package let products: List<Int>
  package let actualChange: List<Double>
  package let curvatureMax: List<Double>
  package let curvatureMin: List<Double>
  package let damping: List<Double>
  package let dampingImplied: List<Double>
  package let gradientNorm: List<Double>
  package let moved: List<Double>
  package let predictedChange: List<Double>
  package let predictedChangeSecondOrder: List<Double>
  package let residual: List<Double>

  /// Columns in a folder (empty: the root), whose length has a name.
  package init(in folder: String, _ rows: String) {
    func counts(_ name: String) -> List<Int> {
      List("\(folder)/\(name)", rows, "of the solves behind the row; 0 if none")
    }
    func figures(_ name: String) -> List<Double> {
      List("\(folder)/\(name)", rows, "of the solves behind the row, as in the evaluation; NaN if none")
    }
    converged = List("\(folder)/converged", rows, "0 if a solve behind the row did not converge")
    comparedImages = counts("compared_images")
    hessianImages = counts("hessian_images")
    iterations = counts("iterations")
    products = counts("products")
    actualChange = figures("actual_change")
    curvatureMax = figures("curvature_max")
    curvatureMin = figures("curvature_min")
    damping = figures("damping")
    dampingImplied = figures("damping_implied")
    gradientNorm = figures("gradient_norm")
    moved = figures("moved")
    predictedChange = figures("predicted_change")
    predictedChangeSecondOrder = figures("predicted_change_second_order")
    residual = figures("residual")
  }

  package func write(_ rows: [SolveFacts], to sink: inout ArtifactSink) throws {
    try sink.write(converged, rows.map(\.outcome.converged))
    try sink.write(comparedImages, rows.map { $0.comparison?.images ?? 0 })
    try sink.write(hessianImages, rows.map(\.outcome.hessianImages))
    try sink.write(iterations, rows.map(\.outcome.iterations))
    try sink.write(products, rows.map(\.outcome.products))
    try sink.write(actualChange, rows.map(\.change.actual))
    try sink.write(curvatureMax, rows.map(\.outcome.curvatureMax))
    try sink.write(curvatureMin, rows.map(\.outcome.curvatureMin))
    try sink.write(damping, rows.map(\.outcome.damping))
    try sink.write(dampingImplied, rows.map(\.outcome.dampingImplied))
    try sink.write(gradientNorm, rows.map(\.outcome.gradientNorm))
    try sink.write(moved, rows.map { $0.comparison?.moved ?? .nan })
    try sink.write(predictedChange, rows.map(\.change.firstOrder))
    try sink.write(predictedChangeSecondOrder, rows.map(\.change.secondOrder))
    try sink.write(residual, rows.map(\.outcome.residual))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [SolveFacts] {
    let converged = try source.read(converged)
    var rows = [SolveFacts](repeating: SolveFacts(), count: converged.count)
    rows.fill(converged, \.outcome.converged)
    rows.fill(try source.read(hessianImages), \.outcome.hessianImages)
    rows.fill(try source.read(iterations), \.outcome.iterations)
    rows.fill(try source.read(products), \.outcome.products)
    rows.fill(try source.read(actualChange), \.change.actual)
    rows.fill(try source.read(curvatureMax), \.outcome.curvatureMax)
    rows.fill(try source.read(curvatureMin), \.outcome.curvatureMin)
    rows.fill(try source.read(damping), \.outcome.damping)
    rows.fill(try source.read(dampingImplied), \.outcome.dampingImplied)
    rows.fill(try source.read(gradientNorm), \.outcome.gradientNorm)
    rows.fill(try source.read(predictedChange), \.change.firstOrder)
    rows.fill(try source.read(predictedChangeSecondOrder), \.change.secondOrder)
    rows.fill(try source.read(residual), \.outcome.residual)
    let comparisons = zip(try source.read(comparedImages), try source.read(moved))
    rows.fill(comparisons.map { $0 > 0 ? CurvatureComparison(images: $0, moved: $1) : nil }, \.comparison)
    return rows
  }
}

/// The facts behind a table of comparisons, a record of which stands on several rows of its input.
package struct SolveRecords: Sendable, Equatable {
  /// Of each row of the input.
  package var facts: [SolveFacts]
  /// What each row of the input is called under the table.
  package var labels: [String]
  /// For each record the rows of the input that it stands on, ascending.
  package var records: [[Int]]

  /// The facts of some inputs, whose records name each row once or more.
  package init(_ inputs: [TaskInput], labels: [String], records: [[Int]]) throws {
    facts = try inputs.map { try ArtifactReader<FactsArtifact>($0).read(\.facts) }
    self.labels = labels
    self.records = records.map { Set($0).sorted() }
  }

  package init(facts: [SolveFacts], labels: [String], records: [[Int]]) {
    self.facts = facts
    self.labels = labels
    self.records = records
  }
}

/// What the artifacts of evaluations and of effects have in common.
package struct FactsArtifact: ArtifactLayout {
  package let facts = SolveFactFields()

  package init() {}
}

/// The fields of the facts behind a table of comparisons.
package struct SolveRecordFields: FieldGroup, Field {
  package let facts = SolveColumns(in: "/solves", "i")
  package let labels = List<String>(
    "/solves/label", "i", "each row of the input: what it is called under the table")
  package let records = Lists(
    "/solves/records", "k,w", "the rows of the input that each record stands on; -1 for none")

  package func write(_ rows: SolveRecords, to sink: inout ArtifactSink) throws {
    try sink.write(facts, rows.facts)
    try sink.write(labels, rows.labels)
    try sink.write(records, rows.records)
  }

  package func read(from source: borrowing ArtifactSource) throws -> SolveRecords {
    SolveRecords(
      facts: try source.read(facts), labels: try source.read(labels), records: try source.read(records))
  }
}
