// The stage `picture`: one picture of other artifacts, as PNG and SVG, drawn by gnuplot.

import Foundation
import HDF5
import Influence
import PipelineCore
import Plot
import Programs
import Statistics

/// Draws a picture.
public enum PictureStage: Stage {
  /// What a picture shows; each needs some of the inputs.
  enum Kind: String, CaseIterable {
    case histogram
    case boxPlot = "box-plot"
    case probabilityPlot = "probability-plot"
    case clusterBands = "cluster-bands"
    case contactSheet = "contact-sheet"
    case influenceNorms = "influence-norms"
    case schemes
    case differences
    case effects

    var needs: [String] {
      switch self {
      case .histogram, .boxPlot, .probabilityPlot: ["normality"]
      case .clusterBands: ["neighbours", "cluster"]
      case .contactSheet: ["images", "neighbours"]
      case .influenceNorms: ["norms"]
      case .schemes: ["table"]
      case .differences: ["differences"]
      case .effects: ["effects"]
      }
    }
  }

  static let kind = Parameter(
    "kind", .choice(Kind.self),
    "what it shows; histogram, box-plot and probability-plot are of slot normality")
  static let title = Parameter(
    "title", .string, default: "", "what the data is, as the title's first half: Label 0, CNN features")
  static let count = Parameter(
    "count", .integer(1...500), default: 60, "contact-sheet: images of each of near and far")
  static let metric = Parameter(
    "metric", .string, default: "group.loss",
    "schemes: the figure, as a table's metrics name it; effects: group or test")

  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "picture", version: 4, summary: "draws a picture as PNG and SVG, by gnuplot",
    parameters: [kind, title, count, metric],
    inputs: [
      InputDeclaration("normality", accepts: ["normality"], .optional, "the sample and its tests"),
      InputDeclaration("neighbours", accepts: ["neighbours"], .optional, "the distances"),
      InputDeclaration("cluster", accepts: ["cluster"], .optional, "for cluster-bands"),
      InputDeclaration("images", accepts: ["load-images"], .optional, "for contact-sheet: the digits"),
      InputDeclaration("norms", accepts: ["influence-norms"], .optional, "for influence-norms"),
      InputDeclaration("table", accepts: ["table"], .optional, "for schemes"),
      InputDeclaration("differences", accepts: ["differences"], .optional, "for differences"),
      InputDeclaration("effects", accepts: ["correlation"], .optional, "for effects"),
    ],
    datasets: [
      LayoutDeclaration("/files/KIND.png", "u8 [bytes]", "the picture"),
      LayoutDeclaration("/files/KIND.svg", "u8 [bytes]", "the same as SVG"),
    ],
    attributes: [LayoutDeclaration("gnuplot", "string", "version of the gnuplot that drew it")],
    unused: { values, _ in
      var names: Set<ParameterName> = []
      if values[kind] != .contactSheet { names.insert(count.name) }
      if ![.schemes, .effects].contains(values[kind]) { names.insert(metric.name) }
      return names
    })

  /// Writes the picture.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let kind = task.parameters[Self.kind]
    for slot in kind.needs where task.optionalInput(slot) == nil {
      throw StageFailure(
        "a picture of kind \(kind.rawValue) needs input \(kind.needs.joined(separator: " and ")); \(slot) is not given"
      )
    }
    let drawing =
      switch kind {
      case .histogram, .boxPlot, .probabilityPlot: try distribution(task, kind)
      case .clusterBands: try bands(task)
      case .contactSheet: try sheet(task)
      case .influenceNorms: try norms(task)
      case .schemes:
        try ResultPictures.table(
          task.input("table"), metric: task.parameters[metric],
          title: task.parameters[title])
      case .differences:
        try ResultPictures.differences(task.input("differences"), title: task.parameters[title])
      case .effects:
        try ResultPictures.effects(
          task.input("effects"), metric: task.parameters[metric],
          title: task.parameters[title])
      }
    let files = try draw(drawing, in: task.scratch)
    var artifact = try ArtifactWriter(task)
    try artifact.write("/files/\(kind.rawValue).png", files.png)
    try artifact.write("/files/\(kind.rawValue).svg", files.svg)
    try artifact.attribute("gnuplot", .string(files.version))
    return try artifact.finish()
  }

  private static func quantity(_ metric: String) -> String {
    "\(metric.prefix(1).uppercased())\(metric.dropFirst()) distance in feature space"
  }

  private static func distribution(_ task: StageTask, _ kind: Kind) throws -> Drawing {
    let file = try FileReader(at: task.input("normality").path)
    func figure(_ path: String) throws -> Double { try file.readScalar(path) }
    let sample = DistanceSample(
      title: task.parameters[title], quantity: quantity(try file.string("metric")),
      values: try file.read("/distances", shape: [nil]), mean: try figure("/moments/mean"),
      deviation: try figure("/moments/deviation"))
    switch kind {
    case .boxPlot:
      return .boxPlot(
        sample,
        box: Drawing.Box(
          q1: try figure("/boxplot/q1"), median: try figure("/boxplot/median"), q3: try figure("/boxplot/q3"),
          whiskerLow: try figure("/boxplot/whisker_low"), whiskerHigh: try figure("/boxplot/whisker_high"),
          outliers: try file.read("/boxplot/outliers", shape: [nil])))
    case .probabilityPlot:
      return .probabilityPlot(
        sample, theoretical: try file.read("/probplot/theoretical", shape: [nil]),
        ordered: try file.read("/probplot/ordered", shape: [nil]), slope: try figure("/probplot/slope"),
        intercept: try figure("/probplot/intercept"), r: try figure("/probplot/r"))
    default:
      let omnibus = try figure("/normaltest/statistic")
      return .histogram(
        sample,
        moments: "skewness \(Plot.figure(try figure("/moments/skewness"), digits: 2))   "
          + "excess kurtosis \(Plot.figure(try figure("/moments/excess_kurtosis"), digits: 2))",
        tests: [
          "Shapiro-Wilk W = \(Plot.figure(try figure("/shapiro/statistic"))), "
            + pvalue(log: try figure("/shapiro/log_pvalue"))
        ]
          + (omnibus.isNaN
            ? []
            : [
              "D'Agostino-Pearson K² = \(Plot.figure(omnibus)), \(pvalue(log: try figure("/normaltest/log_pvalue")))"
            ])
      )
    }
  }

  private static func bands(_ task: StageTask) throws -> Drawing {
    let (distances, indices, metric) = try task.loadDistances()
    let file = try FileReader(at: task.input("cluster").path)
    let clustered: [Int64] = try file.read("/indices", shape: [nil])
    let assignment: [UInt8] = try file.read("/assignment", shape: [clustered.count])
    let fractions: [Double] = try file.read("/fractions", shape: [nil])
    let method = try file.string("method")
    let known = Dictionary(zip(indices, distances)) { first, _ in first }
    let own = clustered.compactMap { known[$0] }
    guard own.count == clustered.count else {
      throw StageFailure(
        "\(clustered.count - own.count) images of input cluster have no distance in input neighbours")
    }
    let bySigma = method == "sigma"
    let normal: [Double] = bySigma ? try file.read("/normal_fractions", shape: [fractions.count]) : []
    let sigmaNames = fractions.count == 3 ? ["near", "moderate", "far"] : []
    let sample = DistanceSample(
      title: task.parameters[title], quantity: quantity(metric), values: own,
      mean: try Moments.mean(own), deviation: try Moments.standardDeviation(own))
    return .bands(
      sample, assignment: assignment,
      shares: fractions.enumerated().map { place, fraction in
        BandShare(
          name: bySigma && !sigmaNames.isEmpty
            ? sigmaNames[place] : "\(bySigma ? "band" : "cluster") \(place)",
          fraction: fraction, normalFraction: bySigma ? normal[place] : nil)
      },
      thresholds: bySigma ? try file.read("/thresholds", shape: [fractions.count - 1]) : [],
      note: bySigma
        ? "bands end at the dashed lines, in standard deviations from the mean"
        : "\(method) clusters of the features (\(try file.string("metric")))")
  }

  private static func sheet(_ task: StageTask) throws -> Drawing {
    let images = try task.loadImages().train
    let (distances, indices, metric) = try task.loadDistances()
    let file = try FileReader(at: task.input("neighbours").path)
    let reference: Int64 = try file.readScalar("/reference")
    let order = try file.read("/order", as: Int64.self, shape: [indices.count]).map { Int($0) }
    let others = order.filter { indices[$0] != reference }
    let shown = min(task.parameters[count], others.count)
    func pixels(_ index: Int64) throws -> ArraySlice<UInt8> {
      guard index >= 0, index < images.count else {
        throw StageFailure("image \(index) is not among the \(images.count) images of input images")
      }
      return images.images[Int(index) * 784..<(Int(index) + 1) * 784]
    }
    func half(_ name: String, _ rows: [Int], first: [Int64]) throws -> Drawing.Sheet {
      let apart = rows.map { distances[$0] }
      return Drawing.Sheet(
        caption: (first.isEmpty ? "" : "the reference (framed) and the ") + "\(rows.count) \(name)",
        distances: (apart.min() ?? 0)...(apart.max() ?? 0),
        images: try (first + rows.map { indices[$0] }).map(pixels),
        startsWithReference: !first.isEmpty)
    }
    let title = task.parameters[Self.title]
    let centre = reference < 0 ? "their mean" : "image \(reference)"
    return .contactSheet(
      title: title.isEmpty ? "Nearest and farthest images" : "\(title): nearest and farthest images",
      subtitle: "n = \(Plot.count(indices.count))   \(quantity(metric)) to \(centre)",
      near: try half(
        "nearest", Array(others.prefix(reference < 0 ? shown : max(1, shown - 1))),
        first: reference < 0 ? [] : [reference]),
      far: try half("farthest", Array(others.suffix(shown).reversed()), first: []))
  }

  private static func norms(_ task: StageTask) throws -> Drawing {
    let file = try FileReader(at: task.input("norms").path)
    let distances: [Double] = try file.read("/distances", shape: [nil])
    let norms: [Double] = try file.read("/norms", shape: [distances.count])
    let sides: [UInt8] = try file.read("/side", shape: [distances.count])
    func correlation(_ path: String) throws -> IntervalFigure {
      IntervalFigure(
        value: try file.readScalar(path + "/coefficient"), lower: try file.readScalar(path + "/lower"),
        upper: try file.readScalar(path + "/upper"))
    }
    let measure = try file.string("solver") == "none" ? "gradient" : "influence H⁻¹g"
    let title = task.parameters[Self.title]
    let what = "norm of the \(measure) by distance"
    return .influence(
      title: title.isEmpty ? what : "\(title): \(what)", quantity: quantity(try file.string("metric")),
      measure: measure,
      points: distances.indices.map {
        Drawing.InfluencePoint(distance: distances[$0], norm: norms[$0], side: sides[$0])
      },
      medians: (try file.readScalar("/near/median"), try file.readScalar("/far/median")),
      correlations: [
        ("\(measure) norm:", try correlation("/norm/spearman")),
        (
          "distance between \(measure == "gradient" ? "gradients" : "influences"):",
          try correlation("/spearman")
        ),
      ])
  }

  /// Has gnuplot draw in an empty folder.
  private static func draw(_ drawing: Drawing, in folder: String) throws -> (
    png: [UInt8], svg: [UInt8], version: String
  ) {
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    func path(_ name: String) -> String { folder + "/" + name }
    try Data(drawing.pixels).write(to: URL(fileURLWithPath: path("pixels")))
    let script = drawing.script(
      png: path("picture.png"), svg: path("picture.svg"), version: path("version"), pixels: path("pixels"))
    try Data(script.utf8).write(to: URL(fileURLWithPath: path("script")))
    var environment = ["LANG": "C.UTF-8"]
    for name in ["PATH", "HOME"] { environment[name] = ProcessInfo.processInfo.environment[name] }
    // Without the settings of the user, so that the picture is the same for all.
    let gnuplot = Program(
      ["gnuplot", "--default-settings", path("script")], environment: .exactly(environment), directory: folder
    )
    do throws(StageFailure) {
      try gnuplot.runWell()
    } catch {
      guard error.kind == .unavailable else { throw error }
      throw StageFailure(
        "pictures are drawn by gnuplot, which is not on PATH; install it (apt-get install gnuplot-nox). "
          + "All other stages do without it.", kind: .unavailable)
    }
    func bytes(_ name: String) throws -> [UInt8] {
      guard let data = manager.contents(atPath: path(name)), !data.isEmpty else {
        throw StageFailure("gnuplot exited well but made no \(name); has it the terminals pngcairo and svg?")
      }
      return [UInt8](data)
    }
    let version = String(decoding: try bytes("version"), as: UTF8.self)
    return (try bytes("picture.png"), try bytes("picture.svg"), version.filter { !$0.isWhitespace })
  }
}
