// The stage `picture`: one picture of other artifacts, as PNG and SVG, drawn by gnuplot.

import Artifacts
import FoundationEssentials
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
    name: "picture", version: 5, summary: "draws a picture as PNG and SVG, by gnuplot",
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
    datasets: PictureArtifact.datasets, attributes: PictureArtifact.attributes,
    unused: { values, _ in
      var names: Set<ParameterName> = []
      if values[kind] != .contactSheet { names.insert(count.name) }
      if ![.schemes, .effects].contains(values[kind]) { names.insert(metric.name) }
      return names
    })

  /// Writes the picture.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let kind = task.parameters[Self.kind]
    let drawing = try drawing(task)
    let files = try Gnuplot.draw(drawing, in: task.scratch)
    var artifact = try ArtifactWriter<PictureArtifact>(task)
    try artifact.write(
      \.files,
      [
        KeptFile(path: kind.rawValue + ".png", bytes: files.png),
        KeptFile(path: kind.rawValue + ".svg", bytes: files.svg),
      ])
    try artifact.write(\.gnuplot, files.version)
    return try artifact.finish()
  }

  /// What a picture's node draws.
  static func drawing(_ task: StageTask) throws -> Drawing {
    let kind = task.parameters[Self.kind]
    for slot in kind.needs where task.optionalInput(slot) == nil {
      throw StageFailure(
        "a picture of kind \(kind.rawValue) needs input \(kind.needs.joined(separator: " and ")); \(slot) is not given"
      )
    }
    switch kind {
    case .histogram, .boxPlot, .probabilityPlot: return try distribution(task, kind)
    case .clusterBands: return try bands(task)
    case .contactSheet: return try sheet(task)
    case .influenceNorms: return try norms(task)
    case .schemes:
      return try ResultPictures.table(
        task.input("table"), metric: task.parameters[metric],
        title: task.parameters[title])
    case .differences:
      return try ResultPictures.differences(task.input("differences"), title: task.parameters[title])
    case .effects:
      return try ResultPictures.effects(
        task.input("effects"), metric: task.parameters[metric],
        title: task.parameters[title])
    }
  }

  private static func quantity(_ metric: String) -> String {
    "\(metric.prefix(1).uppercased())\(metric.dropFirst()) distance in feature space"
  }

  private static func distribution(_ task: StageTask, _ kind: Kind) throws -> Drawing {
    let file = try ArtifactReader<NormalityArtifact>(task.input("normality"))
    let sample = DistanceSample(
      title: task.parameters[title], quantity: quantity(try file.read(\.metric)),
      values: try file.read(\.distances), mean: try file.read(\.moments.mean),
      deviation: try file.read(\.moments.deviation))
    switch kind {
    case .boxPlot:
      return .boxPlot(
        sample,
        box: Drawing.Box(
          q1: try file.read(\.box.q1), median: try file.read(\.box.median), q3: try file.read(\.box.q3),
          whiskerLow: try file.read(\.box.whiskerLow), whiskerHigh: try file.read(\.box.whiskerHigh),
          outliers: try file.read(\.box.outliers)))
    case .probabilityPlot:
      return .probabilityPlot(
        sample, theoretical: try file.read(\.plot.theoretical), ordered: try file.read(\.plot.ordered),
        slope: try file.read(\.plot.slope), intercept: try file.read(\.plot.intercept),
        r: try file.read(\.plot.r))
    default:
      var tests = [
        "Shapiro-Wilk W = \(Plot.figure(try file.read(\.shapiro.statistic))), "
          + pvalue(log: try file.read(\.shapiro.logPvalue))
      ]
      let omnibus = try file.read(\.omnibus.statistic)
      if !omnibus.isNaN {
        tests.append(
          "D'Agostino-Pearson K² = \(Plot.figure(omnibus)), "
            + pvalue(log: try file.read(\.omnibus.logPvalue)))
      }
      return .histogram(
        sample,
        moments: "skewness \(Plot.figure(try file.read(\.moments.skewness), digits: 2))   "
          + "excess kurtosis \(Plot.figure(try file.read(\.moments.excessKurtosis), digits: 2))",
        tests: tests)
    }
  }

  private static func bands(_ task: StageTask) throws -> Drawing {
    let distances = try task.loadDistances()
    let file = try ArtifactReader<ClusterArtifact>(task.input("cluster"))
    let clustered = try file.read(\.indices)
    let fractions = try file.read(\.fractions)
    let method = try file.read(\.method)
    let known = Dictionary(zip(distances.indices, distances.distances)) { first, _ in first }
    let own = clustered.compactMap { known[$0] }
    guard own.count == clustered.count else {
      throw StageFailure(
        "\(clustered.count - own.count) images of input cluster have no distance in input neighbours")
    }
    let bySigma = method == "sigma"
    let normal = try file.read(\.normalFractions) ?? []
    let sigmaNames = fractions.count == 3 ? ["near", "moderate", "far"] : []
    let sample = DistanceSample(
      title: task.parameters[title], quantity: quantity(distances.metric), values: own,
      mean: try Moments.mean(own), deviation: try Moments.standardDeviation(own))
    return .bands(
      sample, assignment: try file.read(\.assignment),
      shares: fractions.enumerated().map { place, fraction in
        BandShare(
          name: bySigma && !sigmaNames.isEmpty
            ? sigmaNames[place] : "\(bySigma ? "band" : "cluster") \(place)",
          fraction: fraction, normalFraction: bySigma ? normal[place] : nil)
      },
      thresholds: try file.read(\.thresholds) ?? [],
      note: bySigma
        ? "bands end at the dashed lines, in standard deviations from the mean"
        : "\(method) clusters of the features (\(try file.read(\.metric)))")
  }

  private static func sheet(_ task: StageTask) throws -> Drawing {
    let images = try task.loadImages().train
    let distances = try task.loadDistances()
    let indices = distances.indices
    let file = try ArtifactReader<NeighboursArtifact>(task.input("neighbours"))
    let reference = try file.read(\.reference)
    let others = try file.read(\.order).filter { indices[$0] != reference }
    let shown = min(task.parameters[count], others.count)
    let size = images.channels * images.height * images.width
    func pixels(_ index: Int) throws -> ArraySlice<UInt8> {
      guard index >= 0, index < images.count else {
        throw StageFailure("image \(index) is not among the \(images.count) images of input images")
      }
      return images.images[index * size..<(index + 1) * size]
    }
    func half(_ name: String, _ rows: [Int], first: [Int]) throws -> Drawing.Sheet {
      let apart = rows.map { distances.distances[$0] }
      return Drawing.Sheet(
        caption: (first.isEmpty ? "" : "the reference (framed) and the ") + "\(rows.count) \(name)",
        distances: (apart.min() ?? 0)...(apart.max() ?? 0),
        images: try (first + rows.map { indices[$0] }).map(pixels),
        startsWithReference: !first.isEmpty,
        shape: (channels: images.channels, height: images.height, width: images.width))
    }
    let title = task.parameters[Self.title]
    let centre = reference < 0 ? "their mean" : "image \(reference)"
    return .contactSheet(
      title: title.isEmpty ? "Nearest and farthest images" : "\(title): nearest and farthest images",
      subtitle: "n = \(Plot.count(indices.count))   \(quantity(distances.metric)) to \(centre)",
      near: try half(
        "nearest", Array(others.prefix(reference < 0 ? shown : max(1, shown - 1))),
        first: reference < 0 ? [] : [reference]),
      far: try half("farthest", Array(others.suffix(shown).reversed()), first: []))
  }

  private static func norms(_ task: StageTask) throws -> Drawing {
    let file = try ArtifactReader<InfluenceNormsArtifact>(task.input("norms"))
    let distances = try file.read(\.distances)
    let (norms, sides) = (try file.read(\.norms), try file.read(\.side))
    func figure(_ interval: Interval) -> IntervalFigure {
      IntervalFigure(value: interval.value, lower: interval.lower, upper: interval.upper)
    }
    let isGradient = try file.read(\.solver) == InfluenceNormsStage.Solver.none.rawValue
    let measure = isGradient ? "gradient" : "influence H⁻¹g"
    let title = task.parameters[Self.title]
    let what = "norm of the \(measure) by distance"
    return .influence(
      title: title.isEmpty ? what : "\(title): \(what)", quantity: quantity(try file.read(\.metric)),
      measure: measure,
      points: distances.indices.map {
        Drawing.InfluencePoint(distance: distances[$0], norm: norms[$0], side: sides[$0])
      },
      medians: (try file.read(\.near.median), try file.read(\.far.median)),
      correlations: [
        ("\(measure) norm:", figure(try file.read(\.normSpearman))),
        (
          "distance between \(isGradient ? "gradients" : "influences"):",
          figure(try file.read(\.spearman))
        ),
      ])
  }
}
