// Logistic regression fitted to its minimum: predicted removals against refits, in short form.

import Foundation
import HDF5
import Influence
import NeuralNet
import PipelineCore
import StageRuns
import Statistics
import Tensor
import Testing

/// The removal of a group by the stages, and what the fits of these tests make of the same images.
private struct StagedRemoval {
  let shop: Workshop
  let images: TaskInput
  let group: TaskInput
  let base: TaskInput
  let refit: TaskInput
  /// The images of the group.
  let members: [Int]
  /// The parameters that `base` should have.
  let theta: [Double]
  /// The parameters that `refit` should have.
  let expected: [Double]

  init() throws {
    shop = try Workshop()
    images = try shop.images()
    group = try shop.run("group", ["size": .integer(24)], ["images": [images]])
    let decay: [String: Value] = ["weight_decay": .number(LogisticTests.lambda), "tolerance": .number(1e-10)]
    base = try shop.run("logistic", decay, ["images": [images]])
    refit = try shop.run("logistic", decay, ["images": [images], "group": [group], "start": [base]])
    let removed = try FileReader(at: group.path).read("/indices", as: Int64.self).map { Int($0) }
    members = removed
    theta = try LogisticTests.base.get()
    expected = try LogisticTests.fit(LogisticTests.all.filter { !removed.contains($0) })
  }

  /// What `logistic-effect` takes for an influence of the group and a net retrained without it.
  func effectInputs(_ influence: TaskInput, retrained: TaskInput) -> [String: [TaskInput]] {
    [
      "images": [images], "net": [base], "group": [group], "influence": [influence],
      "retrained": [retrained],
    ]
  }
}

@Suite struct LogisticTests {
  static let data = try! ImageSet(images: Workshop.images.pixels, labels: Workshop.images.labels)
  static let lambda = 0.0625
  static let all = Array(0..<240)

  static func fit(_ indices: [Int], tolerance: Double = 1e-10) throws -> [Double] {
    try SoftmaxRegression.fit(
      data: data, indices: indices, weightDecay: lambda, tolerance: tolerance, pool: ThreadPool(threads: 2)
    ).parameters
  }

  static let model = SoftmaxModel(data: data, pool: ThreadPool(threads: 2))
  static let base = Result { try fit(all) }

  static func change(_ scheme: InfluenceScheme, without group: [Int]) throws -> [Double] {
    var options = InfluenceOptions()
    options.scheme = scheme
    options.damping = 0
    options.weightDecay = Float(lambda)
    options.hessianImages = 240
    options.tolerance = 1e-12
    options.maxIterations = 10_000
    let result = try influence(
      model, parameters: base.get(), trainingSet: all, group: group, options: options,
      stream: RandomStream(key: 1))
    #expect(result.influence.converged)
    #expect(try #require(result.influence.gradientNorm) < 1e-9)
    return result.change
  }

  static func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  @Test func oneImageLeftOutIsPredicted() throws {
    let theta = try Self.base.get()
    let others = Array(stride(from: 1, to: 240, by: 7))
    var (own, elsewhere) = ([(Double, Double)](), [(Double, Double)]())
    for image in stride(from: 0, to: 240, by: 8) {
      let refit = try Self.fit(Self.all.filter { $0 != image })
      let change = try Self.change(.firstOrder, without: [image])
      func effect(_ images: [Int]) throws -> (Double, Double) {
        let before = try Self.model.lossSum(at: theta, over: images)
        return (
          dot(try Self.model.gradientSum(at: theta, over: images), change),
          try Self.model.lossSum(at: refit, over: images) - before
        )
      }
      own.append(try effect([image]))
      elsewhere.append(try effect(others))
    }
    for effects in [own, elsewhere] {
      #expect(try Correlation.pearson(effects.map(\.0), effects.map(\.1)).coefficient >= 0.99)
    }
  }

  /// Each scheme is nearer to the refit than the one before, and none is there already.
  @Test(arguments: [6, 24, 96]) func schemesComeCloser(size: Int) throws {
    var stream = RandomStream(key: UInt64(size))
    let group = stream.sample(size, of: 240).sorted()
    let theta = try Self.base.get()
    let refit = try Self.fit(Self.all.filter { !group.contains($0) })
    let errors = try [InfluenceScheme.firstOrder, .secondOrder, .newton].map { scheme in
      let change = try Self.change(scheme, without: group)
      return Self.distance(zip(theta, change).map { $0 + $1 }, refit) / Self.distance(theta, refit)
    }
    #expect(errors[1] < 0.5 * errors[0] && errors[2] < errors[1], "\(errors)")
    #expect(errors[2] > 1e-9, "the refit is no quadratic's")
  }

  /// Checks that the stages' fits, with and without the group, are at their minima and those made here.
  private func expectSameFits(_ removal: StagedRemoval) throws {
    for (made, parameters) in [(removal.base, removal.theta), (removal.refit, removal.expected)] {
      let file = try FileReader(at: made.path)
      #expect(try file.real("gradient_norm") < 1e-10)
      let stored = try Network.named("softmax").parameterLayouts.flatMap { layout in
        try file.read("/parameters/\(layout.name)", as: Double.self, shape: layout.shape)
      }
      #expect(Self.distance(stored, parameters) < 1e-8)
    }
  }

  /// Checks a scheme's influence and its effects, of gradients and of losses, against those made here; returns
  /// its effect of gradients.
  private func expectSameEffect(of scheme: String, _ removal: StagedRemoval) throws -> TaskInput {
    let influence = try removal.shop.run(
      "logistic-influence", ["scheme": .string(scheme), "tolerance": .number(1e-12)],
      ["images": [removal.images], "net": [removal.base], "group": [removal.group]])
    let change = try Self.change(try #require(InfluenceScheme(rawValue: scheme)), without: removal.members)
    let made: [Double] = try FileReader(at: influence.path).read("/influence")
    #expect(Self.distance(made, change) < 1e-8)
    let effect = try removal.shop.run(
      "logistic-effect", [:], removal.effectInputs(influence, retrained: removal.refit),
      axes: [AxisValue("scheme", .string(scheme))])
    let file = try FileReader(at: effect.path)
    let moved = zip(removal.theta, change).map { $0 + $1 }
    let error = Self.distance(moved, removal.expected) / Self.distance(removal.theta, removal.expected)
    #expect(abs(try file.readScalar("/error", as: Double.self) - error) < 1e-6)
    let before = try Self.model.lossSum(at: removal.theta, over: removal.members)
    let actual = (try Self.model.lossSum(at: removal.expected, over: removal.members) - before) / 24
    #expect(abs(try file.readScalar("/effects/group/actual", as: Double.self) - actual) < 1e-9)
    let linear = try file.readScalar("/effects/group/predicted", as: Double.self)
    let slope = dot(try Self.model.gradientSum(at: removal.theta, over: removal.members), change)
    #expect(abs(linear - slope / 24) < 1e-9)
    let other = try removal.shop.run(
      "logistic-effect", ["prediction": .string("loss"), "group_loss": .string("total")],
      removal.effectInputs(influence, retrained: removal.refit))
    let total = try Self.model.lossSum(at: moved, over: removal.members) - before
    let otherFile = try FileReader(at: other.path)
    #expect(abs(try otherFile.readScalar("/effects/group/predicted", as: Double.self) - total) < 1e-8)
    #expect(abs(try otherFile.readScalar("/effects/group/actual", as: Double.self) - 24 * actual) < 1e-8)
    return effect
  }

  /// Checks the comparison of the schemes' effects, and that it names the schemes if the baseline is none of them.
  private func expectSameErrors(of effects: [TaskInput], _ removal: StagedRemoval) throws {
    let errors = try removal.shop.run("logistic-errors", [:], ["rows": effects])
    let file = try FileReader(at: errors.path)
    #expect(try file.readStrings("/schemes") == ["first-order", "second-order", "newton"])
    #expect(try file.read("/share", as: Double.self) == [0.1])
    let ratios: [Double] = try file.read("/ratio", shape: [1, 3])
    #expect(ratios[0] == 1 && ratios[1] < 0.5 && ratios[2] < ratios[1])
    let labels = (0..<10).map { label in Double(removal.members.count { $0 % 10 == label }) / 24 }
    #expect(try file.read("/label_share", as: Double.self) == [labels.max()])
    let first = try Self.change(.firstOrder, without: removal.members)
    let second = try Self.change(.secondOrder, without: removal.members)
    let expansion = Self.distance(first, second) / dot(first, first).squareRoot()
    #expect(abs(try file.read("/expansion", as: Double.self)[0] - expansion) < 1e-5)
    #expect(
      failure {
        _ = try removal.shop.run("logistic-errors", ["baseline": .string("none")], ["rows": effects])
      }
        == "no row has the baseline 'none'; the schemes are first-order, second-order, newton")
  }

  /// Checks that an effect refuses a retrained net of another weight decay.
  private func expectOtherDecayIsRefused(_ removal: StagedRemoval) throws {
    let other = try removal.shop.run(
      "logistic", ["weight_decay": .number(0.5)], ["images": [removal.images], "group": [removal.group]])
    let influence = try removal.shop.run(
      "logistic-influence", [:],
      ["images": [removal.images], "net": [removal.base], "group": [removal.group]])
    #expect(
      failure {
        _ = try removal.shop.run(
          "logistic-effect", [:], removal.effectInputs(influence, retrained: other))
      } == "net and retrained have different weight decays, 0.0625 and 0.5")
  }

  @Test func stagesGiveTheSame() throws {
    let removal = try StagedRemoval()
    try expectSameFits(removal)
    var effects: [TaskInput] = []
    for scheme in ["first-order", "second-order", "newton"] {
      effects.append(try expectSameEffect(of: scheme, removal))
    }
    try expectSameErrors(of: effects, removal)
    // A fit with another regulariser is no retraining of this one.
    try expectOtherDecayIsRefused(removal)
  }
}
