// The artifact of the stage `unlearn`: a net without a group, with the steps that led to it.

/// One step of an unlearning.
package struct UnlearnStep: Sendable, Equatable {
  /// Of the parameters, in state_dict order.
  package var change: [Float]
  /// Images removed.
  package var size: Int
  package var iterations: Int
  package var products: Int
  /// True and relative.
  package var residual: Double
  /// The curvature images.
  package var hessianIndices: [Int]
  /// gif, fif, pif: the parameters that change.
  package var selected: [Int]?
  package var groupLoss: LossEffect<Double>
  package var retainedLoss: LossEffect<Double>

  package init(
    change: [Float], size: Int, iterations: Int, products: Int, residual: Double, hessianIndices: [Int],
    selected: [Int]?, groupLoss: LossEffect<Double>, retainedLoss: LossEffect<Double>
  ) {
    self.change = change
    self.size = size
    self.iterations = iterations
    self.products = products
    self.residual = residual
    self.hessianIndices = hessianIndices
    self.selected = selected
    self.groupLoss = groupLoss
    self.retainedLoss = retainedLoss
  }
}

/// The steps of an unlearning; k of them, in their order.
package struct StepFields: FieldGroup, Field {
  package let change = Grid<Float>("/steps/change", "k,p", "the change of each step, in state_dict order")
  package let size = List<Int>("/steps/size", "k", "images removed at each step")
  package let iterations = List<Int>("/steps/iterations", "k", "of the solver at each step")
  package let products = List<Int>("/steps/products", "k", "curvature products of each step")
  package let residual = List<Double>("/steps/residual", "k", "true relative residual of each step")
  package let hessianIndices = Lists(
    "/steps/hessian_indices", "k,h", "curvature images of each step; -1 where there were fewer")
  package let selected = Maybe(
    Lists("/steps/selected", "k,s", "gif, fif, pif: the parameters changed at each step; -1 for none"))
  package let groupLoss = LossEffectFields<List<Double>>("/steps/loss_change/group", over: "the step's part")
  package let retainedLoss = LossEffectFields<List<Double>>(
    "/steps/loss_change/retained", over: "the step's curvature images that stay")

  /// Writes steps of which there is at least one.
  package func write(_ steps: [UnlearnStep], to sink: inout ArtifactSink) throws {
    try sink.write(change, Block(steps.flatMap(\.change), steps.count, steps[0].change.count))
    try sink.write(size, steps.map(\.size))
    try sink.write(iterations, steps.map(\.iterations))
    try sink.write(products, steps.map(\.products))
    try sink.write(residual, steps.map(\.residual))
    try sink.write(hessianIndices, steps.map(\.hessianIndices))
    let selections = steps.map(\.selected)
    try sink.write(selected, selections.contains { $0 != nil } ? selections.map { $0 ?? [] } : nil)
    try sink.write(groupLoss, LossEffect(steps.map(\.groupLoss)))
    try sink.write(retainedLoss, LossEffect(steps.map(\.retainedLoss)))
  }

  package func read(from source: borrowing ArtifactSource) throws -> [UnlearnStep] {
    let changes = try source.read(change)
    let (sizes, iterations) = (try source.read(size), try source.read(iterations))
    let (products, residuals) = (try source.read(products), try source.read(residual))
    let images = try source.read(hessianIndices)
    let selections = try source.read(selected)
    let group = try source.read(groupLoss).single
    let retained = try source.read(retainedLoss).single
    let length = changes.shape[1]
    return sizes.indices.map { step in
      UnlearnStep(
        change: Array(changes.values[step * length..<(step + 1) * length]), size: sizes[step],
        iterations: iterations[step], products: products[step], residual: residuals[step],
        hessianIndices: images[step], selected: selections?[step], groupLoss: group[step],
        retainedLoss: retained[step])
    }
  }

  package init() {}
}

/// The layout of an unlearned net.
package struct UnlearnArtifact: ArtifactLayout {
  package let net = NetFields()
  package let history = HistoryFields()
  package let steps = StepFields()
  package let originalLoss = List<Double>(
    "/steps/original_loss", "k",
    "mean loss of the images of each step at the net before the first; NaN without one")
  package let roundF1 = Maybe(
    List<Double>(
      "/rounds/f1", "r",
      "with slot validation: F1 after each round that was tried; the best one's net is kept"))
  package let solve = SolveFields()
  package let comparison = ComparisonFields()

  package init() {}
}
