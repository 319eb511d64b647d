// The stage `unlearn`: removes a group from a net, by a ready influence in one step or part by part in several.

import Artifacts
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
    name: "unlearn", version: 4,
    summary: "removes a group from a net: in one step by an influence, or part by part",
    parameters: [
      GroupParts.partition, GroupParts.order, GroupParts.count, factor, divisor, UnlearnRounds.rounds,
      UnlearnRounds.stepNorm,
    ] + SolverParameters.all,
    inputs: [
      InputDeclaration("images", accepts: ["load-images"], "the data set"),
      InputDeclaration("net", accepts: NetStages.trained, "the net, trained on all images"),
      InputDeclaration("group", accepts: ["group"], "the images to remove, with their parts"),
      InputDeclaration(
        "parts", accepts: ["parts"], .optional,
        "partition group, shuffled: parts to take instead of the group's own"),
      InputDeclaration(
        "influence", accepts: ["influence"], .optional,
        "the change to apply in one step; then only 'factor' and 'divisor' are used of the parameters"),
      SolverParameters.spectrum,
      InputDeclaration(
        "budget", accepts: ["unlearn"], .optional,
        "with partition whole and solver cg: the one step goes on to as many curvature products as this took"),
      UnlearnRounds.validation,
    ],
    datasets: UnlearnArtifact.datasets, attributes: UnlearnArtifact.attributes, isRandom: true,
    resources: SolverParameters.resources,
    unused: { values, slots in
      if slots.contains("influence") {
        return SolverParameters.names.union([
          GroupParts.partition.name, GroupParts.order.name, GroupParts.count.name, UnlearnRounds.rounds.name,
          UnlearnRounds.stepNorm.name, StageDeclaration.seed.name, StageDeclaration.purpose.name,
        ])
      }
      var names = SolverParameters.unused(values, slots).union([factor.name, divisor.name])
      if slots.contains("budget") { names.insert(SolverParameters.iterations.name) }
      return names.union(GroupParts.unused(values)).union(UnlearnRounds.unused(values))
    },
    check: { GroupParts.check($0) ?? UnlearnRounds.check($0) ?? SolverParameters.check($0) })

  /// Where the steps have led to.
  private struct Outcome {
    var steps: [UnlearnStep]
    /// The images of each step.
    var members: [[Int]]
    var parameters: [Float]
    var solve: Solve
    /// F1 after each round, if rounds were scored.
    var scores: [Double]?
    var comparison: CurvatureComparison?
  }

  /// Writes the net.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let images = try task.loadImages().train
    let net = try task.loadNet("net")
    let group = try task.loadDividedGroup()
    let retained = group.complement(in: images.count)
    guard !retained.isEmpty else { throw InfluenceError.nothingRetained }
    context.reportWholeLabels(group, images)
    let pool = ThreadPool(threads: task.threads)
    let outcome: Outcome
    if let input = task.optionalInput("influence") {
      outcome = try apply(input, task, to: net, group, images, pool)
    } else if UnlearnRounds.isAsked(task) {
      let result = try UnlearnRounds.run(task, context, net: net, group: group, images, pool)
      outcome = Outcome(
        steps: result.steps.map { UnlearnStep($0, size: group.indices.count) },
        members: result.steps.map { _ in group.indices }, parameters: result.parameters,
        solve: Solve(result.steps, task.parameters), scores: result.scores.isEmpty ? nil : result.scores)
    } else {
      outcome = try removeParts(task, context, from: net, group, images, pool)
    }
    // The history of a net that was not trained: how it does on what is retained, after the last step.
    let after = try evaluate(
      net.network, parameters: outcome.parameters, data: images, indices: retained, pool: pool)
    let rate = task.optionalInput("influence") == nil ? 1 : factor(task.parameters)
    var artifact = try ArtifactWriter<UnlearnArtifact>(task)
    try artifact.write(
      \.net, Net(network: net.network, parameters: outcome.parameters, weightDecay: net.weightDecay))
    try artifact.write(
      \.history, TrainingHistory(loss: [after.loss], accuracy: [after.accuracy], learningRate: [rate]))
    try artifact.write(\.steps, outcome.steps)
    try artifact.write(\.originalLoss, try originalLosses(outcome.members, net, images, pool))
    try artifact.write(\.roundF1, outcome.scores)
    try artifact.write(\.solve, outcome.solve)
    try artifact.write(\.comparison, outcome.comparison)
    return try artifact.finish()
  }

  /// The mean loss of each step's images at the net before the first step; NaN for a step without an image.
  private static func originalLosses(
    _ members: [[Int]], _ net: Net, _ images: ImageSet, _ pool: ThreadPool
  ) throws -> [Double] {
    try members.map { part in
      part.isEmpty
        ? .nan
        : try evaluate(net.network, parameters: net.parameters, data: images, indices: part, pool: pool).loss
    }
  }

  /// Removes the group part by part.
  private static func removeParts(
    _ task: StageTask, _ context: some StageContext, from net: Net, _ group: Group, _ images: ImageSet,
    _ pool: ThreadPool
  ) throws -> Outcome {
    let parts = try GroupParts(group, task, context).parts
    let ceiling = try task.solverCeiling(net, steps: parts.count)
    var options = SolverParameters.options(task.parameters, weightDecay: net.weightDecay)
    options.productBudget = try budget(task, parts: parts.count)
    let result = try unlearn(
      net.network, parameters: net.parameters, data: images, trainingSet: Array(0..<images.count),
      parts: parts, options: options, spectrum: try task.loadSpectrum(parameters: net.parameters.count),
      stream: RandomStream(key: task.streamKey), memoryCeiling: ceiling, pool: pool
    ) { context.report($1, step: $0, of: parts.count) }
    return Outcome(
      steps: zip(result.steps, parts).map { UnlearnStep($0, size: $1.count) }, members: parts,
      parameters: result.parameters, solve: Solve(result.steps, task.parameters))
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
    return try ArtifactReader<UnlearnArtifact>(input).read(\.solve.outcome.products)
  }

  /// Applies an influence in one step.
  private static func apply(
    _ input: TaskInput, _ task: StageTask, to net: Net, _ group: Group, _ images: ImageSet, _ pool: ThreadPool
  ) throws -> Outcome {
    if task.optionalInput("budget") != nil {
      throw StageFailure(
        "inputs influence and budget exclude each other: an influence's cost is spent already")
    }
    let file = try ArtifactReader<InfluenceArtifact>(input)
    try file.checkInputs(["net", "images", "group"], areThoseOf: task, slot: "influence")
    let factor = factor(task.parameters)
    let change = try file.read(\.influence).map { Float(Double($0) * factor) }
    let moved = zip(net.parameters, change).map { $0 + $1 }
    func effect(_ predicted: LossEffect<Double>, over indices: [Int]) throws -> LossEffect<Double> {
      if indices.isEmpty { return .none }
      func loss(_ parameters: [Float]) throws -> Double {
        try evaluate(net.network, parameters: parameters, data: images, indices: indices, pool: pool).loss
      }
      let (first, second) = (predicted.firstOrder, predicted.secondOrder)
      // The bend ½ΔᵀHΔ grows with the square of the factor.
      return LossEffect(
        firstOrder: factor * first, secondOrder: factor * first + factor * factor * (second - first),
        actual: try loss(moved) - loss(net.parameters))
    }
    let solve = try file.read(\.solve)
    let hessian = try file.read(\.hessianIndices)
    let removed = Set(group.indices)
    let step = UnlearnStep(
      change: change, size: group.indices.count, iterations: solve.outcome.iterations,
      products: solve.outcome.products, residual: solve.outcome.residual, hessianIndices: hessian,
      selected: try file.read(\.selected),
      groupLoss: try effect(try file.read(\.groupLoss), over: try file.read(\.groupIndices)),
      retainedLoss: try effect(
        try file.read(\.retainedLoss), over: hessian.filter { !removed.contains($0) }))
    return Outcome(
      steps: [step], members: [group.indices], parameters: moved, solve: solve,
      comparison: try SolveFacts(behind: input).comparison)
  }
}

extension UnlearnStep {
  init(_ influence: GroupInfluence, size: Int) {
    self.init(
      change: influence.change, size: size, iterations: influence.iterations, products: influence.products,
      residual: influence.residual, hessianIndices: influence.curvatureImages,
      selected: influence.selected, groupLoss: LossEffect(influence.groupLoss),
      retainedLoss: LossEffect(influence.retainedLoss))
  }
}
