// `--set KEY=VALUE`: options laid over a merged file.

import PipelineCore

extension Loader {
  /// Applies the options in order; a later one wins over an earlier one of the same key.
  func apply(_ overrides: [String], to file: inout FileSyntax) {
    for option in overrides {
      let source = problems.add(SourceText(name: "--set \(option.shortened)", text: option))
      let start = Place(source: source, line: 1, column: 1)
      guard let equals = option.firstIndex(of: "=") else {
        problems.report("expected KEY=VALUE", at: start)
        continue
      }
      let key = Name(text: String(option[..<equals]), place: start)
      let text = String(option[option.index(after: equals)...])
      let column = key.text.unicodeScalars.count + 2
      let before = problems.count
      let node = YAMLReader.read(text, source: source, problems: problems, firstColumn: column)
      guard problems.count == before else { continue }
      // An empty value is null, as it is in YAML.
      let place = Place(source: source, line: 1, column: column)
      set(key, to: node ?? SyntaxNode(place: place, content: .scalar(.null)), in: &file)
    }
  }

  private func set(_ key: Name, to value: SyntaxNode, in file: inout FileSyntax) {
    if file.parameters[key.text] != nil {
      file.parameters.set(key, value)
    } else if file.axes[key.text] != nil {
      file.axes.set(key, value)
    } else if let dot = key.text.firstIndex(of: "."), setInStage(key, dot: dot, to: value, in: &file) {
      return
    } else {
      problems.report(
        "unknown key '\(key.text.shortened)'", at: key.place, notes: [suggestion(for: key.text, in: file)])
    }
  }

  private func setInStage(_ key: Name, dot: String.Index, to value: SyntaxNode, in file: inout FileSyntax)
    -> Bool
  {
    let (stageName, name) = (String(key.text[..<dot]), String(key.text[key.text.index(after: dot)...]))
    guard let entry = file.stages[stageName], var stage = entry else { return false }
    // A stage of an unknown type is an error of the file, not of the option.
    let declaration = stages[stage.type?.text ?? stageName]
    if declaration?.parameter(name) != nil || (declaration == nil && name != "timeout") {
      var place = key.place
      place.column += Int32(clamping: stageName.unicodeScalars.count + 1)
      stage.parameters.set(Name(text: name, place: place), value)
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
    var keys = file.parameters.names + file.axes.names
    let inStages = file.stages.entries.compactMap { $0.value }.flatMap { stage in
      let declaration = stages[stage.type?.text ?? stage.name.text]
      return ((declaration?.parameters.map(\.name) ?? []) + ["timeout"]).map { "\(stage.name.text).\($0)" }
    }
    let homes = inStages.filter { $0.hasSuffix("." + key) }
    if !homes.isEmpty, nearest(to: key, among: keys) == nil {
      return "did you mean \(homes.prefix(8).map { "'\($0)'" }.joined(separator: " or "))?"
    }
    if key.contains(".") {
      // A key within a stage: whichever part is wrong, the whole nearest key is the answer.
      keys = inStages
      let stage = key.prefix { $0 != "." }
      let own = keys.filter { $0.hasPrefix(stage + ".") }
      if !own.isEmpty { keys = own }
    }
    return PipelineCore.suggestion(for: key, among: keys, of: "keys")
  }
}
