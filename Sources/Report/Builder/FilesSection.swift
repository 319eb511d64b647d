// Where each result is: the nodes with their files, to be read without a script and found by words with one.

import PipelineCore

/// Writes the list of a pipeline's files.
struct FilesSection {
  let snapshot: Snapshot
  /// More rows would make a page heavy; a script finds the others.
  private static let most = 2000

  /// Whether there is any result.
  var isEmpty: Bool { snapshot.artifacts.allSatisfy { $0 == nil } }

  /// Adds the section's content.
  func write(to html: inout HTML) {
    html.element("p") { html in
      html.text("A result is one file, below the cache folder (")
      html.element("code", text: "cache")
      html.text(
        " in the project, unless told otherwise). These print the path of a node's file, and make the node anew:"
      )
    }
    let example = snapshot.plan.ids.last { snapshot.artifacts[$0.index] != nil }
    html.element("pre", ["class": "commands"]) { html in
      html.text("\(snapshot.command("path", example))\n\(snapshot.command("run", example))")
      html.text(" --cache EMPTY-FOLDER\n")
    }
    html.element("div", ["class": "finder"]) { _ in }
    var left = Self.most
    for stage in snapshot.plan.stages {
      let nodes = stage.nodes.filter { snapshot.artifacts[$0] != nil }
      if nodes.isEmpty { continue }
      guard nodes.count <= left else {
        html.element("p", ["class": "notes"]) { html in
          html.foreign(stage.name)
          html.text(": \(nodes.count) files, too many for this list")
        }
        continue
      }
      left -= nodes.count
      write(stage, nodes, to: &html)
    }
  }

  private func write(_ stage: PlannedStage, _ nodes: [Int], to html: inout HTML) {
    html.element("details") { html in
      html.element("summary") { html in
        html.foreign(stage.name)
        html.text(" (\(nodes.count))")
      }
      html.table(["node", "file", "SHA-256 of the file"], label: "Files of \(stage.name)") { html in
        for index in nodes {
          guard let artifact = snapshot.artifacts[index] else { continue }
          let key = artifact.action.hex
          html.markup("<tr>")
          html.element("th", ["scope": "row"]) { $0.foreign(snapshot.plan.nodes[index].name) }
          html.element("td") { html in
            html.element(
              "code", text: "artifacts/\(key.prefix(2))/\(key).\(artifact.fileExtension)")
          }
          html.element("td") { $0.element("code", text: artifact.fileDigest.hex) }
          html.markup("</tr>\n")
        }
      }
    }
  }
}
