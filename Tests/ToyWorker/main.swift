// A real program over the toy stages: `ToyWorker` serves tasks, `ToyWorker run …` is a scheduler that can be killed.

import Glibc
import PipelineCore
import PipelineExecution
import ToyStages

let arguments = CommandLine.arguments

if arguments.count > 1, arguments[1] == "run" {
  // run CACHE LOG JOBS LEASE WIDTH SECONDS
  guard arguments.count == 8, let jobs = Int(arguments[4]), let lease = Double(arguments[5]),
    let width = Int(arguments[6]), let seconds = Double(arguments[7])
  else { exit(64) }
  let plan = try ToyPipeline.fan(width: width, seconds: seconds, log: arguments[3]).plan()
  var run = Run(
    plan: plan, keys: plan.planKeys(), cache: CacheStore(root: arguments[2]),
    options: RunOptions(jobs: jobs, memory: 1 << 40, lease: lease),
    executor: WorkerPool(command: [arguments[0], "worker"]), progress: ConsoleProgress(jobs: jobs))
  do {
    let summary = try run.execute(Array(plan.ids))
    print("ran \(summary.ran.count) fresh \(summary.fresh) unchanged \(summary.cutOff)")
    exit(summary.interrupted ? 130 : summary.failures.isEmpty ? 0 : 1)
  } catch {
    print(error)
    exit(1)
  }
} else {
  Worker.serve(registry: toyStages)
}
