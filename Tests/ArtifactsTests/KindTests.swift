// The kinds of artifacts whose values are more than a field each: what is written as one value is read as the same.

import Artifacts
import Foundation
import NeuralNet
import PipelineCore
import Testing

/// A layout of one composite field.
private protocol OneField: ArtifactLayout {
  associatedtype Content: Field
  var content: Content { get }
}

private struct Steps: OneField { let content = StepFields() }
private struct History: OneField { let content = HistoryFields() }
private struct Solved: OneField { let content = SolveFields() }
private struct Facts: OneField { let content = SolveFactFields() }
private struct Columns: OneField { let content = SolveColumns(in: "/solves", "i") }
private struct Calibrated: OneField { let content = CandidateColumns() }
private struct Correlated: OneField { let content = CorrelationColumns() }
private struct Errors: OneField { let content = LogisticErrorsFields() }
private struct Shared: OneField { let content = PartSharesArtifact() }
private struct Factored: OneField { let content = FactorsArtifact() }
private struct Curved: OneField { let content = ForgettingArtifact() }
private struct Divided: OneField { let content = PartsArtifact() }
private struct Tested: OneField { let content = TestColumns() }
private struct Named: OneField { let content = RowNameFields(in: "/points", label: "kind", "r") }
private struct Kept: OneField { let content = FileFields("PATH", "files") }
private struct Network: OneField { let content = NetFields() }

@Suite struct KindTests {
  /// Writes a value and reads it again.
  private func written<Layout: OneField>(_: Layout.Type, _ value: Layout.Content.Value) throws
    -> Layout.Content.Value
  {
    let folder = NSTemporaryDirectory() + "artifacts-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let task = try sampleTask(in: folder)
    var artifact = try ArtifactWriter<Layout>(task)
    try artifact.write(\.content, value)
    _ = try artifact.finish()
    return try ArtifactReader<Layout>(at: task.output).read(\.content)
  }

  /// Facts whose figures are all different, so that no two can be mistaken for each other.
  private static let facts: SolveFacts = {
    var facts = SolveFacts()
    facts.outcome.converged = false
    (facts.outcome.iterations, facts.outcome.products, facts.outcome.hessianImages) = (1, 2, 3)
    (facts.outcome.residual, facts.outcome.damping, facts.outcome.dampingImplied) = (0.1, 0.2, 0.3)
    (facts.outcome.gradientNorm, facts.outcome.curvatureMin, facts.outcome.curvatureMax) = (0.4, 0.5, 0.6)
    facts.change = LossEffect(firstOrder: 0.7, secondOrder: 0.8, actual: 0.9)
    facts.comparison = CurvatureComparison(images: 4, moved: 1.1)
    return facts
  }()

  @Test func stepsOfAnUnlearning() throws {
    func step(_ size: Int, selected: [Int]?) -> UnlearnStep {
      UnlearnStep(
        change: [Float(size), 0.5], size: size, iterations: 10 + size, products: 20 + size,
        residual: 0.25 * Double(size), hessianIndices: Array(0..<size), selected: selected,
        groupLoss: LossEffect(firstOrder: 1, secondOrder: 2, actual: Double(size)),
        retainedLoss: LossEffect(firstOrder: 3, secondOrder: 4, actual: Double(-size)))
    }
    let all = [step(2, selected: nil), step(3, selected: nil)]
    #expect(try written(Steps.self, all) == all)
    let some = [step(2, selected: [0, 1]), step(3, selected: [1])]
    #expect(try written(Steps.self, some) == some)
    let history = TrainingHistory(loss: [2, 1], accuracy: [0.5, 0.75], learningRate: [0.1, 0.05])
    #expect(try written(History.self, history) == history)
  }

  @Test func factsOfSolves() throws {
    let facts = Self.facts
    let solve = Solve(
      scheme: "gif", curvature: "hessian", solver: "cg", misfit: 0.75, outcome: facts.outcome)
    #expect(try written(Solved.self, solve) == solve)
    #expect(try written(Facts.self, facts) == facts)
    var plain = facts
    plain.comparison = nil
    plain.outcome.converged = true
    #expect(try written(Facts.self, plain) == plain)
    #expect(try written(Columns.self, [facts, plain]) == [facts, plain])
  }

  @Test func recordsOfTables() throws {
    var candidate = CalibrationCandidate()
    (candidate.scheme, candidate.setting, candidate.axes) = ("x", "a 1", ["b": "", "a": "1"])
    (candidate.groups, candidate.notConverged, candidate.isChosen) = (3, 1, true)
    (candidate.score, candidate.lower, candidate.upper, candidate.heldOut) = (0.5, 0.25, 0.75, 0.625)
    let calibration = try written(Calibrated.self, Calibration(axes: ["b", "a"], candidates: [candidate]))
    #expect(calibration == Calibration(axes: ["a", "b"], candidates: [candidate]))

    var record = CorrelationRecord()
    (record.kind, record.loss, record.groups, record.notConverged) = ("near", "test", 5, 2)
    (record.meanActual, record.meanPredicted) = (0.1, 0.2)
    record.pearson = Interval(value: 1, lower: 2, upper: 3)
    record.slope = Interval(value: 4, lower: 5, upper: 6)
    record.spearman = Interval(value: 7, lower: 8, upper: 9)
    #expect(try written(Correlated.self, [record]) == [record])

    var test = DifferenceTest()
    (test.against, test.setting, test.column, test.verdict) = ("a", "b", "c", "d")
    (test.pairs, test.closer, test.notConverged) = (3, 2, 1)
    (test.mean, test.lower, test.upper, test.pvalue, test.adjusted) = (1, 2, 3, 4, 5)
    (test.figure, test.notFinite, test.signedRank, test.signedRankSide) = ("e", 4, 6, -1)
    (test.margin, test.equivalence, test.spread, test.controlPvalue) = (7, 8, 9, 10)
    (test.isControlled, test.convergedMean, test.convergedPvalue) = (true, 11, 12)
    #expect(try written(Tested.self, [test]) == [test])

    var share = PartShare()
    (share.scheme, share.setting, share.part, share.groups) = ("a", "b", "c", 2)
    (share.images, share.norm) = (0.5, 0.25)
    share.change = Interval(value: 1, lower: 2, upper: 3)
    share.loss = Interval(value: 4, lower: 5, upper: 6)
    #expect(try written(Shared.self, [share]) == [share])
    var factor = FactorRecord()
    (factor.scheme, factor.setting, factor.groups) = ("a", "b", 2)
    (factor.untouched, factor.retrained, factor.factor) = (1, 2, 3)
    #expect(try written(Factored.self, [factor]) == [factor])
    let curve = ForgettingCurve(factors: [1, 2], losses: [3, .infinity], untouched: 4, retrained: 5)
    #expect(try written(Curved.self, curve) == curve)
    let division = Parts(indices: [1, 5], parts: [2, 0])
    #expect(try written(Divided.self, division) == division)

    func errors(_ kind: String, _ first: Double) -> LogisticErrorsRecord {
      var errors = LogisticErrorsRecord()
      (errors.kind, errors.share, errors.groups, errors.notConverged) = (kind, 0.5, 4, 1)
      (errors.labelShare, errors.expansion, errors.ratios) = (0.25, 0.125, [1, 2])
      errors.errors = [first, first + 1].map { Interval(value: $0, lower: $0 - 0.5, upper: $0 + 0.5) }
      return errors
    }
    let table = LogisticErrors(schemes: ["x", "y"], records: [errors("near", 1), errors("far", 5)])
    #expect(try written(Errors.self, table) == table)
    let names = RowNames(labels: ["x", "y"], axes: [["size": "1"], ["size": "2", "repeat": "0"]])
    #expect(names.axes == ["size": ["1", "2"], "repeat": ["", "0"]])
    #expect(try written(Named.self, names) == names)
  }

  @Test func filesAndNets() throws {
    let files = [KeptFile(path: "a/b.txt", bytes: [1, 2]), KeptFile(path: "c", bytes: [])]
    #expect(try written(Kept.self, files) == files)
    // The widths of an mlp's hidden layers are found from its weights.
    let mlp = try NeuralNet.Network.named("mlp", widths: [3, 2])
    let net = Net(
      network: mlp, parameters: (0..<mlp.parameterCount).map(Float.init), weightDecay: 0.125)
    let read = try written(Network.self, net)
    #expect(read.network.name == "mlp" && read.network.parameterLayouts == mlp.parameterLayouts)
    #expect(read.parameters == net.parameters && read.weightDecay == 0.125)
    // Running statistics are parameters of the file, not of the optimiser.
    let residual = try NeuralNet.Network.named("resnet18", width: 1)
    let buffers = residual.buffers.indices.map { Float($0 + 1) }
    let normalised = Net(
      network: try residual.with(buffers: buffers),
      parameters: [Float](repeating: 0.5, count: residual.parameterCount), weightDecay: 0)
    #expect(try written(Network.self, normalised).network.buffers == buffers)
  }
}
