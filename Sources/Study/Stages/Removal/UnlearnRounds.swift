// Rounds of `unlearn`: one step taken again and again, the best round chosen on validation images (GIF's protocol).

import Artifacts
import Influence
import NeuralNet
import PipelineCore
import Tensor

/// What `unlearn` does where it is asked for rounds.
enum UnlearnRounds {
  static let rounds = Parameter(
    "rounds", .integer(1...10_000), default: 1,
    "with partition whole: how often the step is taken, each time from where the last one led")
  static let stepNorm = Parameter(
    "step_norm", .optional(.number(1e-12...1e6)), default: nil,
    "with partition whole: the L2 norm that each round's change is brought to (GIF: 0.03)")
  static let validation = InputDeclaration(
    "validation", accepts: ["load-images"], .optional,
    "with rounds: images held out by validation_images, on which the round with the best F1 is chosen")

  /// Rounds that are not asked for leave no trace in a key.
  static func unused(_ values: ParameterValues) -> Set<ParameterName> {
    var names: Set<ParameterName> = []
    if values[rounds] == 1 { names.insert(rounds.name) }
    if values[stepNorm] == nil { names.insert(stepNorm.name) }
    return names
  }

  static func check(_ values: ParameterValues) -> ParameterProblem? {
    if unused(values).count == 2 || values[GroupParts.partition] == .whole { return nil }
    let given: any DeclaredParameter = values[rounds] == 1 ? stepNorm : rounds
    return ParameterProblem(given, "'\(given.name)' needs partition whole: a round removes the whole group")
  }

  static func isAsked(_ task: StageTask) -> Bool {
    unused(task.parameters).count < 2 || task.optionalInput("validation") != nil
  }

  static func run(
    _ task: StageTask, _ context: some StageContext, net: Net, group: Group, _ images: ImageSet,
    _ pool: ThreadPool
  ) throws -> RepeatedUnlearning {
    if task.optionalInput("budget") != nil {
      throw StageFailure("input budget is for a single step, but rounds are asked for")
    }
    let values = task.parameters
    guard values[GroupParts.partition] == .whole else {
      throw StageFailure("input validation needs partition whole: a round removes the whole group")
    }
    let rounds = values[Self.rounds]
    let held = try task.optionalInput("validation").map { try validationImages($0, trainedOn: images) }
    let removed = Set(group.indices.map { images.labels[$0] })
    return try unlearnRepeatedly(
      net.network, parameters: net.parameters, data: images, trainingSet: Array(0..<images.count),
      group: group.indices, rounds: rounds,
      stepNorm: values[stepNorm],
      options: SolverParameters.options(values, weightDecay: net.weightDecay),
      spectrum: try task.loadSpectrum(parameters: net.parameters.count),
      stream: RandomStream(key: task.streamKey), memoryCeiling: try task.solverCeiling(net, steps: rounds),
      pool: pool,
      score: held.map { held in
        // A group of one label is told from the others; one of many has no others but the rest of its kind.
        let others = held.labels.indices.filter { removed.count > 1 || !removed.contains(held.labels[$0]) }
        return { parameters in
          func accuracy(_ images: ImageSet, _ indices: [Int]) throws -> Double {
            try evaluate(
              net.network, parameters: parameters, data: images, indices: indices, pool: pool
            ).accuracy
          }
          let (own, other) = (try accuracy(images, group.indices), try accuracy(held, others))
          return forgettingF1(group: own, others: other)
        }
      }
    ) { context.report($1, step: $0, of: rounds) }
  }

  /// The test split of an artifact that holds validation images there: training images that the net was not trained on.
  private static func validationImages(_ input: TaskInput, trainedOn images: ImageSet) throws -> ImageSet {
    let file = try ArtifactReader<ImagesArtifact>(input)
    guard try file.parameters(of: LoadImagesStage.declaration)[LoadImagesStage.validationImages] != nil else {
      throw StageFailure(
        "input validation holds test images: a round is never chosen on those; load them with validation_images"
      )
    }
    let trained = try file.read(\.train.labels)
    guard trained == images.labels else {
      throw StageFailure(
        "input validation must leave the same training images as input images, which has \(images.count), not \(trained.count)"
      )
    }
    return try file.read(\.test)
  }
}
