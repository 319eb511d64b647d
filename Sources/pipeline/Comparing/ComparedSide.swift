// A run or a pipeline as one side of a comparison: its parameters, and the files of its results.

import PipelineCore
import PipelineExecution
import PipelineFile
import Stages

/// One side of a comparison.
struct ComparedSide {
  /// The run's or the pipeline's name.
  var label: String
  /// The parameters by stage, as text.
  var parameters: [String: [String: String]]
  /// How parameters are made of those of the file, by stage; of a run as the file has it now, if there is one.
  var traces: [String: [String: ParameterTrace]] = [:]
  /// Where files of the user's stand; nil for a run.
  var folder: String?
  /// Artifacts by node.
  var files: [String: String] = [:]
  /// Nodes whose artifact can't be had.
  var missing: [String] = []
  /// Where the parameters are written; nil for a run.
  var places: ParameterPlaces?

  /// A pipeline where there is a file of that name, a run otherwise; ends the program where it is neither.
  ///
  /// - Parameter stages: The stage types whose artifacts are looked up.
  init(_ text: String, _ cache: CacheOptions, stages: Set<String>) throws {
    if PipelineFolder.isPath(text) || !PipelineFolder().files(named: text).isEmpty {
      let session = try Session(PipelineOptions.parse([text]), cache)
      let plan = session.plan
      let resolution = Resolution(plan: plan, keys: session.keys, cache: session.cache)
      (label, parameters) = (plan.name, plan.parametersByStage())
      folder = plan.baseDirectory
      traces = Self.traces(of: plan)
      places = session.document.places
      for id in plan.ids where stages.contains(plan.stage(of: id).declaration.name) {
        if let artifact = resolution.artifact(id) {
          files[plan[id].name] = try session.file(of: id, artifact)
        } else {
          missing.append(plan[id].name)
        }
      }
      return
    }
    let run = try RunHistory(cache: cache.cache).required(text)
    (label, parameters) = (run.id, run.parameters)
    if let path = PipelineFolder().files(named: run.pipeline).first,
      let now = try? PipelineFile.load(
        path: path, stages: allStages.declarations, hashFile: { _ in Digest(of: []) })
    {
      traces = Self.traces(of: now.plan)
    }
    for (node, key) in run.keys.sorted(by: { $0.key < $1.key }) {
      guard let record = cache.cache.action(key), stages.contains(record.stage) else { continue }
      if let file = cache.cache.checkedFile(of: record.artifact) {
        files[node] = file
      } else {
        missing.append(node)
      }
    }
  }

  private static func traces(of plan: Plan) -> [String: [String: ParameterTrace]] {
    Dictionary(plan.stages.map { ($0.name, $0.traces) }) { first, _ in first }
  }
}
