// The shape of one pipeline file: its sections and stages, before names are looked up.

import PipelineCore

/// A stage as one file writes it; what is absent may come from a file that it extends.
struct StageSyntax {
  var name: Name
  var type: Name?
  var axes: [Name]?
  var inputs = OrderedEntries<SyntaxNode>()
  var parameters = OrderedEntries<SyntaxNode>()
  var timeout: SyntaxNode?

  static let keys = ["stage", "for", "inputs", "parameters", "timeout"]
}

/// One pipeline file. A null axis or stage removes that of a file that it extends.
struct FileSyntax {
  var place: Place
  var description: Name?
  var extends: Name?
  var parameters = OrderedEntries<SyntaxNode>()
  var axes = OrderedEntries<SyntaxNode>()
  /// Nil for a stage to be removed.
  var stages = OrderedEntries<StageSyntax?>()
  var stagesPlace: Place?

  static let keys = ["description", "extends", "parameters", "axes", "stages"]
}

/// Reads the shape of a file from its YAML; what has the wrong shape is reported and left out.
struct FileSyntaxReader {
  let problems: Problems

  func read(_ root: SyntaxNode) -> FileSyntax? {
    guard case .map(let entries) = root.content else {
      problems.report(
        "found \(root.found), expected a map", at: root.place,
        notes: ["the keys of a pipeline file: \(FileSyntax.keys.joined(separator: ", "))"])
      return nil
    }
    var file = FileSyntax(place: root.place)
    for entry in entries {
      switch entry.key.text {
      case "description": file.description = text(entry, "a string")
      case "extends": file.extends = text(entry, "the path of a pipeline file")
      case "parameters":
        for entry in map(entry, of: "names with values") where isName(entry.key, "a parameter") {
          file.parameters.set(entry.key, entry.value)
        }
      case "axes":
        for entry in map(entry, of: "names with lists of values") where isName(entry.key, "an axis") {
          file.axes.set(entry.key, entry.value)
        }
      case "stages":
        file.stagesPlace = entry.key.place
        for entry in map(entry, of: "names with stages") where isName(entry.key, "a stage") {
          if entry.value.isNull {
            file.stages.set(entry.key, nil)
          } else if let stage = stage(entry) {
            file.stages.set(entry.key, stage)
          }
        }
      default:
        problems.report(
          "unknown key '\(entry.key.text.shortened)'", at: entry.key.place,
          notes: [suggestion(for: entry.key.text, among: FileSyntax.keys, of: "keys")])
      }
    }
    return file
  }

  private func stage(_ entry: SyntaxEntry) -> StageSyntax? {
    guard case .map(let entries) = entry.value.content else {
      problems.report(
        "found \(entry.value.found), expected a stage: a map with any of \(StageSyntax.keys.joined(separator: ", "))",
        at: entry.value.place)
      return nil
    }
    var stage = StageSyntax(name: entry.key)
    for entry in entries {
      switch entry.key.text {
      case "stage": stage.type = text(entry, "the name of a stage type")
      case "for": stage.axes = axes(entry)
      case "inputs":
        for entry in map(entry, of: "slots with stages") { stage.inputs.set(entry.key, entry.value) }
      case "parameters":
        for entry in map(entry, of: "names with values") { stage.parameters.set(entry.key, entry.value) }
      case "timeout": stage.timeout = entry.value
      default:
        problems.report(
          "unknown key '\(entry.key.text.shortened)' in stage '\(stage.name.text)'", at: entry.key.place,
          notes: [
            suggestion(for: entry.key.text, among: StageSyntax.keys, of: "keys of a stage"),
            "a stage's own parameters stand under 'parameters:'",
          ])
      }
    }
    return stage
  }

  /// The axes of `for`: one name, or a list of names.
  private func axes(_ entry: SyntaxEntry) -> [Name]? {
    switch entry.value.content {
    case .scalar(.string(let name)): return [Name(text: name, place: entry.value.place)]
    case .list(let elements):
      var names: [Name] = []
      for element in elements {
        guard case .scalar(.string(let name)) = element.content else {
          problems.report("found \(element.found), expected the name of an axis", at: element.place)
          continue
        }
        if names.contains(where: { $0.text == name }) {
          problems.report("axis '\(name.shortened)' stands twice in 'for'", at: element.place)
        } else {
          names.append(Name(text: name, place: element.place))
        }
      }
      return names
    default:
      problems.report("found \(entry.value.found), expected a list of axes", at: entry.value.place)
      return nil
    }
  }

  private func text(_ entry: SyntaxEntry, _ expected: String) -> Name? {
    guard case .scalar(.string(let text)) = entry.value.content else {
      problems.report(
        "'\(entry.key.text)': found \(entry.value.found), expected \(expected)", at: entry.value.place)
      return nil
    }
    return Name(text: text, place: entry.value.place)
  }

  /// The entries of a map; an empty value counts as an empty map.
  private func map(_ entry: SyntaxEntry, of expected: String) -> [SyntaxEntry] {
    switch entry.value.content {
    case .map(let entries): return entries
    case .scalar(.null): return []
    default:
      problems.report(
        "'\(entry.key.text)': found \(entry.value.found), expected a map of \(expected)",
        at: entry.value.place)
      return []
    }
  }

  private func isName(_ name: Name, _ what: String) -> Bool {
    if name.text.isIdentifier { return true }
    problems.report(
      "'\(name.text.shortened)' can't name \(what)", at: name.place,
      notes: [Rule.name])
    return false
  }
}
