// A real program over the toy stages: `ToyWorker` serves tasks, `ToyWorker run …` is a scheduler that can be killed, and
// `ToyWorker pilot …` a pilot of a campaign.

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
} else if arguments.count > 1, arguments[1] == "submit" {
  // submit CACHE LOG WIDTH SECONDS
  guard arguments.count == 6, let width = Int(arguments[4]), let seconds = Double(arguments[5]) else {
    exit(64)
  }
  let plan = try ToyPipeline.fan(width: width, seconds: seconds, log: arguments[3]).plan()
  let (campaign, _) = try Campaign.submit(
    plan, plan.planKeys(), wanted: Array(plan.ids), words: "fan", in: CacheStore(root: arguments[2]))
  print(campaign.id)
} else if arguments.count > 1, arguments[1] == "pilot" {
  // pilot CACHE CAMPAIGN JOBS MEMORY LEASE IDLE TIME GRACE; a time of 0 has no end
  guard arguments.count == 10, let jobs = Int(arguments[4]), let memory = Int(arguments[5]),
    let lease = Double(arguments[6]), let idle = Double(arguments[7]), let time = Double(arguments[8]),
    let grace = Double(arguments[9])
  else { exit(64) }
  do {
    let campaign = try Campaign.find(arguments[3], in: CacheStore(root: arguments[2]))
    let assignment = try campaign.assignment(toyStages)
    var run = Run(
      pilotOf: campaign, assignment, options: RunOptions(jobs: jobs, memory: memory, lease: lease),
      manners: PilotOptions(idle: idle, time: time > 0 ? time : nil, grace: grace),
      executor: WorkerPool(command: [arguments[0], "worker"]), progress: ConsoleProgress(jobs: jobs))
    let summary = try run.execute(assignment.wanted)
    print(
      "ran \(summary.ran.count) fresh \(summary.fresh) unchanged \(summary.cutOff) left \(summary.notStarted)"
    )
    exit(summary.interrupted ? 130 : summary.failures.isEmpty ? 0 : 1)
  } catch {
    print(error)
    exit(1)
  }
} else {
  Worker.serve(registry: toyStages)
}
