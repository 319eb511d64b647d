// What of a list, a map or a text has changed, and which parameter of the file it was made with.

import FoundationEssentials
import PipelineCore

/// A change of a part of a stage's parameter.
public struct PartChange: Hashable, Sendable {
  /// A parameter of the file, as in `ridge`; or the part, as in `argv --ridge`, `argv[3]` and `environment.MODE`; or the
  /// whole parameter.
  public var name: String
  /// The value before; nil where there was none.
  public var old: String?
  /// The value now; nil where there is none.
  public var new: String?

  /// A change by its name.
  public init(name: String, old: String?, new: String?) {
    self.name = name
    self.old = old
    self.new = new
  }

  /// The changes that make up the change of a parameter between two JSON texts.
  ///
  /// - Parameter trace: How the parameter is made now. What changed is named by the references in it, if the old value can
  ///   have been made in the same way.
  public static func changes(
    of name: String, _ old: String?, _ new: String?, _ trace: ParameterTrace?
  ) -> [PartChange] {
    guard let old, let new, let before = value(old), let after = value(new),
      let changes = changes(name, before, after, trace)
    else { return [PartChange(name: name, old: old, new: new)] }
    return changes
  }

  /// The changes that make up the change of a parameter of all nodes of a stage, from the lists of its values as
  /// `parametersByStage` writes them; each once.
  public static func changes(
    ofAll name: String, _ old: String?, _ new: String?, _ trace: ParameterTrace?
  ) -> [PartChange] {
    let whole = [PartChange(name: name, old: old, new: new)]
    guard let old, let new, case .list(let before)? = values(old),
      case .list(let after)? = values(new),
      before.count == after.count
    else { return whole }
    var found: [PartChange] = []
    for (one, other) in zip(before, after) where one != other {
      guard let changes = changes(name, one, other, trace) else { return whole }
      for change in changes where !found.contains(change) { found.append(change) }
    }
    return found.isEmpty ? whole : found
  }

  /// Nil where the whole says it best.
  private static func changes(
    _ name: String, _ old: Value, _ new: Value, _ trace: ParameterTrace?
  ) -> [PartChange]? {
    switch (old, new) {
    case (.list, .list), (.map, .map), (.string, .string): break
    default: return nil
    }
    // A reference alone is the parameter by another name.
    if case .reference = trace { return nil }
    if let trace {
      var found = Found()
      found.follow(trace, old, new)
      if found.isWhole, !found.changes.isEmpty { return found.changes }
    }
    if case .string = old { return nil }
    let parts = parts(name, old, new)
    return parts.isEmpty ? nil : parts
  }

  /// The values that `parametersByStage` has joined; of many, those that it has kept.
  private static func values(_ texts: String) -> Value? {
    value("[\(texts.hasSuffix(", …") ? String(texts.dropLast(3)) : texts)]")
  }

  private static func value(_ json: String) -> Value? {
    try? JSONDecoder().decode(Value.self, from: Data(json.utf8))
  }

  // MARK: By references

  /// What the references of a trace stand for on both sides.
  private struct Found {
    var changes: [PartChange] = []
    /// Whether they account for all that differs.
    var isWhole = true

    mutating func follow(_ trace: ParameterTrace, _ old: Value, _ new: Value) {
      if old == new { return }
      switch (trace, old, new) {
      case (.reference(let name), _, _): add(name, old.plainText, new.plainText)
      case (.list(let traces), .list(let a), .list(let b))
      where traces.count == a.count && a.count == b.count:
        for (trace, pair) in zip(traces, zip(a, b)) { follow(trace, pair.0, pair.1) }
      case (.map(let traces), .map(let a), .map(let b)) where Set(a.keys) == Set(b.keys):
        for key in a.keys.sorted() {
          guard let trace = traces[key], let first = a[key], let second = b[key] else {
            return isWhole = false
          }
          follow(trace, first, second)
        }
      case (.text(let pieces), .string(let a), .string(let b)):
        guard let first = Self.match(pieces, a), let second = Self.match(pieces, b) else {
          return isWhole = false
        }
        for (one, other) in zip(first, second) where one.value != other.value {
          add(one.name, one.value, other.value)
        }
      default: isWhole = false
      }
    }

    private mutating func add(_ name: String, _ old: String, _ new: String) {
      let change = PartChange(name: name, old: PartChange.shown(old), new: PartChange.shown(new))
      guard let known = changes.first(where: { $0.name == name }) else { return changes.append(change) }
      if known != change { isWhole = false }
    }

    /// What each reference of a text stands for, if the text between them says so without doubt: nil where a piece is not
    /// there, where two references touch, or where the next piece is in what a reference stands for.
    private static func match(_ pieces: [ParameterTrace.Piece], _ text: String) -> [(
      name: String, value: String
    )]? {
      var rest = text[...]
      var values: [(String, String)] = []
      var open: String?
      for piece in pieces {
        switch piece {
        case .reference(let name):
          guard open == nil else { return nil }
          open = name
        case .text(let literal):
          guard let name = open else {
            guard rest.hasPrefix(literal) else { return nil }
            rest = rest.dropFirst(literal.count)
            continue
          }
          guard let place = rest.firstRange(of: literal) else { return nil }
          values.append((name, String(rest[..<place.lowerBound])))
          rest = rest[place.upperBound...]
          open = nil
        }
      }
      if let open {
        values.append((open, String(rest)))
        rest = ""
      }
      return rest.isEmpty ? values : nil
    }
  }

  // MARK: By places

  private static func parts(_ name: String, _ old: Value, _ new: Value) -> [PartChange] {
    switch (old, new) {
    case _ where old == new: return []
    case (.list(let a), .list(let b)): return parts(name, a, b)
    case (.map(let a), .map(let b)):
      return Set(a.keys).union(b.keys).sorted().flatMap { key -> [PartChange] in
        let inner = "\(name).\(key)"
        guard let first = a[key], let second = b[key] else {
          return a[key] == b[key]
            ? [] : [PartChange(name: inner, old: a[key].map(shown), new: b[key].map(shown))]
        }
        return parts(inner, first, second)
      }
    default: return [PartChange(name: name, old: shown(old), new: shown(new))]
    }
  }

  private static func parts(_ name: String, _ old: [Value], _ new: [Value]) -> [PartChange] {
    guard old.count == new.count else {
      // What is the same at both ends says nothing.
      let before = zip(old, new).prefix { $0 == $1 }.count
      let room = min(old.count, new.count) - before
      let behind = zip(old.reversed(), new.reversed()).prefix { $0 == $1 }.prefix(room).count
      func middle(_ values: [Value]) -> String? {
        let part = values[before..<(values.count - behind)]
        return part.isEmpty ? nil : part.map(shown).joined(separator: " ")
      }
      return [PartChange(name: "\(name)[\(before)]", old: middle(old), new: middle(new))]
    }
    return old.indices.flatMap { place -> [PartChange] in
      let (a, b) = (old[place], new[place])
      guard a != b else { return [] }
      guard case .string(let first) = a, case .string(let second) = b else {
        return parts("\(name)[\(place)]", a, b)
      }
      // An option before it, or at its start, says more than a number.
      if let (option, before, after) = option(first, second) {
        return [PartChange(name: "\(name) \(option)", old: shown(before), new: shown(after))]
      }
      let (one, other) = excerpt(first, second)
      if place > 0, case .string(let option) = old[place - 1], old[place - 1] == new[place - 1],
        option.hasPrefix("-"),
        !first.hasPrefix("--"), !second.hasPrefix("--"), option.count > 1, !option.contains(" ")
      {
        return [PartChange(name: "\(name) \(option)", old: one, new: other)]
      }
      return [PartChange(name: "\(name)[\(place)]", old: one, new: other)]
    }
  }

  /// `--ridge=0.1` and `--ridge=10`: the option and both values.
  private static func option(_ a: String, _ b: String) -> (String, String, String)? {
    guard a.hasPrefix("-"), let equals = a.firstIndex(of: "="), b.hasPrefix(a[...equals]) else { return nil }
    let option = String(a[..<equals])
    return (option, String(a[equals...].dropFirst()), String(b.dropFirst(option.count + 1)))
  }

  /// Of two long texts what lies around their difference.
  private static func excerpt(_ a: String, _ b: String) -> (String, String) {
    guard max(a.count, b.count) > 60 else { return (shown(a), shown(b)) }
    let context = 12
    let before = zip(a, b).prefix { $0 == $1 }.count
    let room = min(a.count, b.count) - before
    let behind = zip(a.reversed(), b.reversed()).prefix { $0 == $1 }.prefix(room).count
    func part(_ text: String) -> String {
      let start = max(0, before - context)
      let end = min(text.count, text.count - behind + context)
      let middle = text.dropFirst(start).prefix(end - start)
      return shown(
        (start > 0 ? "…" : "") + middle.prefix(200) + (end < text.count || middle.count > 200 ? "…" : ""))
    }
    return (part(a), part(b))
  }

  private static func shown(_ value: Value) -> String { shown(value.plainText) }

  /// On one line, and visible where there is nothing to see.
  private static func shown(_ text: String) -> String {
    text.isEmpty || text.contains(where: { $0.isNewline || $0 == "\t" }) || text.first == " "
      || text.last == " "
      ? Value.string(text).json : text
  }
}
