// A small run of each stage type, with the choices that change what it does: for its layout and for its results.

import PipelineCore
import Stages

/// Small runs, each with what it takes from those before.
package struct EachStage {
  /// The artifacts by stage type, in the order of their runs.
  package private(set) var made: [String: [TaskInput]] = [:]
  /// The artifacts of runs on colour images, by stage type: those of some stages only.
  package private(set) var inColour: [String: [TaskInput]] = [:]
  private let shop: Workshop
  static let training: [String: Value] = ["epochs": .integer(1), "batch_size": .integer(20)]
  static let solver: [String: Value] = ["hessian_images": .integer(40), "damping": .number(0.1)]

  /// Runs all of them. Between them they have every dataset and attribute that a stage declares.
  package init(_ shop: Workshop) throws {
    self.shop = shop
    try shop.writeIDX()
    let images = try run("load-images", ["folder": .string(shop.folder)])
    let net = try run("train", Self.training, ["images": images])
    let (neighbours, cluster) = try runFeatures(images, net)
    let group = try run(
      "group", ["size": .integer(4), "label": .integer(3)], ["images": images, "cluster": cluster])
    try runGroups(images, neighbours, cluster)
    let retrained = try run("retrain", Self.training, ["images": images, "group": group])
    let influence = try runInfluences(images, net, group)
    let unlearned = try run(
      "unlearn", Self.solver, ["images": images, "net": net, "group": group, "influence": influence])
    try runUnlearning(images, net, group)
    try runParts(images, net, group, cluster)
    try runMatching(images, net, group, unlearned, retrained)
    try run("import-net", ["file": .string(net.path)])
    try run("import-net", ["file": .string(net.path)], ["net": net, "images": images])
    try runRounds(net)
    try runEvaluations(images, net, group, unlearned, retrained)
    try runMargins(images, net, unlearned, retrained)
    try runEffects(images, net)
    try runLogistic(images, group)
    let norms = try run("influence-norms", [:], ["images": images, "net": net, "neighbours": neighbours])
    try run(
      "influence-norms", ["images": "all"], ["images": images, "net": net, "neighbours": neighbours])
    try run(
      "influence-norms", ["solver": "cg", "hessian_images": .integer(10), "iterations": .integer(3)],
      ["images": images, "net": net, "neighbours": neighbours])
    _ = try run("picture", ["kind": "histogram"], ["normality": made["normality"]![0]])
    _ = try run(
      "command",
      [
        "argv": .list(["sh", "-c", "echo '{\"a\": 1}' > a.json"]), "outputs": .list(["a.json"]),
        "metrics": .string("a.json"),
      ],
      ["norms": norms])
    inColour = try ColourRuns(shop).made
  }

  @discardableResult
  private mutating func run(
    _ type: String, _ parameters: [String: Value] = [:], _ inputs: [String: TaskInput] = [:],
    several: [String: [TaskInput]] = [:], axis: AxisValue = AxisValue("size", .integer(4))
  ) throws -> TaskInput {
    let artifact = try shop.run(
      type, parameters, inputs.mapValues { [$0] }.merging(several) { $1 }, gathers: Set(several.keys),
      axes: [axis])
    made[type, default: []].append(artifact)
    return artifact
  }

  private static func labelled(_ input: TaskInput, _ label: String) -> TaskInput {
    var input = input
    input.label = label
    return input
  }

  private mutating func runFeatures(
    _ images: TaskInput, _ net: TaskInput
  ) throws -> (neighbours: TaskInput, cluster: TaskInput) {
    let features = try run("features", [:], ["images": images, "net": net])
    try run("features", ["extractor": "gradient", "label": .integer(2)], ["images": images, "net": net])
    try run("features", ["extractor": "pixels", "count": .integer(30)], ["images": images])
    let neighbours = try run("neighbours", ["k": .integer(20)], ["features": features])
    try run("neighbours", ["reference": "medoid", "metric": "cosine"], ["features": features])
    try run("neighbours", ["reference": "image", "image": .integer(5)], ["features": features])
    try run("neighbours", ["reference": "label-mean"], ["features": features, "images": images])
    try run("normality", [:], ["neighbours": neighbours])
    let cluster = try run("cluster", [:], ["neighbours": neighbours])
    let means = try run("cluster", ["method": "k-means"], ["features": features])
    try run("cluster", ["method": "k-means", "metric": "cosine"], ["features": features])
    try run(
      "cluster", ["method": "agglomerative", "subset": .integer(60)],
      ["features": features, "neighbours": neighbours])
    try run("agreement", [:], several: ["clusters": [cluster, means]])
    return (neighbours, cluster)
  }

  private mutating func runGroups(
    _ images: TaskInput, _ neighbours: TaskInput, _ cluster: TaskInput
  ) throws {
    for kind in ["nearest", "moderate", "farthest", "window"] as [Value] {
      try run(
        "group", ["size": .integer(6), "kind": kind], ["images": images, "neighbours": neighbours])
    }
    try run(
      "group", ["size": .integer(6), "kind": "cluster", "number": .integer(1)],
      ["images": images, "cluster": cluster])
  }

  private mutating func runInfluences(
    _ images: TaskInput, _ net: TaskInput, _ group: TaskInput
  ) throws -> TaskInput {
    let inputs = ["images": images, "net": net, "group": group]
    func changed(_ changes: [String: Value]) -> [String: Value] { Self.solver.merging(changes) { $1 } }
    let influence = try run("influence", changed(["compare_images": .integer(60)]), inputs)
    let spectrum = try run(
      "spectrum", ["hessian_images": .integer(40), "pairs": .integer(5)], ["images": images, "net": net])
    try run("influence", Self.solver, inputs.merging(["spectrum": spectrum]) { $1 })
    for changes in [
      ["scheme": "second-order"], ["scheme": "newton", "gradient": "retained"], ["scheme": "gif"],
      ["scheme": "fif"], ["scheme": "pif"], ["curvature": "hessian", "damping": .number(5)], ["scale": "koh"],
      ["solver": "neumann", "series_terms": .integer(3)], ["solver": "lissa", "series_terms": .integer(3)],
    ] as [[String: Value]] { try run("influence", changed(changes), inputs) }
    return influence
  }

  private mutating func runUnlearning(
    _ images: TaskInput, _ net: TaskInput, _ group: TaskInput
  ) throws {
    let inputs = ["images": images, "net": net, "group": group]
    for changes in [
      ["scheme": "gif"], ["scheme": "pif"], ["partition": "shuffled"],
      ["partition": "random", "parts": .integer(2)],
    ] as [[String: Value]] { try run("unlearn", Self.solver.merging(changes) { $1 }, inputs) }
  }

  /// Parts of their own, and what each carries.
  private mutating func runParts(
    _ images: TaskInput, _ net: TaskInput, _ group: TaskInput, _ cluster: TaskInput
  ) throws {
    let parts = try run("parts", [:], ["group": group, "cluster": cluster])
    let removed = try run(
      "unlearn", Self.solver, ["images": images, "net": net, "group": group, "parts": parts])
    try run("part-shares", [:], several: ["rows": [removed]])
  }

  /// Retraining from another start, and a removal that forgets as much as retraining.
  private mutating func runMatching(
    _ images: TaskInput, _ net: TaskInput, _ group: TaskInput, _ unlearned: TaskInput, _ retrained: TaskInput
  ) throws {
    for start in ["common", "warm"] as [Value] {
      try run(
        "retrain", Self.training.merging(["start": start]) { $1 },
        ["images": images, "group": group, "net": net])
    }
    try run(
      "retrain",
      Self.training.merging(["start": "warm", "objective": "bregman", "proximity": .number(0.1)]) { $1 },
      ["images": images, "group": group, "net": net])
    let curve = try run(
      "forgetting", [:], ["images": images, "net": net, "group": group, "unlearned": unlearned],
      several: ["reference": [retrained]])
    let factor = try run("match", [:], several: ["rows": [curve]])
    try run("factors", [:], several: ["rows": [factor]])
    let matched = try run("rescale", [:], ["net": net, "unlearned": unlearned, "factor": factor])
    try run("evaluate", [:], ["images": images, "net": matched, "group": group])
  }

  /// Rounds chosen by images that were held out.
  private mutating func runRounds(_ net: TaskInput) throws {
    let folder: Value = .string(shop.folder)
    let held = try run("load-images", ["folder": folder, "validation_images": .integer(40)])
    let kept = try run("load-images", ["folder": folder, "train_images": .integer(200)])
    let group = try run("group", ["size": .integer(4), "label": .integer(3)], ["images": kept])
    try run(
      "unlearn", Self.solver.merging(["partition": "whole", "rounds": .integer(2)]) { $1 },
      ["images": kept, "net": net, "validation": held, "group": group])
  }

  private mutating func runEvaluations(
    _ images: TaskInput, _ net: TaskInput, _ group: TaskInput, _ unlearned: TaskInput, _ retrained: TaskInput
  ) throws {
    let evaluation = try run(
      "evaluate", ["label": .integer(3)], ["images": images, "net": unlearned, "group": group])
    try run(
      "evaluate", ["label": .integer(3), "relearn_limit": .integer(20), "relearn_batch": .integer(2)],
      ["images": images, "net": unlearned, "group": group, "reference": retrained, "original": net])
    try run("table", [:], ["rows": evaluation])
    let rows = ["retrain", "a", "b"].map { Self.labelled(evaluation, $0) }
    // Three nets with losses of their own, in the places of retrained nets and of schemes.
    let others = try [retrained, net].map {
      try run("evaluate", ["label": .integer(3)], ["images": images, "net": $0, "group": group])
    }
    let more = zip(
      ["retrain", "again", "third", "original", "a", "b"],
      [others[0], others[1], evaluation, others[1], evaluation, others[0]]
    ).map { Self.labelled($1, $0) }
    let controls: [String: Value] = [
      "scheme": "a", "again": .list(["again"]), "control": "third", "untouched": "original",
      "pooling": "spread",
    ]
    try run("differences", controls, several: ["rows": more])
    try run(
      "differences",
      controls.merging([
        "endpoint": "matched", "figures": .list(["retained.loss", "test.loss"]), "pooling": "log-ratio",
      ]) { $1 }, several: ["rows": more])
    try run(
      "calibration",
      [
        "settings": .list(["size"]), "again": .list(["again"]), "control": "third",
        "splits": .list(["group"]),
      ], several: ["rows": more])
    try run("calibration", ["settings": .list(["size"])], several: ["rows": rows])
  }

  /// What goes image by image: an attack on one group with what others tell, and ranks of effects.
  private mutating func runMargins(
    _ images: TaskInput, _ net: TaskInput, _ unlearned: TaskInput, _ retrained: TaskInput
  ) throws {
    let groups = try (5...7).map {
      try shop.run("group", ["size": .integer(240 - $0)], ["images": [images]], streamKey: UInt64($0))
    }
    let nets = [net, unlearned, retrained]
    let marked = try zip(nets, groups).map {
      try run("margins", [:], ["images": images, "net": $0, "group": $1])
    }
    let control = try run("margins", [:], ["images": images, "net": net, "group": groups[0]])
    try run(
      "attack", ["least": .integer(2)], ["target": marked[0], "control": control],
      several: ["unlearned": marked, "retrained": marked.reversed()])
    let onTest: [String: Value] = ["split": "test"]
    let effects = try (0..<4).map { place in
      try run(
        "margins", onTest, ["images": images, "net": nets[place % 3]],
        axis: AxisValue("repeat", .integer(place)))
    }
    try run(
      "datamodeling", [:], ["before": effects[0]],
      several: ["predicted": effects, "actual": effects.reversed()])
  }

  private mutating func runEffects(_ images: TaskInput, _ net: TaskInput) throws {
    for size in 5...7 {
      let group = try shop.run("group", ["size": .integer(size)], ["images": [images]])
      let twin = try shop.run("retrain", Self.training, ["images": [images], "group": [group]])
      let change = try shop.run(
        "influence", Self.solver.merging(["compare_images": .integer(60)]) { $1 },
        ["images": [images], "net": [net], "group": [group]])
      try run(
        "effect", [:],
        ["images": images, "net": net, "group": group, "influence": change, "retrained": twin],
        axis: AxisValue("size", .integer(size)))
    }
    try run("correlation", [:], several: ["rows": made["effect"] ?? []])
  }

  private mutating func runLogistic(_ images: TaskInput, _ group: TaskInput) throws {
    let decay: [String: Value] = ["weight_decay": .number(0.1)]
    let fit = try run("logistic", decay, ["images": images])
    let refit = try run("logistic", decay, ["images": images, "group": group, "start": fit])
    var effects: [TaskInput] = []
    for scheme in ["first-order", "second-order", "newton"] {
      let change = try run(
        "logistic-influence", ["scheme": .string(scheme)], ["images": images, "net": fit, "group": group])
      let effect = try run(
        "logistic-effect", [:],
        ["images": images, "net": fit, "group": group, "influence": change, "retrained": refit],
        axis: AxisValue("scheme", .string(scheme)))
      effects.append(Self.labelled(effect, "coherent"))
    }
    try run("logistic-errors", [:], several: ["rows": effects])
  }
}

extension Value: ExpressibleByStringLiteral {
  /// Text, as it stands bare in a pipeline file.
  public init(stringLiteral text: String) { self = .string(text) }
}
