// The order of the stages: each after those that it takes from.

import PipelineCore

/// Sorts stages topologically. A stage keeps its place in the file unless one of its inputs comes later.
struct StageOrder {
  /// The stages in order, as indices into the file's.
  private(set) var order: [Int] = []

  /// Depth first, without recursion, since a chain of stages may be long. A cycle is reported with its path.
  init(_ stages: [BoundStage?], _ problems: Problems) {
    enum State { case new, open, done }
    var states = [State](repeating: .new, count: stages.count)
    let sources = stages.map { stage in stage?.inputs.flatMap(\.sources) ?? [] }
    for root in stages.indices where states[root] == .new {
      var path: [(stage: Int, next: Int)] = [(root, 0)]
      states[root] = .open
      while let (stage, next) = path.last {
        guard next < sources[stage].count else {
          states[stage] = .done
          order.append(stage)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let source = sources[stage][next]
        switch states[source.stage] {
        case .done: break
        case .new:
          states[source.stage] = .open
          path.append((source.stage, 0))
        case .open:
          guard problems.hasRoom else { break }
          let start = path.firstIndex { $0.stage == source.stage } ?? 0
          let names = (path[start...].map(\.stage) + [source.stage]).map { stages[$0]?.name.text ?? "?" }
          problems.report(
            "cycle of inputs: \(names.asPath)", at: source.place,
            notes: ["each of these stages takes from the next"])
        }
      }
    }
  }
}
