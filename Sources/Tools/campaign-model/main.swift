// Many pilots of one campaign in virtual time: the real scheduler, leases, journal and news, under a model of a network file
// system. Prints what a cluster of that size would do.
//
// campaign-model FOLDER [pilots nodes seconds capacity]

import CVirtual
import Foundation
import Glibc
import PipelineCore
import PipelineExecution

/// A node that holds its number, after some virtual seconds.
enum ModelStage: Stage {
  static let number = Parameter("number", .integer, "the number")
  static let declaration = StageDeclaration(
    name: "model", version: 1, summary: "a number", parameters: [number],
    inputs: [InputDeclaration("terms", accepts: [], .optionalMany, "numbers")], fileExtension: "txt")
  static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let bytes = Array("\(task.parameters[number])\n".utf8)
    let descriptor = Glibc.open(task.output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count else {
      throw StageFailure("can't write \(task.output)")
    }
    close(descriptor)
    return Digest(of: bytes)
  }
}

/// Works in virtual time: a task takes its seconds, then its file calls.
final class ModelExecutor: TaskExecutor {
  private var runner: TaskRunner
  private let seconds: Double
  private var running: [(id: NodeID, task: StageTask, end: Double)] = []
  private let finished: (String) -> Void

  private struct Silent: TaskReporter {
    func progress(_ fraction: Double, _ message: String) {}
    func log(_ message: String) {}
  }

  init(_ registry: StageRegistry, seconds: Double, finished: @escaping (String) -> Void) {
    runner = TaskRunner(registry: registry)
    self.seconds = seconds
    self.finished = finished
  }

  func start(_ id: NodeID, _ task: StageTask) {
    running.append((id, task, virtual_now() + seconds * Double.random(in: 0.5...1.5)))
  }

  func wait(seconds: Double, wake: Int32) -> [ExecutorEvent] {
    let end = virtual_now() + seconds
    guard let next = running.map(\.end).min(), next <= end else {
      virtual_sleep(seconds)
      return []
    }
    virtual_sleep(max(0, next - virtual_now()))
    return running.indices.reversed().filter { running[$0].end <= virtual_now() }.map { index in
      let (id, task, _) = running.remove(at: index)
      do throws(StageFailure) {
        let outcome = try runner.run(task, Silent())
        finished(task.node)
        return .finished(id, .success(outcome))
      } catch { return .finished(id, .failure(error)) }
    }
  }

  func cancel(_ id: NodeID, _ reason: String) -> [ExecutorEvent] { [] }
  func shutdown() {}
}

/// What the pilots have done. One thread runs at a time, so nothing guards it but that.
final class Tally: @unchecked Sendable {
  var executions: [String: Int] = [:]
  /// When each node was made.
  var times: [Double] = []
  /// When the last pilot has ended.
  var end = 0.0
  var problems: [String] = []
}

/// As many sources as there are nodes, less one that takes each hundred of them.
func modelPlan(_ count: Int) throws -> Plan {
  var plan = Plan(name: "model", baseDirectory: "/", stages: [], nodes: [], joins: [])
  func node(_ name: String, _ stage: Int, _ number: Int, _ inputs: [PlannedInput] = []) throws {
    plan.nodes.append(
      PlannedNode(
        name: "\(name)[i=\(number)]", stage: stage,
        parameters: try ParameterValues(["number": .integer(number)], of: ModelStage.declaration),
        axes: [AxisValue("i", .integer(number))], inputs: inputs))
  }
  for number in 0..<count { try node("source", 0, number) }
  let sums = count / 100
  for number in 0..<sums {
    let members = (100 * number..<100 * number + 100).map { JoinMember(label: "source", node: NodeID($0)) }
    plan.joins.append(Join(members: members))
    try node("sum", 1, count + number, [PlannedInput(slot: "terms", source: .join(JoinID(number)))])
  }
  plan.stages = [
    PlannedStage(name: "source", declaration: ModelStage.declaration, axes: ["i"], nodes: 0..<count),
    PlannedStage(name: "sum", declaration: ModelStage.declaration, axes: ["i"], nodes: count..<count + sums),
  ]
  return plan
}

let words = CommandLine.arguments.dropFirst()
guard let folder = words.first, !folder.hasPrefix("-") else {
  print("usage: campaign-model FOLDER [pilots nodes seconds capacity]")
  exit(64)
}
let numbers = words.dropFirst().compactMap { Double($0) }
func number(_ index: Int, _ standard: Double) -> Double { numbers.count > index ? numbers[index] : standard }
let (pilots, nodes) = (Int(number(0, 100)), Int(number(1, 10_000)))
let (seconds, capacity) = (number(2, 0.25), number(3, 0))

// All pilots share what one process may have open.
var openFiles = rlimit()
getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &openFiles)
openFiles.rlim_cur = openFiles.rlim_max
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &openFiles)
let registry = StageRegistry([ModelStage.self])
let plan = try modelPlan(nodes)
let cache = CacheStore(root: folder)
let (campaign, unfinished) = try Campaign.submit(
  plan, plan.planKeys(), wanted: Array(plan.ids), words: "model", in: cache)
// A server a few hundred metres away, with a disk that answers a write in a millisecond.
virtual_set(
  virtual_latencies(
    lookup: 0.0003, create: 0.001, change: 0.001, read: 0.0003, write: 0.001, capacity: capacity))
let assignment = try campaign.assignment(registry)
let tally = Tally()
let done = DispatchGroup()
// Time starts for all at once: this thread joins first, and leaves when all others wait for their turn.
virtual_join(0)
for _ in 0..<pilots {
  done.enter()
  let thread = Thread {
    // A batch system starts them within some seconds.
    virtual_join(Double.random(in: 0...2))
    do {
      var run = Run(
        pilotOf: campaign, assignment, options: RunOptions(jobs: 1, memory: 1 << 30, lease: 180),
        executor: ModelExecutor(registry, seconds: seconds) {
          tally.executions[$0, default: 0] += 1
          tally.times.append(virtual_now())
        },
        progress: NoProgress())
      let summary = try run.execute(assignment.wanted)
      if !summary.failures.isEmpty { tally.problems.append("\(summary.failures[0].failure.message)") }
    } catch { tally.problems.append("\(error)") }
    tally.end = max(tally.end, virtual_now())
    virtual_leave()
    done.leave()
  }
  thread.stackSize = 1 << 20
  thread.start()
}
usleep(UInt32(200_000 + 1000 * pilots))
virtual_leave()
done.wait()
let made = tally.executions.count
let twice = tally.executions.values.filter { $0 > 1 }.count
let calls = Double(virtual_calls()) / Double(max(1, made))
tally.times.sort()
func round(_ value: Double) -> Double { (value * 10).rounded() / 10 }
/// When a share of the nodes was made.
func time(_ share: Double) -> Double {
  tally.times.isEmpty ? 0 : tally.times[Int(share * Double(tally.times.count - 1))]
}
print(
  "pilots \(pilots)  nodes \(made) of \(unfinished.count)  twice \(twice)  problems \(tally.problems.count)  "
    + "virtual seconds to 10, 50, 90, 99 and 100 % of the nodes "
    + [0.1, 0.5, 0.9, 0.99, 1].map { "\(round(time($0)))" }.joined(separator: ", ")
    + ", to the last pilot's end \(round(tally.end))  nodes/s \(Int(Double(made) / max(0.001, time(1)))), "
    + "from 10 to 90 % \(Int(0.8 * Double(made) / max(0.001, time(0.9) - time(0.1))))  file calls a node \(round(calls))"
)
for problem in tally.problems.prefix(3) { print("  \(problem)") }
exit(made == unfinished.count && tally.problems.isEmpty && twice == 0 ? 0 : 1)
