// What tests of campaigns share: submitting a toy pipeline, and pilots as processes or in place.

import Foundation
import PipelineCore
import PipelineExecution
import ToyStages

extension Lab {
  /// Submits a pipeline's nodes (all, unless named).
  func submit(_ pipeline: ToyPipeline, _ wanted: [String] = []) throws -> (campaign: Campaign, open: [NodeID])
  {
    let plan = try pipeline.plan()
    return try Campaign.submit(
      plan, plan.planKeys(),
      wanted: wanted.isEmpty ? Array(plan.ids) : wanted.flatMap { plan.nodes(named: $0) },
      words: pipeline.name, in: cache)
  }

  /// Starts a pilot as a process of its own.
  func startPilot(
    _ campaign: Campaign, jobs: Int = 1, memory: Int = 1 << 30, lease: Double = 30, idle: Double = 20,
    time: Double = 0, grace: Double = 5
  ) throws -> Child {
    let numbers = [String(jobs), String(memory)] + [lease, idle, time, grace].map { String($0) }
    return try Child([toyWorker, "pilot", cache.root, campaign.id] + numbers, folder)
  }

  /// Runs a pilot in this process.
  @discardableResult
  func pilot(
    _ campaign: Campaign, memory: Int = 1 << 30, manners: PilotOptions = PilotOptions(idle: 2)
  ) throws -> RunSummary {
    let assignment = try campaign.assignment(toyStages)
    var run = Run(
      pilotOf: campaign, assignment, options: RunOptions(jobs: 1, memory: memory), manners: manners,
      executor: InlineExecutor(registry: toyStages), progress: NoProgress())
    return try run.execute(assignment.wanted)
  }
}
