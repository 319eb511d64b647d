// Lays files over those that they extend: names within sections, and within stages their settings.

import PipelineCore

/// Several files become one. What two files both give, of which neither extends the other, is an error: then no
/// order of files means anything.
struct Merging {
  let problems: Problems
  private(set) var merged = FileSyntax(place: Place(source: 0, line: 1, column: 1))
  private var file: LoadedFile?

  init(problems: Problems) { self.problems = problems }

  /// Lays a file over all that came before it.
  mutating func lay(_ file: LoadedFile) {
    self.file = file
    let syntax = file.syntax
    merged.place = syntax.place
    merged.description = syntax.description ?? merged.description
    merged.stagesPlace = syntax.stagesPlace ?? merged.stagesPlace
    let (isBase, problems) = (syntax.extends.isEmpty, problems)
    lay(syntax.parameters, over: &merged.parameters, "parameter")
    lay(syntax.defaults, over: &merged.defaults, "default")
    lay(syntax.axes, over: &merged.axes, "axis") { name, axes in
      Self.reportNothingToRemove("axis", "axes", name, among: axes.names, isBase: isBase, problems)
    }
    lay(notesOf: syntax, isBase: isBase)
    lay(syntax.zip, over: &merged.zip, "'zip'")
    lay(syntax.exclude, over: &merged.exclude, "'exclude'")
    lay(syntax.publish, over: &merged.publish, "the folder to publish") { name, folders in
      Self.reportNothingToRemove(
        "folder to publish", "folders", name, among: folders.names, isBase: isBase, problems)
    }
    for (name, stage) in syntax.stages.entries {
      if let stage {
        lay(stage)
      } else if !merged.stages.remove(name.text) {
        let names = merged.stages.names
        Self.reportNothingToRemove("stage", "stages", name, among: names, isBase: isBase, problems)
      }
    }
  }

  /// A note speaks of a value: a file that gives another value takes the note of the former one away.
  private mutating func lay(notesOf syntax: FileSyntax, isBase: Bool) {
    for name in syntax.parameters.names + syntax.defaults.names + syntax.axes.names
    where syntax.notes[name] == nil {
      _ = merged.notes.remove(name)
    }
    lay(syntax.notes, over: &merged.notes, "the note of") { [problems] name, notes in
      Self.reportNothingToRemove("note", "notes", name, among: notes.names, isBase: isBase, problems)
    }
  }

  private mutating func lay(_ stage: StageSyntax) {
    var base = (merged.stages[stage.name.text] ?? nil) ?? StageSyntax(name: stage.name)
    let name = "stage '\(stage.name.text)'"
    if let type = stage.type {
      check(type, against: base.type?.place, "the type of \(name)")
      base.type = type
    }
    base.timeout = stage.timeout ?? base.timeout
    lay(stage.settings, over: &base.settings, name) { [problems] slot, inputs in
      problems.report(
        "there is no input '\(slot.text.shortened)' of \(name) to remove", at: slot.place,
        notes: [suggestion(for: slot.text, among: inputs.names, of: "inputs")])
    }
    for (label, settings) in stage.cases.entries {
      if let settings {
        var under = (base.cases[label.text] ?? nil) ?? SettingsSyntax()
        lay(settings, over: &under, "case '\(label.text)' of \(name)")
        base.cases.set(label, under)
      } else if !base.cases.remove(label.text) {
        problems.report(
          "there is no case '\(label.text)' of \(name) to remove", at: label.place,
          notes: [suggestion(for: label.text, among: base.cases.names, of: "cases")])
      }
    }
    merged.stages.set(base.name, base)
  }

  /// Without `remove` a null input stays: a case may take away an input of its stage.
  private func lay(
    _ settings: SettingsSyntax, over base: inout SettingsSyntax, _ owner: String,
    remove: ((Name, OrderedEntries<SyntaxNode>) -> Void)? = nil
  ) {
    if let expansion = settings.expansion {
      if let first = expansion.first {
        check(first, against: base.expansion?.first?.place, "'for' of \(owner)")
      }
      base.expansion = expansion
    }
    lay(settings.condition, over: &base.condition, "'when' of \(owner)")
    lay(settings.parameters, over: &base.parameters, "parameter", of: owner)
    lay(settings.inputs, over: &base.inputs, "input", of: owner, remove: remove)
  }

  /// Lays a value over another, whole; null stands for none.
  private func lay(_ entry: SyntaxEntry?, over base: inout SyntaxEntry?, _ subject: String) {
    guard let entry else { return }
    check(entry.key, against: base?.key.place, subject)
    base = entry
  }

  /// Lays entries over others by name; a null one is given to `remove`, where there is such a thing.
  private func lay(
    _ entries: OrderedEntries<SyntaxNode>, over base: inout OrderedEntries<SyntaxNode>, _ what: String,
    of owner: String? = nil, remove: ((Name, OrderedEntries<SyntaxNode>) -> Void)? = nil
  ) {
    for (name, value) in entries.entries {
      let subject = "\(what) '\(name.text.shortened)'" + (owner.map { " of \($0)" } ?? "")
      check(name, against: base.place(of: name.text), subject)
      if let remove, value.isNull {
        let names = base
        if !base.remove(name.text) { remove(name, names) }
      } else {
        base.set(name, value)
      }
    }
  }

  /// Refuses what a file gives over another that it does not extend.
  private func check(_ name: Name, against place: Place?, _ subject: String) {
    guard let file, let place, Int(place.source) != file.source,
      !file.ancestors.contains(Int(place.source))
    else { return }
    problems.report(
      "\(subject) is given by two files, neither of which extends the other", at: name.place,
      notes: ["first given at \(problems.text(place))"])
  }

  private static func reportNothingToRemove(
    _ what: String, _ plural: String, _ name: Name, among names: [String], isBase: Bool, _ problems: Problems
  ) {
    let note =
      isBase
      ? "an empty \(what) removes that of a file that is extended, and this file extends none"
      : suggestion(for: name.text, among: names, of: plural)
    problems.report("there is no \(what) '\(name.text)' to remove", at: name.place, notes: [note])
  }
}
