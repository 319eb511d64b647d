// What a pipeline file has published: folders of the project, and the nodes whose files a run leaves there.

import PipelineCore

/// A folder and the nodes whose files a run always leaves in it.
public struct Publication: Sendable, Equatable {
  /// Below the project's root.
  public var folder: String
  /// In the order in which the file names them, each once.
  public var nodes: [NodeID]

  /// Looks up the nodes of `publish`; what names none is reported.
  static func read(
    _ folders: OrderedEntries<SyntaxNode>, of plan: Plan, _ problems: Problems
  ) -> [Publication] {
    folders.entries.map { folder, value in
      var nodes: [NodeID] = []
      var seen: Set<NodeID> = []
      for (pattern, place) in patterns(value, problems) {
        do throws(NodePatternError) {
          nodes += try plan.nodes(matching: pattern).filter { seen.insert($0).inserted }
        } catch {
          // A stage that conditions leave out publishes nothing.
          if plan.omissions.contains(where: { $0.left == 0 && [$0.stage, $0.family].contains(pattern) }) {
            continue
          }
          problems.report(error.message, at: place, notes: error.notes)
        }
      }
      return Publication(folder: folder.text, nodes: nodes)
    }
  }

  private static func patterns(_ value: SyntaxNode, _ problems: Problems) -> [(String, Place)] {
    var elements = [value]
    if case .list(let list) = value.content { elements = list }
    if elements.isEmpty {
      problems.report(
        "found an empty list, expected a node or a list of nodes to publish", at: value.place)
    }
    return elements.compactMap { element in
      guard case .scalar(.string(let text)) = element.content else {
        problems.report(
          "found \(element.found), expected a node or a list of nodes to publish", at: element.place)
        return nil
      }
      return (text, element.place)
    }
  }
}
