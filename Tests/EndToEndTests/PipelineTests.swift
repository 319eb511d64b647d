// The study's pipelines, each in small on real MNIST: they run as they stand, and their figures are right.
//
// Two suites, so that one pipeline's figures are checked, by one process, while another runs.

import Foundation
import Testing

@Suite(.serialized) struct WhyPipelineTests {
  /// Those of pipelines/why and pipelines/checks.
  static let all = [
    SmallPipeline(
      name: "scale-sweep", options: ["size=[40]", "scale=[1,2,10]"],
      words: ["test label loss", "test other loss", "40 retrain:"], spectra: ["spectrum"]),
    SmallPipeline(
      name: "curvature-images",
      options: ["size=[40]", "curvature_images=[50,200]", "compare_images=200"],
      words: ["1-step of 5000", "curvature images"]),
    SmallPipeline(
      name: "group-size", options: ["size=[20,40]", "random_size=[100,600]"],
      words: ["coherent", "random", "slope", "Spearman"], spectra: ["spectrum"]),
    SmallPipeline(
      name: "calibrate", options: ["size=[40]", "swept_damping=[0.05,0.2]", "pixels=28"],
      words: ["second-order: swept_damping", "three steps: swept_damping", "chosen"], spectra: ["spectrum"]),
    SmallPipeline(
      name: "calibrate-steps",
      options: ["size=[40]", "trial=1", "swept_damping=[0.2,0.5]", "extractor=pixels"],
      words: ["Noise floor", "held out", "1-step: swept_damping", "chosen"], spectra: ["trial-spectrum"]),
    SmallPipeline(
      name: "attack",
      options: [
        "size=[120]", "repeat=6", "attacked=2", "epochs=3", "trial_net=1", "trial=1", "extractor=pixels",
        "damping=0.2", "three_step_damping=0.2", "attack.least=2",
      ],
      words: ["auc", "tpr_at_1_percent", "untouched", "3-step matched", "harder to tell", "1-step matched"],
      spectra: ["spectrum", "trial-spectrum"]),
    SmallPipeline(
      name: "datamodeling", options: ["size=[200]", "repeat=4", "damping=0.2", "three_step_damping=0.2"],
      words: ["lds_of_a_seed", "newton", "1-step"], spectra: ["spectrum"]),
    SmallPipeline(
      name: "gaps",
      options: [
        "size=[40]", "damping=0.05", "three_step_damping=0.05", "proximity=0.0505", "series.series_terms=50",
      ],
      words: ["warm start", "proximal Bregman", "influence to 1e-6", "influence by LiSSA"],
      spectra: ["spectrum"]),
    SmallPipeline(
      name: "mechanism", options: ["size=[40]", "steps=[1,3]", "three_step_damping=1"],
      words: ["first order", "newton with retained gradient", "retrain-third"], spectra: ["spectrum"]),
  ]

  @Test(arguments: all) func runsInSmall(_ small: SmallPipeline) throws { try small.check() }
}

@Suite(.serialized) struct PipelineTests {
  /// Those of pipelines/study.
  static let all = [
    SmallPipeline(
      name: "coherent-label0",
      options: [
        "size=[120]", "control_size=[120]", "epochs=3", "trial_net=1", "trial=1", "damping=0.2",
        "three_step_damping=0.2", "pixels=28",
      ],
      words: [
        "3-step reversed", "self loss gap, in spreads", "Verdict, step length, 3-step against 1-step:",
        "Verdict, kl, 3-step against original:", "share of the change", "p equivalence",
        "vit features (28 px)",
      ], spectra: ["spectrum", "trial-spectrum"]),
    SmallPipeline(
      name: "random",
      options: [
        "size=[700,1200]", "images.train_images=1900", "epochs=3", "trial_net=1", "trial=2",
        "extractor=pixels", "damping=0.2", "three_step_damping=0.2",
      ],
      words: ["random groups", "1-step", "Verdict"], spectra: ["spectrum", "trial-spectrum"]),
    SmallPipeline(
      name: "schemes", options: ["size=[20,40]"],
      words: ["first-order koh", "newton", "second-order", "gif", "fif", "pif", "F1", "membership AUC"],
      spectra: ["spectrum"]),
    SmallPipeline(
      name: "schemes-calibrated", options: ["size=[20,40]"],
      words: ["first-order", "newton", "second-order", "gif", "fif", "pif", "calibrated settings"],
      spectra: ["spectrum"]),
    SmallPipeline(
      name: "steps",
      options: [
        "size=[120]", "epochs=3", "trial_net=1", "trial=1", "extractor=pixels", "damping=0.2",
        "three_step_damping=0.2",
      ],
      words: [
        "k-means parts", "p adjusted", "moderate only",
        "Verdict, step length, 3-step against parts shuffled:",
        "Verdict, test.loss, 3-step against random parts:",
      ], spectra: ["spectrum", "trial-spectrum"]),
    SmallPipeline(
      name: "steps-by-damping", options: ["size=[20,40]", "swept_damping=[0.05,0.2]", "extractor=pixels"],
      words: ["of 2 settings", "Verdict, step length, 3-step against parts shuffled:", "3-step shuffled"],
      spectra: ["spectrum"]),
    SmallPipeline(
      name: "extractors", options: ["size=[40]", "space=[cnn,gradient]", "curvature_images=[100,200]"],
      words: ["near moderate far", "cosine", "k-means", "whole", "shuffled", "share of the loss"],
      spectra: ["spectrum"]),
    SmallPipeline(
      name: "selection",
      options: ["size=[20]", "width=4", "ratio=[0.1,0.5]", "images.train_images=300", "repeat=1"],
      words: ["Top-k outputs", "Top-k gradients", "Threshold", "Random", "retrain"]),
    SmallPipeline(
      name: "whole-label",
      options: [
        "size=[20]", "width=4", "ratio=[0.1]", "images.train_images=300", "validation.train_images=300",
        "validation.validation_images=100", "rounds=2", "repeat=1",
      ],
      words: ["Top-k outputs", "repeated GIF", "F1"]),
    SmallPipeline(
      name: "fashion-removal",
      options: [
        "size=[120]", "epochs=3", "trial_net=1", "trial=1", "extractor=pixels", "damping=0.2",
        "three_step_damping=0.2",
      ],
      words: ["lenet, groups of label 6 of Fashion-MNIST", "matched forgetting", "Verdict"],
      spectra: ["spectrum", "trial-spectrum"]),
  ]

  @Test(arguments: all) func runsInSmall(_ small: SmallPipeline) throws { try small.check() }

  /// The stability of the parts, which trains no net.
  @Test func partsAreComparedByPixels() throws {
    let box = try Sandbox()
    let options = [
      "--set", "images.train_images=800", "--set", "images.test_images=10", "--set", "side=[14,28]",
    ]
    let run = try box.start(Sandbox.executable, ["run", "pixels"] + options).1()
    #expect(run.status == 0, "\(run.errors.suffix(2000))")
    for word in ["same part", "adjusted Rand", "label 0", "label 8"] { #expect(run.output.contains(word)) }
    try box.write(
      box.start(Sandbox.executable, ["table", "pixels", "--format", "json"] + options).1().output,
      to: "tables.json")
    let checker = Sandbox.root + "/Tests/EndToEndTests/Figures/check_figures.py"
    let check = try box.python([checker, box.folder + "/tables.json"] + box.artifacts())
    #expect(check.status == 0 && check.output.hasPrefix("2 figures"), "\(check.output)\(check.errors)")
  }

  /// Label 8 and the others differ in parameters alone, so that a plan is enough.
  @Test func plansAsTheyStand() throws {
    let box = try Sandbox()
    for name in ["coherent-label8"] + (Self.all + WhyPipelineTests.all).map(\.name) {
      #expect(try box.planned(name).count > 10, "\(name)")
    }
  }

  /// `scripts/results/tables.py` replaces the tables that are up to date and leaves the others.
  @Test func resultsPageIsWrittenFromTheCache() throws {
    let box = try Sandbox()
    let small = "--set size=[20] --set control_size=[20] --set images.train_images=1000 --set repeat=2"
    let options = "\(small) --set epochs=1 --set hessian_images=50 --cache \(box.cache)"
    let path = box.folder + "/pipelines/examples/tiny.yaml"
    let run = try box.start(
      Sandbox.executable, ["run", path, "verdict"] + options.split(separator: " ").map(String.init)
    ).1()
    #expect(run.status == 0, "\(run.errors)")
    func page(_ first: String) -> String {
      """
      # Title
      <!-- pipeline table \(path) verdict \(options) -->
      \(first)<!-- end -->
      Prose.
      <!-- pipeline table \(path) verdict --cache \(box.cache) --set size=[30] -->
      kept
      <!-- end -->

      """
    }
    try box.write(page("old\n"), to: "page.md")
    let script = try box.start(
      "/usr/bin/env",
      [
        "PIPELINE=\(Sandbox.executable)", "python3", Sandbox.root + "/scripts/results/tables.py",
        box.folder + "/page.md",
      ]
    ).1()
    #expect(script.status == 1 && script.errors.contains("left as it was"), "\(script.errors)")
    let text = try String(contentsOfFile: box.folder + "/page.md", encoding: .utf8)
    let table = try box.start(
      Sandbox.executable,
      ["table", path, "verdict"] + options.split(separator: " ").map(String.init) + ["--format", "markdown"]
    ).1().output
    let caption = table.replacing(#/^### (.*)/#) { "**\($0.1)**" }
    #expect(text == page("\n`pipeline table \(path) verdict \(options)`\n\n" + caption))
  }
}
