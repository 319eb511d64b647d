// The stage `command`: any external program as a cached node, in a folder of its own.

import Artifacts
import Glibc
import PipelineCore
import Programs
import Wording

/// Runs a program on files and keeps the files that it makes.
public enum CommandStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "command", version: 2,
    summary: "runs an external program and keeps the files that it makes",
    parameters: [
      argv, environment, pass, files, outputs, optional, metrics, stdout, stdin, retries, retryOn,
      retryStatuses,
      retryPause, attemptTimeout, cores, memory, resources, track,
    ],
    takesAnyInput: true,
    datasets: CommandArtifact.datasets,
    resources: { Resources(cores: $0[cores], memory: $0[memory] << 20, counters: $0[resources]) },
    externalFiles: { $0[files] },
    tracked: TrackedProgram.questions, secrets: { $0[pass] },
    check: problem)

  /// Runs the program in `task.scratch`, where inputs stand under `inputs/SLOT`.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let order = try ProgramOrder(task.parameters)
    var attempt = 0
    while true {
      let folder = ProgramFolder("\(task.scratch)/\(attempt)")
      try folder.fill(for: task, order)
      do {
        try run(order, in: folder, for: task, context)
        return try ProgramOutputs(order, in: folder).keep(for: task)
      } catch let failure as ProgramFailure {
        guard attempt < order.retries.count, order.retries.covers(failure) else {
          throw StageFailure(failure.message)
        }
        attempt += 1
        context.log("\(failure.message); trying again (\(attempt) of \(order.retries.count))")
        order.retries.pause(before: attempt)
      }
    }
  }

  private static func run(
    _ order: ProgramOrder, in folder: ProgramFolder, for task: StageTask, _ context: some StageContext
  ) throws {
    let name = order.arguments[0]
    var program = Program(
      order.arguments, environment: .exactly(environment(of: order, for: task)), directory: folder.path
    )
    if let input = order.stdin { program.input = .file(try folder.existingFile(input, of: "stdin")) }
    if let output = order.stdout { program.output = .file(folder.path(of: output)) }
    try program.note(for: task, in: folder, context)
    let answer: ProgramEnding?
    do {
      answer = try program.run(atMost: order.limit)
    } catch {
      throw StageFailure("\(error)", kind: .unavailable)
    }
    guard let ending = answer else {
      let limit = printed(order.limit ?? .infinity, "%g")
      throw ProgramFailure(.timeout, "\(name) took longer than \(limit) s and was ended")
    }
    switch ending {
    case .exited(status: 0): return
    case .signalled(let signal) where ending.wasAskedToEnd:
      throw StageFailure("\(name) was ended by signal \(signal)", kind: .interrupted)
    case .exited(let status):
      throw ProgramFailure(.exited(status), "\(name) exited with status \(status)")
    case .signalled(let signal):
      throw ProgramFailure(
        .signalled(signal), "\(name) was ended by signal \(signal) (\(String(cString: strsignal(signal))))")
    }
  }

  /// What the program sees: a little of this process's own variables, and what the pipeline file says.
  private static func environment(of order: ProgramOrder, for task: StageTask) -> [String: String] {
    var variables = ["LANG": "C.UTF-8", "OMP_NUM_THREADS": String(task.threads)]
    for name in ["PATH", "HOME"] + order.pass {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    for (counter, devices) in task.devices {
      variables[deviceVariable(of: counter)] = devices.joined(separator: ",")
    }
    return variables.merging(order.environment) { _, declared in declared }
  }

  /// The variable that tells a program which devices of a counter are its own: PIPELINE_LICENSES for `licenses`, and for
  /// `gpus` the one that CUDA itself reads.
  public static func deviceVariable(of counter: String) -> String {
    counter == "gpus" ? "CUDA_VISIBLE_DEVICES" : "PIPELINE_" + counter.uppercased()
  }
}
