// Where everything comes from: commands, versions, files and parameters.

import Artifacts
import FoundationEssentials
import PipelineCore
import PipelineExecution
import Stages
import Tensor

/// The program and the checkout that wrote a report.
public struct ReportOrigin: Sendable {
  /// The program's version.
  public var version: String
  /// The commit of the project's checkout; nil where there is none.
  public var commit: String?
  /// Whether the checkout has changes that are in no commit.
  public var isChanged: Bool

  /// An origin.
  public init(version: String, commit: String?, isChanged: Bool) {
    self.version = version
    self.commit = commit
    self.isChanged = isChanged
  }

  /// The checkout in words; nil where there is none.
  var checkout: String? {
    commit.map { "commit \($0)\(isChanged ? ", with changes that are in no commit" : ", clean")" }
  }
}

/// Writes the provenance of a pipeline.
struct ProvenanceSection {
  let snapshot: Snapshot
  let results: Results
  let origin: ReportOrigin
  /// The run that made most of the results.
  let run: RunRecord?

  /// Adds the section's content.
  func write(to html: inout HTML) {
    html.element("h3", text: "Make it anew")
    html.element("p", text: "In a checkout of the project, with an empty cache or with this one:")
    html.element("pre", ["class": "commands"]) { html in
      if let commit = origin.commit { html.text("git checkout \(commit)\n") }
      html.text(snapshot.command("run") + "\n" + snapshot.command("report") + "\n")
    }
    if origin.isChanged {
      html.element(
        "p", ["class": "reason"],
        text:
          "The checkout had changes that are in no commit, so that the commit alone may make something else.")
    }
    html.element("h3", text: "Versions")
    html.element("dl", ["class": "settings"]) { html in
      for (name, value) in versions {
        html.element("div") { html in
          html.element("dt", text: name)
          html.element("dd") { $0.foreign(value) }
        }
      }
    }
    writeFiles(to: &html)
    writeParameters(to: &html)
  }

  private var versions: [(String, String)] {
    let variants = Set(snapshot.artifacts.compactMap { $0?.variant }.filter { !$0.isEmpty }).sorted()
    let drawers = Set(results.pictures.map(\.gnuplot)).sorted()
    var list = [("pipeline", origin.version)]
    if let checkout = origin.checkout { list.append(("checkout", checkout)) }
    if !variants.isEmpty { list.append(("kernels", variants.joined(separator: ", "))) }
    let programs = Set(snapshot.made.compactMap { $0?.note(ProgramNote.path) }).sorted()
    if !programs.isEmpty { list.append(("programs", programs.joined(separator: ", "))) }
    if let processor = run?.processor { list.append(("processor of the run", processor)) }
    if !drawers.isEmpty { list.append(("gnuplot", drawers.joined(separator: ", "))) }
    if let version = FileLibrary.version { list.append(("HDF5, of this page", version)) }
    if let version = OpenBLAS.version { list.append(("OpenBLAS, on this machine", version)) }
    if let last = snapshot.made.compactMap({ $0?.created }).max() { list.append(("latest result", last)) }
    return list
  }

  private func writeFiles(to html: inout HTML) {
    html.element("h3", text: "The pipeline file, and those that it extends")
    for file in snapshot.document.files {
      html.element("details") { html in
        html.element("summary") { html in
          html.foreign(file.path)
          html.markup(" <code>\(file.digest.hex)</code>")
        }
        // What was read a moment ago; should it have changed since, its digest still says what was meant.
        let text =
          (try? String(contentsOfFile: file.path, encoding: .utf8)) ?? "the file can't be read any more"
        html.element("pre", text: text)
      }
    }
    let inputs = Set(snapshot.plan.nodes.flatMap(\.files)).sorted {
      ($0.path, $0.digest) < ($1.path, $1.digest)
    }
    if inputs.isEmpty { return }
    html.element("h3", text: "Files that the stages read")
    html.element("ul", ["class": "files"]) { html in
      for file in inputs {
        html.element("li") { html in
          html.foreign(file.path)
          html.markup(" <code>\(file.digest.hex)</code>")
        }
      }
    }
  }

  private func writeParameters(to html: inout HTML) {
    html.element("h3", text: "Parameters by stage")
    for (stage, parameters) in snapshot.plan.parametersByStage().sorted(by: { $0.key < $1.key })
    where !parameters.isEmpty {
      html.element("details") { html in
        html.element("summary") { $0.foreign(stage) }
        html.element("dl", ["class": "settings"]) { html in
          for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
            html.element("div") { html in
              html.element("dt") { $0.foreign(name) }
              html.element("dd") { $0.foreign(value) }
            }
          }
        }
      }
    }
  }
}
