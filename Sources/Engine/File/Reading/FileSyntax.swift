// The shape of one pipeline file: its sections, stages and cases, before names are looked up.

import PipelineCore

/// What a stage, or one case of it, is given.
struct SettingsSyntax {
  /// The names in `for`: axes, and inputs that stand for what they take.
  var expansion: [Name]?
  /// By slot; null for one to be removed.
  var inputs = OrderedEntries<SyntaxNode>()
  var parameters = OrderedEntries<SyntaxNode>()
  /// The conditions under which its nodes exist, beside the key that gives them.
  var condition: SyntaxEntry?
}

/// A stage as one file writes it; what is absent may come from a file that it extends.
struct StageSyntax {
  var name: Name
  var type: Name?
  var settings = SettingsSyntax()
  /// What each case gives beyond the stage, by label; nil for a case to be removed.
  var cases = OrderedEntries<SettingsSyntax?>()
  var timeout: SyntaxNode?

  static let keys = ["stage", "for", "inputs", "parameters", "cases", "when", "timeout"]
}

/// One pipeline file. A null axis or stage removes that of a file that it extends.
struct FileSyntax {
  var place: Place
  var description: Name?
  var extends: [Name] = []
  var parameters = OrderedEntries<SyntaxNode>()
  /// Parameters of the file that each stage with a parameter of that name is given.
  var defaults = OrderedEntries<SyntaxNode>()
  var axes = OrderedEntries<SyntaxNode>()
  /// Axes that go in step, and combinations of axis values without nodes, each beside the key that gives them.
  var zip: SyntaxEntry?
  var exclude: SyntaxEntry?
  /// Nil for a stage to be removed.
  var stages = OrderedEntries<StageSyntax?>()
  var stagesPlace: Place?
  /// Why values of parameters and axes are what they are, by name; a null one removes that of a file that it extends.
  var notes = OrderedEntries<SyntaxNode>()
  /// Folders with the nodes whose files a run leaves there.
  var publish = OrderedEntries<SyntaxNode>()

  static let keys = [
    "description", "extends", "parameters", "defaults", "axes", "zip", "exclude", "notes", "stages",
    "publish",
  ]
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
      case "extends": file.extends = names(entry, "the path of a pipeline file", "a list of paths")
      case "parameters":
        for entry in map(entry, of: "names with values") where isName(entry.key, "a parameter") {
          file.parameters.set(entry.key, entry.value)
        }
      case "defaults":
        for entry in map(entry, of: "names with values") where isName(entry.key, "a parameter") {
          file.defaults.set(entry.key, entry.value)
        }
      case "axes":
        for entry in map(entry, of: "names with lists of values") where isName(entry.key, "an axis") {
          file.axes.set(entry.key, entry.value)
        }
      case "notes":
        for entry in map(entry, of: "names with texts") where isNote(entry) {
          file.notes.set(entry.key, entry.value)
        }
      case "zip": file.zip = entry
      case "exclude": file.exclude = entry
      case "stages":
        file.stagesPlace = entry.key.place
        for entry in map(entry, of: "names with stages") where isName(entry.key, "a stage") {
          if entry.value.isNull {
            file.stages.set(entry.key, nil)
          } else if let stage = stage(entry) {
            file.stages.set(entry.key, stage)
          }
        }
      case "publish":
        for entry in map(entry, of: "folders with nodes") where isFolder(entry.key) {
          file.publish.set(entry.key, entry.value)
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
      case "for": stage.settings.expansion = expansion(entry)
      case "inputs": stage.settings.inputs = inputs(entry)
      case "parameters":
        for entry in map(entry, of: "names with values") {
          stage.settings.parameters.set(entry.key, entry.value)
        }
      case "cases":
        for entry in map(entry, of: "labels with cases") where isLabel(entry.key) {
          if entry.value.isNull {
            stage.cases.set(entry.key, nil)
          } else if let settings = self.case(entry) {
            stage.cases.set(entry.key, settings)
          }
        }
      case "when": stage.settings.condition = entry
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

  /// A case: parameters by name, and perhaps `for`, `inputs` and `when`.
  private func `case`(_ entry: SyntaxEntry) -> SettingsSyntax? {
    guard case .map(let entries) = entry.value.content else {
      problems.report(
        "found \(entry.value.found), expected a case: a map of parameters, with 'for', 'inputs' and 'when' as in a stage",
        at: entry.value.place)
      return nil
    }
    var settings = SettingsSyntax()
    for entry in entries {
      switch entry.key.text {
      case "for": settings.expansion = expansion(entry)
      case "inputs": settings.inputs = inputs(entry)
      case "when": settings.condition = entry
      case "parameters":
        problems.report(
          "a case has no 'parameters:'", at: entry.key.place, notes: ["its parameters stand in it directly"])
      default: settings.parameters.set(entry.key, entry.value)
      }
    }
    return settings
  }

  /// The names in `for`, each once.
  private func expansion(_ entry: SyntaxEntry) -> [Name]? {
    switch entry.value.content {
    case .scalar(.string), .list: break
    default:
      problems.report("found \(entry.value.found), expected a list of axes", at: entry.value.place)
      return nil
    }
    var names: [Name] = []
    for name in self.names(entry, "the name of an axis", "a list of axes") {
      if names.contains(where: { $0.text == name.text }) {
        problems.report("axis '\(name.text.shortened)' stands twice in 'for'", at: name.place)
      } else {
        names.append(name)
      }
    }
    return names
  }

  /// Slots with stages: a map, or a list in which the name of a stage alone fills the slot of that name.
  private func inputs(_ entry: SyntaxEntry) -> OrderedEntries<SyntaxNode> {
    var inputs = OrderedEntries<SyntaxNode>()
    guard case .list(let elements) = entry.value.content else {
      for entry in map(entry, of: "slots with stages") { inputs.set(entry.key, entry.value) }
      return inputs
    }
    for element in elements {
      switch element.content {
      case .scalar(.string(let text)):
        add(
          SyntaxEntry(key: Name(text: InputReference.stage(of: text), place: element.place), value: element))
      case .map(let entries) where entries.count == 1: add(entries[0])
      default:
        problems.report("found \(element.found), expected 'slot: stage' or a stage", at: element.place)
      }
    }
    return inputs

    func add(_ entry: SyntaxEntry) {
      if let first = inputs.place(of: entry.key.text) {
        problems.report(
          "input '\(entry.key.text.shortened)' stands twice", at: entry.key.place,
          notes: ["first given at \(problems.text(first))"])
      } else {
        inputs.set(entry.key, entry.value)
      }
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

  /// One text or a list of texts.
  private func names(_ entry: SyntaxEntry, _ one: String, _ many: String) -> [Name] {
    guard case .list(let elements) = entry.value.content else {
      return text(entry, "\(one), or \(many)").map { [$0] } ?? []
    }
    return elements.compactMap { element in
      guard case .scalar(.string(let text)) = element.content else {
        problems.report("found \(element.found), expected \(one)", at: element.place)
        return nil
      }
      return Name(text: text, place: element.place)
    }
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

  private func isNote(_ entry: SyntaxEntry) -> Bool {
    if entry.value.isNull || entry.value.text != nil { return true }
    problems.report(
      "the note of '\(entry.key.text.shortened)': found \(entry.value.found), expected a text",
      at: entry.value.place)
    return false
  }

  private func isFolder(_ name: Name) -> Bool {
    if FilePath.within(name.text) == name.text { return true }
    problems.report(
      "'\(name.text.shortened)' is no folder to publish into", at: name.place,
      notes: ["it is a path below the project's root, as in 'results' or 'results/figures'"])
    return false
  }

  private func isLabel(_ name: Name) -> Bool {
    if name.text.isNamePart { return true }
    problems.report(
      "'\(name.text.shortened)' can't be a label", at: name.place, notes: ["a label has \(Rule.part)"])
    return false
  }
}
