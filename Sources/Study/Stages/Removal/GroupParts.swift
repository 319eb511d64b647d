// How `unlearn` divides a group into the parts that it removes one after the other.

import Artifacts
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

    var followsGroup: Bool { self == .group || self == .shuffled }
  }

  /// A part by its name in the pipeline file: near, moderate and far are parts 0, 1 and 2.
  struct Part: RawRepresentable, CaseIterable, Sendable {
    let rawValue: String
    let number: UInt8

    private static let named = ["near", "moderate", "far"]
    static let allCases = (named + (0..<10).map(String.init)).compactMap(Part.init)

    init?(rawValue: String) {
      guard let number = Self.named.firstIndex(of: rawValue) ?? Int(rawValue),
        let number = UInt8(exactly: number)
      else { return nil }
      self.rawValue = rawValue
      self.number = number
    }
  }

  static let partition = Parameter(
    "partition", .choice(Partition.self), default: .group,
    "group: by the group's parts; shuffled: as many in each, drawn by seed; random: equal parts drawn by seed; whole: one"
  )
  static let order = Parameter(
    "order", .list(.choice(Part.self)), default: Array(Part.allCases.prefix(3)),
    "group, shuffled: the parts to remove, in this order; others stay (near, moderate, far are 0, 1, 2)")
  static let count = Parameter("parts", .integer(1...1000), default: 3, "random: how many parts")

  /// The parameters that a node makes no use of.
  static func unused(_ values: ParameterValues) -> Set<ParameterName> {
    var names: Set<ParameterName> = []
    if !values[partition].followsGroup { names.insert(order.name) }
    if values[partition] != .random { names.insert(count.name) }
    return names
  }

  /// Disjoint sets of training images, each ascending.
  let parts: [[Int]]

  /// What is wrong with the parameters of a partition.
  static func check(_ values: ParameterValues) -> ParameterProblem? {
    let numbers = values[order].map(\.number)
    if numbers.isEmpty { return ParameterProblem(order, "'order' needs at least one part") }
    return Set(numbers).count < numbers.count ? ParameterProblem(order, "'order' names a part twice") : nil
  }

  /// Divides the group as the task's parameters say; a part without an image is a step that changes nothing.
  init(_ group: Group, _ task: StageTask, _ context: some StageContext) throws {
    let partition = task.parameters[Self.partition]
    var draws = RandomStream(key: task.streamKey).substream("parts")
    switch partition {
    case .whole: parts = [group.indices]
    case .random:
      let count = task.parameters[Self.count]
      var shuffled = group.indices
      draws.shuffle(&shuffled)
      parts = (0..<count).map { part in
        shuffled[part * shuffled.count / count..<(part + 1) * shuffled.count / count].sorted()
      }
    case .group, .shuffled:
      let order = task.parameters[Self.order]
      let named = order.map { part in
        zip(group.indices, group.parts).filter { $0.1 == part.number }.map(\.0)
      }
      let removed = named.reduce(0) { $0 + $1.count }
      if removed == 0 {
        let known = Set(group.parts).sorted().map(String.init).joined(separator: ", ")
        throw StageFailure(
          "none of the parts \(order.map(\.rawValue).joined(separator: ", ")) has an image; the group has parts \(known)"
        )
      }
      if removed < group.indices.count {
        context.log(
          "\(group.indices.count - removed) of the group's images are in no part of 'order' and stay")
      }
      if order.count > 1, Set(group.parts).count == 1, !group.parts.isEmpty {
        context.log(
          "all images of the group are in one part, so that it goes in one step: give the stage an input parts"
        )
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
