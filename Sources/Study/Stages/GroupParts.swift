// How `unlearn` divides a group into the parts that it removes one after the other.

import PipelineCore
import Tensor

/// The parts of a group in the order of their removal.
struct GroupParts {
  /// Where the parts come from.
  enum Partition: String, CaseIterable {
    /// The parts that the group's cluster gave its images.
    case group
    /// Parts of the same sizes in the same order, their images drawn at random from all of them: the control that
    /// tells what the distance does from what the number and size of the steps do.
    case shuffled
    /// Random parts of equal size.
    case random
    /// One part.
    case whole

    init(_ values: ParameterValues) { self = Partition(rawValue: values.string("partition")) ?? .group }

    var followsGroup: Bool { self == .group || self == .shuffled }
  }

  static let names = ["near", "moderate", "far"]

  /// Disjoint sets of training images, each ascending.
  let parts: [[Int]]

  /// What is wrong with the parameters of a partition.
  static func check(_ values: ParameterValues) -> ParameterProblem? {
    let order = values.strings("order").map(number)
    if order.isEmpty { return ParameterProblem("order", "'order' needs at least one part") }
    return Set(order).count < order.count ? ParameterProblem("order", "'order' names a part twice") : nil
  }

  private static func number(_ name: String) -> UInt8 { UInt8(names.firstIndex(of: name) ?? Int(name) ?? 0) }

  /// Divides the group as the task's parameters say; a part without an image is a step that changes nothing.
  init(_ group: Group, _ task: StageTask, _ context: some StageContext) throws {
    let partition = Partition(task.parameters)
    var draws = RandomStream(key: task.streamKey).substream("parts")
    switch partition {
    case .whole: parts = [group.indices]
    case .random:
      let count = task.parameters.integer("parts")
      var shuffled = group.indices
      draws.shuffle(&shuffled)
      parts = (0..<count).map { part in
        shuffled[part * shuffled.count / count..<(part + 1) * shuffled.count / count].sorted()
      }
    case .group, .shuffled:
      let order = task.parameters.strings("order")
      let named = order.map { name in
        zip(group.indices, group.parts).filter { $0.1 == Self.number(name) }.map(\.0)
      }
      let removed = named.reduce(0) { $0 + $1.count }
      if removed == 0 {
        let known = Set(group.parts).sorted().map(String.init).joined(separator: ", ")
        throw StageFailure(
          "none of the parts \(order.joined(separator: ", ")) has an image; the group has parts \(known)")
      }
      if removed < group.indices.count {
        context.log(
          "\(group.indices.count - removed) of the group's images are in no part of 'order' and stay")
      }
      if partition == .group {
        parts = named
      } else {
        var shuffled = named.flatMap { $0 }
        draws.shuffle(&shuffled)
        var rest = shuffled[...]
        parts = named.map { part in
          defer { rest = rest.dropFirst(part.count) }
          return rest.prefix(part.count).sorted()
        }
      }
    }
  }
}
