// `--set KEY=VALUE`: options laid over a merged file.

import PipelineCore

extension Loader {
  /// Applies the options in order; a later one wins over an earlier one of the same key.
  func apply(_ overrides: [String], to file: inout FileSyntax) {
    for option in overrides {
      let source = problems.add(SourceText(name: "--set \(option.shortened)", text: option, isOption: true))
      let start = Place(source: source, line: 1, column: 1)
      guard let equals = option.firstIndex(of: "=") else {
        problems.report("expected KEY=VALUE", at: start)
        continue
      }
      let key = Name(text: String(option[..<equals]), place: start)
      let text = String(option[option.index(after: equals)...])
      let column = key.text.unicodeScalars.count + 2
      let place = Place(source: source, line: 1, column: column)
      let before = problems.count
      let node =
        Self.isPlain(text)
        ? YAMLReader.plain(text, at: place, problems)
        : YAMLReader.read(text, source: source, problems: problems, firstColumn: column)
      guard problems.count == before else { continue }
      // An empty value is null, as it is in YAML.
      set(key, to: node ?? SyntaxNode(place: place, content: .scalar(.null)), in: &file)
    }
  }

  /// Whether a value is one plain scalar. On a command line that is all of it: no part of it is a comment, as `#b`
  /// would be in `text=a #b`, and no colon makes it a map.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first(where: { $0 != " " }) else { return false }
    return !"\"'[{&*!|>%@`".unicodeScalars.contains(first)
      && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }

  private func set(_ key: Name, to value: SyntaxNode, in file: inout FileSyntax) {
    // What was noted of the file's value does not hold for another.
    _ = file.notes.remove(key.text)
    if file.parameters[key.text] != nil {
      file.parameters.set(key, value)
    } else if file.defaults[key.text] != nil {
      file.defaults.set(key, value)
    } else if file.axes[key.text] != nil {
      file.axes.set(key, value)
    } else if key.text == "zip" {
      file.zip = SyntaxEntry(key: key, value: value)
    } else if key.text == "exclude" {
      file.exclude = SyntaxEntry(key: key, value: value)
    } else if let dot = Self.dot(in: key.text), setInStage(key, dot: dot, to: value, in: &file) {
      return
    } else {
      problems.report(
        "unknown key '\(key.text.shortened)'", at: key.place, notes: [suggestion(for: key.text, in: file)])
    }
  }

  /// The dot between a stage and its parameter; a case's label may have dots of its own.
  private static func dot(in key: String) -> String.Index? {
    guard let close = key.lastIndex(of: "]") else { return key.firstIndex(of: ".") }
    let next = key.index(after: close)
    return next < key.endIndex && key[next] == "." ? next : nil
  }

  /// Sets a parameter, the condition or the timeout of a stage (`base.epochs`), or a parameter or the condition of one
  /// case (`base[case].epochs`).
  private func setInStage(_ key: Name, dot: String.Index, to value: SyntaxNode, in file: inout FileSyntax)
    -> Bool
  {
    let (owner, name) = (String(key.text[..<dot]), String(key.text[key.text.index(after: dot)...]))
    let stageName = InputReference.stage(of: owner)
    guard let entry = file.stages[stageName], var stage = entry else { return false }
    // A stage of an unknown type is an error of the file, not of the option.
    let declaration = stages[stage.type?.text ?? stageName]
    let isParameter =
      declaration?.parameter(name) != nil || (declaration == nil && !["when", "timeout"].contains(name))
    var place = key.place
    place.column += Int32(clamping: owner.unicodeScalars.count + 1)
    let parameter = Name(text: name, place: place)
    if owner != stageName {
      let label = String(owner.dropFirst(stageName.count + 1).dropLast())
      guard isParameter || name == "when", owner.hasSuffix("]"), let entry = stage.cases[label],
        var settings = entry
      else { return false }
      if isParameter {
        settings.parameters.set(parameter, value)
      } else {
        settings.condition = SyntaxEntry(key: parameter, value: value)
      }
      stage.cases.set(Name(text: label, place: stage.cases.place(of: label) ?? key.place), settings)
    } else if isParameter {
      stage.settings.parameters.set(parameter, value)
      // The option stands over the whole file, so also over what the cases say.
      for (label, settings) in stage.cases.entries {
        guard var settings, settings.parameters.remove(name) else { continue }
        stage.cases.set(label, settings)
      }
    } else if name == "when" {
      stage.settings.condition = SyntaxEntry(key: parameter, value: value)
      for (label, settings) in stage.cases.entries {
        guard var settings, settings.condition != nil else { continue }
        settings.condition = nil
        stage.cases.set(label, settings)
      }
    } else if name == "timeout" {
      stage.timeout = value
    } else {
      return false
    }
    file.stages.set(stage.name, stage)
    return true
  }

  /// "did you mean …?" over all keys that `--set` reaches.
  private func suggestion(for key: String, in file: FileSyntax) -> String {
    var keys = file.parameters.names + file.defaults.names + file.axes.names
    keys += [file.zip, file.exclude].compactMap { $0?.key.text }
    let inStages = file.stages.entries.compactMap { $0.value }.flatMap { stage in
      let declaration = stages[stage.type?.text ?? stage.name.text]
      let parameters = declaration?.parameters.map(\.name) ?? []
      let inCases = stage.cases.names.flatMap { label in
        parameters.map { "\(stage.name.text)[\(label)].\($0)" }
      }
      return (parameters + ["when", "timeout"]).map { "\(stage.name.text).\($0)" } + inCases
    }
    // A section of the file is no part of a key.
    if let dot = key.firstIndex(of: "."), FileSyntax.keys.contains(String(key[..<dot])) {
      let rest = String(key[key.index(after: dot)...])
      if keys.contains(rest) || inStages.contains(rest) { return "did you mean '\(rest)'?" }
    }
    let homes = inStages.filter { $0.hasSuffix("." + key) }
    if !homes.isEmpty, nearest(to: key, among: keys) == nil {
      return "did you mean \(homes.prefix(8).map { "'\($0)'" }.joined(separator: " or "))?"
    }
    if key.contains(".") {
      // A key within a stage: whichever part is wrong, the whole nearest key is the answer.
      keys = inStages
      let stage = Self.dot(in: key).map { key[..<$0] } ?? key[...]
      let own = keys.filter { $0.hasPrefix(stage + ".") }
      if !own.isEmpty { keys = own }
    }
    return PipelineCore.suggestion(for: key, among: keys, of: "keys")
  }
}
