// Where each result is: the nodes with their files, to be read without a script and found by words with one.

import PipelineCore

/// Writes the list of a pipeline's files.
struct FilesSection {
  let snapshot: Snapshot
  /// The scheme whose nets the first comparison is about, if there is one.
  var scheme: String?
  /// More rows would make a page heavy; a script finds the others.
  private static let most = 2000

  /// Whether there is any result.
  var isEmpty: Bool { snapshot.artifacts.allSatisfy { $0 == nil } }

  /// A result that stands behind a table, of those one at many axes; or any.
  private var example: NodeID? {
    let isThere = { (id: NodeID) in snapshot.artifacts[id.index] != nil }
    let results = snapshot.plan.ids.filter {
      isThere($0) && ReportSections.resultStages.contains(snapshot.plan.stage(of: $0).declaration.name)
    }
    let own = scheme.map { scheme in
      results.flatMap { snapshot.plan.predecessors(of: $0) }.reversed().filter {
        isThere($0) && snapshot.plan[$0].name.contains("[\(scheme),")
      }
    }
    let behind = results.compactMap { snapshot.plan.predecessors(of: $0).last(where: isThere) }
    let choice = own.flatMap { $0.isEmpty ? nil : $0 } ?? behind
    return choice.max { snapshot.plan[$0].axes.count < snapshot.plan[$1].axes.count }
      ?? snapshot.plan.ids.last(where: isThere)
  }

  /// Adds what a reader of the verdict has to know of files.
  ///
  /// - Parameter link: Where the section stands.
  func writeHint(link: String, to html: inout HTML) {
    guard let example else { return }
    html.element("h3", text: "Which file, and how to make it anew")
    html.element("p") { html in
      html.text("Each result is one file. ")
      html.element("a", ["href": link], text: "Files")
      html.text(" has them all, with their SHA-256; words such as ")
      html.element("code", text: words(of: example))
      html.text(" find one. These print its path, and make it anew:")
    }
    writeCommands(of: example, to: &html)
  }

  /// A node's stage and axes as words.
  private func words(of id: NodeID) -> String {
    ([snapshot.plan.stage(of: id).family] + snapshot.plan[id].axes.map { "\($0.axis)=\($0.value.plainText)" })
      .joined(separator: " ")
  }

  private func writeCommands(of id: NodeID?, to html: inout HTML) {
    html.element("pre", ["class": "commands"]) { html in
      html.text("\(snapshot.command("path", id))\n\(snapshot.command("run", id)) --cache EMPTY-FOLDER\n")
    }
  }

  /// Adds the section's content.
  func write(to html: inout HTML) {
    html.element("p") { html in
      html.text("A result is one file, below the cache folder (")
      html.element("code", text: "cache")
      html.text(
        " in the project, unless told otherwise). These print the path of a node's file, and make the node anew:"
      )
    }
    writeCommands(of: example, to: &html)
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
