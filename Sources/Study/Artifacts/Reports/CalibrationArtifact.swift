// The artifact of the stage `calibration`: each scheme's settings with their scores, and which was chosen.

/// A scheme at a setting.
package struct CalibrationCandidate: Sendable, Equatable {
  package var scheme = ""
  /// The values of the axes that are settings; empty without that axis.
  package var axes: [String: String] = [:]
  /// The setting as text.
  package var setting = ""
  package var groups = 0
  package var notConverged = 0
  package var score = Double.nan
  package var lower = Double.nan
  package var upper = Double.nan
  package var isChosen = false
  /// Over the groups that were held out of the choice; NaN without any.
  package var heldOut = Double.nan

  package init() {}
}

/// The settings that were tried.
package struct Calibration: Sendable, Equatable {
  /// The axes whose values are settings.
  package var axes: [String]
  package var candidates: [CalibrationCandidate]

  package init(axes: [String], candidates: [CalibrationCandidate]) {
    self.axes = axes
    self.candidates = candidates
  }
}

/// The candidates, as columns.
package struct CandidateColumns: FieldGroup, Field {
  package let scheme = List<String>("/scheme", "k", "the scheme")
  package let setting = List<String>("/setting", "k", "its setting, as text")
  package let settings = Family(
    List<String>("/settings/AXIS", "k", "the setting's axis values; empty without that axis"))
  package let groups = List<Int>("/groups", "k", "groups that the score is a mean over")
  package let notConverged = List<Int>("/not_converged", "k", "groups behind which a solve failed")
  package let score = List<Double>(
    "/score", "k", "mean over the groups of the sum over the splits of |gap of the loss| to retraining")
  package let lower = List<Double>("/lower", "k", "the lower end of the score's 95 % interval")
  package let upper = List<Double>("/upper", "k", "the upper end of the score's 95 % interval")
  package let heldOut = List<Double>(
    "/held_out", "k", "the same score over the groups that were held out of the choice; NaN without any")
  package let chosen = List<Bool>(
    "/chosen", "k", "1: the least score of its scheme among settings that all converged")

  package func write(_ calibration: Calibration, to sink: inout ArtifactSink) throws {
    let candidates = calibration.candidates
    try sink.write(scheme, candidates.map(\.scheme))
    try sink.write(setting, candidates.map(\.setting))
    for axis in calibration.axes {
      try sink.write(settings[axis], candidates.map { $0.axes[axis] ?? "" })
    }
    try sink.write(groups, candidates.map(\.groups))
    try sink.write(notConverged, candidates.map(\.notConverged))
    try sink.write(score, candidates.map(\.score))
    try sink.write(lower, candidates.map(\.lower))
    try sink.write(upper, candidates.map(\.upper))
    try sink.write(heldOut, candidates.map(\.heldOut))
    try sink.write(chosen, candidates.map(\.isChosen))
  }

  package func read(from source: borrowing ArtifactSource) throws -> Calibration {
    let schemes = try source.read(scheme)
    var candidates = [CalibrationCandidate](repeating: CalibrationCandidate(), count: schemes.count)
    candidates.fill(schemes, \.scheme)
    candidates.fill(try source.read(setting), \.setting)
    let axes = try source.read(settings)
    for (axis, values) in axes {
      for row in candidates.indices { candidates[row].axes[axis] = values[row] }
    }
    candidates.fill(try source.read(groups), \.groups)
    candidates.fill(try source.read(notConverged), \.notConverged)
    candidates.fill(try source.read(score), \.score)
    candidates.fill(try source.read(lower), \.lower)
    candidates.fill(try source.read(upper), \.upper)
    candidates.fill(try source.read(heldOut), \.heldOut)
    candidates.fill(try source.read(chosen), \.isChosen)
    return Calibration(axes: axes.keys.sorted(), candidates: candidates)
  }

  package init() {}
}

/// The layout of a calibration.
package struct CalibrationArtifact: ArtifactLayout {
  package let candidates = CandidateColumns()
  package let choice = List<String>("/choice", "v", "the rule and the choices in words")
  package let noise = Number<Double>(
    "/noise/score",
    "the score of retrained nets of yet another seed, which no scheme can be under but by luck; NaN without")
  package let heldOutNoise = Number<Double>("/noise/held_out", "the same over the groups that were held out")
  package let solves = SolveRecordFields()

  package init() {}
}
