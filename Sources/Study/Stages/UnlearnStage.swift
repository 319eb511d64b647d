// The stage `unlearn`: removes a group from a net, by a ready influence in one step or part by part in several.

import HDF5
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// Unlearns a group.
public enum UnlearnStage: Stage {
  static let factor = Parameter(
    "factor", .number(-1e6...1e6), default: 1, "with slot influence: how much of it is applied")
  static let divisor = Parameter(
    "divisor", .number(1e-6...1e6), default: 1,
    "with slot influence: what it is divided by, as the study's scale; the two combine")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "unlearn", version: 2,
    summary: "removes a group from a net: in one step by an influence, or part by part",
    parameters: [
      GroupParts.partition, GroupParts.order, GroupParts.count, factor, divisor, UnlearnRounds.rounds,
      UnlearnRounds.stepNorm,
    ] + SolverParameters.all,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: ["train", "retrain", "unlearn"], "the net, trained on all images"),
      InputDeclaration("group", accepts: ["group"], "the images to remove, with their parts"),
      InputDeclaration(
        "influence", accepts: ["influence"], .optional,
        "the change to apply in one step; then only 'factor' and 'divisor' are used of the parameters"),
      SolverParameters.spectrum,
      InputDeclaration(
        "budget", accepts: ["unlearn"], .optional,
        "with partition whole and solver cg: the one step goes on to as many curvature products as this took"),
      UnlearnRounds.validation,
    ],
    datasets: netLayout + [
      LayoutDeclaration("/steps/change", "f32 [k,p]", "the change of each step, in state_dict order"),
      LayoutDeclaration("/steps/size", "i64 [k]", "images removed at each step"),
      LayoutDeclaration("/steps/{iterations,products}", "i64 [k]", "of the solver at each step"),
      LayoutDeclaration("/steps/residual", "f64 [k]", "true relative residual of each step"),
      LayoutDeclaration(
        "/steps/hessian_indices", "i64 [k,h]", "curvature images of each step; -1 where there were fewer"),
      LayoutDeclaration(
        "/steps/selected", "i64 [k,s]", "gif, fif, pif: the parameters changed at each step; -1 for none"),
      LayoutDeclaration(
        "/steps/loss_change/group/{first_order,second_order,actual}", "f64 [k]",
        "predicted and measured change of the mean loss over the step's part; NaN for an empty one"),
      LayoutDeclaration(
        "/steps/loss_change/retained/{first_order,second_order,actual}", "f64 [k]",
        "the same over the step's curvature images that stay"),
      LayoutDeclaration(
        "/rounds/f1", "f64 [r]",
        "with slot validation: F1 after each round that was tried; the best one's net is kept"
      ),
    ],
    attributes: netAttributes + TrustLine.attributes + TrustFacts.comparisonAttributes, isRandom: true,
    resources: SolverParameters.resources,
    unused: { values, slots in
      if slots.contains("influence") {
        return SolverParameters.names.union([
          GroupParts.partition.name, GroupParts.order.name, GroupParts.count.name, UnlearnRounds.rounds.name,
          UnlearnRounds.stepNorm.name, StageDeclaration.seed.name,
        ])
      }
      var names = SolverParameters.unused(values, slots).union([factor.name, divisor.name])
      if slots.contains("budget") { names.insert(SolverParameters.iterations.name) }
      return names.union(GroupParts.unused(values)).union(UnlearnRounds.unused(values))
    },
    check: { GroupParts.check($0) ?? UnlearnRounds.check($0) ?? SolverParameters.check($0) })

  /// One step as the artifact holds it.
  fileprivate struct Step {
    var change: [Float]
    var size: Int
    var iterations: Int
    var products: Int
    var residual: Double
    var hessianIndices: [Int64]
    var selected: [Int64]?
    var groupLoss: LossChange?
    var retainedLoss: LossChange?
  }

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let net = try task.loadNet("net")
    let group = try task.loadGroup()
    let retained = group.complement(in: images.count)
    guard !retained.isEmpty else { throw InfluenceError.nothingRetained }
    context.reportWholeLabels(group, images)
    let pool = ThreadPool(threads: task.threads)
    let steps: [Step]
    let parameters: [Float]
    let trust: TrustLine
    var scores: [Double] = []
    if let input = task.optionalInput("influence") {
      if task.optionalInput("budget") != nil {
        throw StageFailure(
          "inputs influence and budget exclude each other: an influence's cost is spent already")
      }
      let file = try FileReader(at: input.path)
      try task.check("influence", file, wasMadeWith: ["net", "images", "group"])
      trust = try TrustLine(file)
      let applied = try AppliedInfluence(
        file, factor: factor(task.parameters), to: net, group: group, images, pool)
      steps = [applied.step]
      parameters = applied.parameters
    } else if UnlearnRounds.isAsked(task) {
      let result = try UnlearnRounds.run(task, context, net: net, group: group, images, pool)
      trust = TrustLine(result.steps, task.parameters)
      steps = result.steps.map { Step($0, size: group.indices.count) }
      parameters = result.parameters
      scores = result.scores
    } else {
      let parts = try GroupParts(group, task, context).parts
      let ceiling = try task.solverCeiling(net, steps: parts.count)
      var options = SolverParameters.options(task.parameters, weightDecay: net.weightDecay)
      options.productBudget = try budget(task, parts: parts.count)
      let result = try unlearn(
        net.network, parameters: net.parameters, data: images, trainingSet: Array(0..<images.count),
        parts: parts, options: options, spectrum: try task.loadSpectrum(parameters: net.parameters.count),
        stream: RandomStream(key: task.streamKey),
        memoryCeiling: ceiling, pool: pool
      ) { context.report($1, step: $0, of: parts.count) }
      trust = TrustLine(result.steps, task.parameters)
      steps = zip(result.steps, parts).map { Step($0, size: $1.count) }
      parameters = result.parameters
    }
    // The history of a net that was not trained: how it does on what is retained, after the last step.
    let after = try evaluate(net.network, parameters: parameters, data: images, indices: retained, pool: pool)
    var artifact = try ArtifactWriter(task)
    try artifact.write(Net(network: net.network, parameters: parameters, weightDecay: net.weightDecay))
    try artifact.write("/history/loss", [after.loss])
    try artifact.write("/history/accuracy", [after.accuracy])
    try artifact.write(
      "/history/learning_rate",
      [task.optionalInput("influence") == nil ? 1 : factor(task.parameters)])
    try write(steps, to: &artifact, parameters: parameters.count)
    if !scores.isEmpty { try artifact.write("/rounds/f1", scores) }
    try artifact.write(trust)
    if let input = task.optionalInput("influence") {
      try TrustFacts.copyComparison(from: try FileReader(at: input.path), to: &artifact)
    }
    return try artifact.finish()
  }

  private static func factor(_ values: ParameterValues) -> Double {
    values[factor] / values[divisor]
  }

  /// The curvature products that the node of slot `budget` made.
  private static func budget(_ task: StageTask, parts: Int) throws -> Int? {
    guard let input = task.optionalInput("budget") else { return nil }
    guard parts == 1, task.parameters[SolverParameters.solver] == .cg else {
      throw StageFailure("input budget needs partition whole and solver cg: it is spent on one solve")
    }
    return try FileReader(at: input.path).integer("products")
  }

  private static func write(_ steps: [Step], to artifact: inout ArtifactWriter, parameters: Int) throws {
    try artifact.write("/steps/change", steps.flatMap(\.change), shape: [steps.count, parameters])
    try artifact.write("/steps/size", steps.map { Int64($0.size) })
    try artifact.write("/steps/iterations", steps.map { Int64($0.iterations) })
    try artifact.write("/steps/products", steps.map { Int64($0.products) })
    try artifact.write("/steps/residual", steps.map(\.residual))
    try artifact.write("/steps/hessian_indices", padded: steps.map(\.hessianIndices))
    if steps.contains(where: { $0.selected != nil }) {
      try artifact.write("/steps/selected", padded: steps.map { $0.selected ?? [] })
    }
    try artifact.write("/steps/loss_change/group", steps.map(\.groupLoss), scalar: false)
    try artifact.write("/steps/loss_change/retained", steps.map(\.retainedLoss), scalar: false)
  }

  /// An influence artifact, applied.
  private struct AppliedInfluence {
    let step: Step
    let parameters: [Float]

    init(
      _ file: borrowing FileReader, factor: Double, to net: Net, group: Group, _ images: ImageSet,
      _ pool: ThreadPool
    ) throws {
      let influence: [Float] = try file.read("/influence", shape: [net.parameters.count])
      let change = influence.map { Float(Double($0) * factor) }
      let moved = zip(net.parameters, change).map { $0 + $1 }
      let hessian = try file.read("/hessian_indices", as: Int64.self, shape: [nil])
      let own = try file.read("/group_indices", as: Int64.self, shape: [nil]).map { Int($0) }
      let removed = Set(group.indices)
      func lossChange(_ path: String, _ indices: [Int]) throws -> LossChange? {
        if indices.isEmpty { return nil }
        let first: Double = try file.readScalar(path + "/first_order")
        let second: Double = try file.readScalar(path + "/second_order")
        func loss(_ parameters: [Float]) throws -> Double {
          try evaluate(net.network, parameters: parameters, data: images, indices: indices, pool: pool).loss
        }
        // The bend ½ΔᵀHΔ grows with the square of the factor.
        return LossChange(
          firstOrder: factor * first, secondOrder: factor * first + factor * factor * (second - first),
          actual: try loss(moved) - loss(net.parameters))
      }
      step = Step(
        change: change, size: group.indices.count, iterations: try file.integer("iterations"),
        products: try file.integer("products"), residual: try file.real("residual"), hessianIndices: hessian,
        selected: file.contains("/selected") ? try file.read("/selected", shape: [nil]) : nil,
        groupLoss: try lossChange("/loss_change/group", own),
        retainedLoss: try lossChange(
          "/loss_change/retained", hessian.map { Int($0) }.filter { !removed.contains($0) }))
      parameters = moved
    }
  }
}

extension UnlearnStage.Step {
  init(_ influence: GroupInfluence, size: Int) {
    self.init(
      change: influence.change, size: size, iterations: influence.iterations, products: influence.products,
      residual: influence.residual, hessianIndices: influence.curvatureImages.map { Int64($0) },
      selected: influence.selected?.map { Int64($0) }, groupLoss: influence.groupLoss,
      retainedLoss: influence.retainedLoss)
  }
}
