// A stage of the file as the cases that it has: each with its own settings and axes.

import PipelineCore

/// A stage, or one case of it, with all that it is given.
struct StageUnit {
  /// The label of the case; nil for a stage without cases.
  var label: String?
  /// Where it is written: the case, or else the stage.
  var place: Place
  /// The axes in order; nil where they are not known, which has been reported.
  var axes: [Name]?
  var inputs = OrderedEntries<SyntaxNode>()
  var parameters = OrderedEntries<SyntaxNode>()
  var condition: SyntaxEntry?
}

/// A stage with its cases.
struct StageFamily {
  var syntax: StageSyntax
  /// Nil for an unknown type.
  var declaration: StageDeclaration?
  /// One for each case, in order; a single one without a label for a stage that has none.
  var units: [StageUnit] = [] { didSet { index() } }
  /// The labels of all cases.
  private(set) var labels: [String] = []
  private var positions: [String: Int] = [:]
  /// The stage that the cases come from: this one, or the one that an input in `for` takes.
  var origin: Int
  /// Whether its cases are not known, which has been reported.
  var hasFailed = false
  /// The index of the first unit among those of all stages.
  var base = 0

  var name: String { syntax.name.text }
  var hasCases: Bool { units.first?.label != nil }
  /// The position of a case.
  func position(of label: String) -> Int? { positions[label] }

  /// The name of a unit: `stage`, or `stage[case]`.
  func title(of unit: Int) -> String { units[unit].label.map { "\(name)[\($0)]" } ?? name }

  init(syntax: StageSyntax, declaration: StageDeclaration?, origin: Int) {
    self.syntax = syntax
    self.declaration = declaration
    self.origin = origin
  }

  private mutating func index() {
    labels = units.compactMap(\.label)
    positions = Dictionary(labels.enumerated().map { ($1, $0) }) { first, _ in first }
  }
}

/// A unit that a slot takes.
struct ChosenSource {
  /// The label under which a slot of many artifacts knows it.
  var label: String
  /// The stage, as an index into the families.
  var family: Int
  /// The case, as an index into the units of that stage.
  var unit: Int
  var reference: InputReference
  /// Whether it can be this unit only, however many cases its stage has.
  var isOneUnit = true
}

/// All stages in file order, and what their inputs mean.
struct StageFamilies {
  let problems: Problems
  var families: [StageFamily] = []
  var positions: [String: Int] = [:]
  private let lists = SourceLists()

  init(problems: Problems) { self.problems = problems }

  private var names: [String] { families.map(\.name) }

  /// The index of a stage; nil after reporting that there is none.
  func family(of reference: InputReference) -> Int? {
    if let position = positions[reference.stage] { return position }
    problems.report(
      "unknown stage '\(reference.stage.shortened)'", at: reference.place,
      notes: [suggestion(for: reference.stage, among: names, of: "stages")])
    return nil
  }

  /// The one unit that a slot of one artifact takes for a consumer of some label; nil after reporting.
  func one(_ node: SyntaxNode, slot: String, for label: String?, of consumer: String) -> ChosenSource? {
    guard let sources = sources(of: node) else { return nil }
    if case .scalar = node.content {
      return unit(of: sources[0].reference, slot: slot, for: label, of: consumer)
    }
    if let label, let source = lists.source(node, label, { sources.map { ($0, labels(of: $0)) } }) {
      let inner = source.label == nil ? label : nil
      return unit(of: source.reference, slot: slot, for: inner, of: consumer)
    }
    let known = sources.map { family(of: $0.reference) != nil }
    guard !known.contains(false) else { return nil }
    let found = node.found
    problems.report(
      "found \(found), expected the name of one stage", at: node.place,
      notes: [
        "\(found) gives a case for each of its stages, if '\(slot)' is in the 'for' of '\(consumer)' and no axis is called so"
      ])
    return nil
  }

  /// The sources of a slot as they are written; nil after reporting what is wrong with them.
  func sources(of node: SyntaxNode) -> [SourceSyntax]? { lists.read(node, problems) }

  private func unit(
    of reference: InputReference, slot: String, for label: String?, of consumer: String
  ) -> ChosenSource? {
    guard let index = family(of: reference) else { return nil }
    let family = families[index]
    if reference.label != nil || !family.hasCases {
      return named(reference, index).map {
        ChosenSource(label: label ?? family.name, family: index, unit: $0, reference: reference)
      }
    }
    if let label, let unit = family.position(of: label) {
      return ChosenSource(label: label, family: index, unit: unit, reference: reference)
    }
    problems.report(
      "input '\(slot)' takes one artifact, but '\(family.name)' has one for each of its cases",
      at: reference.place,
      notes: [
        "cases: \(list(family.labels))", "either add '\(slot)' to the 'for' of '\(consumer)'",
        "or name one, as in '\(family.title(of: 0))'",
      ])
    return nil
  }

  /// The unit that a reference names, or that a stage without cases is.
  private func named(_ reference: InputReference, _ index: Int) -> Int? {
    let family = families[index]
    guard let label = reference.label else { return 0 }
    if let unit = family.position(of: label) { return unit }
    problems.report(
      "'\(family.name)' has no case '\(label.shortened)'", at: reference.place,
      notes: [suggestion(for: label, among: family.labels, of: "cases")])
    return nil
  }

  /// The labels under which a source is known in a list or a map.
  func labels(of source: SourceSyntax) -> [String] {
    if let label = source.label { return [label.text] }
    if let label = source.reference.label { return [label] }
    guard let position = positions[source.reference.stage] else { return [] }
    let family = families[position]
    return family.hasCases ? family.labels : [family.name]
  }

  /// All units that a slot of many artifacts takes, in the order in which they are written; nil after reporting.
  /// Of a stage whose cases come from where the consumer's come from, that is the consumer's own case, under the
  /// name of the stage.
  func many(_ node: SyntaxNode, for label: String?, origin: Int) -> [ChosenSource]? {
    guard let sources = sources(of: node) else { return nil }
    var chosen: [ChosenSource] = []
    var isSound = true
    for source in sources {
      guard let index = family(of: source.reference) else {
        isSound = false
        continue
      }
      let family = families[index]
      if source.reference.label == nil, family.origin == origin, let own = label.flatMap(family.position) {
        let label = source.label?.text ?? family.name
        chosen.append(ChosenSource(label: label, family: index, unit: own, reference: source.reference))
        continue
      }
      var units: [Int] = []
      if source.reference.label != nil || !family.hasCases {
        units = named(source.reference, index).map { [$0] } ?? []
      } else if isOneStage(source, family) {
        units = Array(family.units.indices)
      }
      isSound = isSound && !units.isEmpty
      for unit in units {
        let label = source.label?.text ?? family.units[unit].label ?? family.name
        chosen.append(
          ChosenSource(
            label: label, family: index, unit: unit, reference: source.reference,
            isOneUnit: source.reference.label != nil || !family.hasCases))
      }
    }
    return isSound && areDistinct(chosen) ? chosen : nil
  }

  /// Whether a label, where there is one, stands for one stage and not for its cases.
  func isOneStage(_ source: SourceSyntax, _ family: StageFamily) -> Bool {
    guard let label = source.label, source.reference.label == nil, family.hasCases else { return true }
    problems.report(
      "the label '\(label.text.shortened)' is one, but '\(family.name)' has the cases \(list(family.labels))",
      at: label.place,
      notes: [
        "in a list a stage without a label brings those of its cases; or name one, as in '\(family.title(of: 0))'"
      ]
    )
    return false
  }

  /// Whether no label stands for two stages, or for two cases of one.
  private func areDistinct(_ chosen: [ChosenSource]) -> Bool {
    var first: [String: ChosenSource] = [:]
    for source in chosen {
      guard let other = first.updateValue(source, forKey: source.label),
        (other.family, other.unit) != (source.family, source.unit)
      else { continue }
      let titles = [other, source].map { families[$0.family].title(of: $0.unit) }
      problems.report(
        "the label '\(source.label.shortened)' stands for both '\(titles[0])' and '\(titles[1])'",
        at: source.reference.place, notes: ["give one of them another label: 'label: stage'"])
      return false
    }
    return true
  }

  private func list(_ labels: [String]) -> String {
    labels.prefix(20).joined(separator: ", ") + (labels.count > 20 ? ", …" : "")
  }
}

/// Lists of sources, read once however many cases choose among them.
private final class SourceLists {
  private var sources: [Place: [SourceSyntax]] = [:]
  private var byLabel: [Place: [String: SourceSyntax]] = [:]

  func read(_ node: SyntaxNode, _ problems: Problems) -> [SourceSyntax]? {
    // Scalars may share a place: slots that fill themselves stand where their stage does.
    if case .scalar = node.content { return SourceSyntax.read(node, problems) }
    if let known = sources[node.place] { return known }
    let read = SourceSyntax.read(node, problems)
    sources[node.place] = read
    return read
  }

  func source(_ node: SyntaxNode, _ label: String, _ all: () -> [(SourceSyntax, [String])]) -> SourceSyntax? {
    if let known = byLabel[node.place] { return known[label] }
    let pairs = all().flatMap { source, labels in labels.map { ($0, source) } }
    let table = Dictionary(pairs) { first, _ in first }
    byLabel[node.place] = table
    return table[label]
  }
}
