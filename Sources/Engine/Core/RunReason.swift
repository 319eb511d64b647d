// Why a node runs: the invalidation rules, as one ordered list.

/// Why a node has no usable artifact. The rules are tried in the order of the cases; all that hold are
/// reported, and a node for which none holds is fresh.
public enum RunReason: Hashable, Sendable {
  /// 1. Nothing was ever made for this node in this cache.
  case neverBuilt
  /// 2. The stage of that name has another type now.
  case stageTypeChanged(old: String, new: String)
  /// 3. The program's stage makes other bytes than it did.
  case stageVersionChanged(old: String, new: String)
  /// 4. A parameter has another value; nil where it did not or does not exist.
  case parameterChanged(name: String, old: String?, new: String?)
  /// 5. The node stands at another axis value (random stages only).
  case axisChanged(name: String, old: String?, new: String?)
  /// 6. A file outside the cache has other bytes.
  case fileChanged(path: String, old: String?, new: String?)
  /// 6. A program that is tracked, such as an interpreter asked for its version, says something else.
  case trackedChanged(command: String, old: String?, new: String?)
  /// 6. The file of a program that is tracked has other bytes.
  case programChanged(name: String, old: String?, new: String?)
  /// 7. An input is not what it was: its own manifest changed, or another node fills the slot.
  case inputChanged(slot: String, old: Digest?, new: Digest?)
  /// 8. The key is the same, but its artifact is gone from the cache.
  case artifactMissing
  /// 9. The key is the same, but its artifact was found damaged.
  case artifactDamaged
  /// 10. The last attempt at this key failed.
  case failedBefore(message: String)
  /// 11. An input was made again, to other bytes, and nothing is known yet of what comes of these.
  case inputMadeAgain
  /// 12. The user asked for it, whatever there is.
  case forced

  /// Whether it is that the last attempt failed.
  package var isFailure: Bool { if case .failedBefore = self { true } else { false } }

  /// The word under which `pipeline plan` counts it.
  public var category: String {
    switch self {
    case .neverBuilt: "never built"
    case .stageTypeChanged: "stage type changed"
    case .stageVersionChanged: "stage version changed"
    case .parameterChanged: "parameter changed"
    case .axisChanged: "axis changed"
    case .fileChanged: "file changed"
    case .trackedChanged, .programChanged: "tracked program changed"
    case .inputChanged: "input changed"
    case .artifactMissing: "artifact missing"
    case .artifactDamaged: "artifact damaged"
    case .failedBefore: "failed before"
    case .inputMadeAgain: "input made again"
    case .forced: "asked for"
    }
  }

  /// The field and its values, old → new.
  public var description: String {
    func change(_ name: String, _ old: String?, _ new: String?) -> String {
      // Swift's comparison is the eye's: é is é, however it is spelled. Then only the spelling says what changed.
      guard let old, let new, old == new else { return "\(name): \(old ?? "(none)") → \(new ?? "(none)")" }
      return "\(name): \(ByteText(old).spelled) → \(ByteText(new).spelled)"
    }
    func short(_ digest: String?) -> String? { digest.map { String($0.prefix(12)) } }
    switch self {
    case .neverBuilt: return "never built"
    case .stageTypeChanged(let old, let new): return change("stage", old, new)
    case .stageVersionChanged(let old, let new): return change("stage_version", old, new)
    case .parameterChanged(let name, let old, let new): return change(name, old, new)
    case .axisChanged(let name, let old, let new): return change("axis \(name)", old, new)
    case .fileChanged(let path, let old, let new): return change("content of \(path)", short(old), short(new))
    case .programChanged(let name, let old, let new):
      return change("the program '\(name)'", short(old), short(new))
    case .trackedChanged(let command, let old, let new): return change("output of '\(command)'", old, new)
    case .inputChanged(let slot, let old, let new):
      if old == nil { return "input \(slot) added" }
      return new == nil ? "input \(slot) removed" : "input \(slot) changed"
    case .artifactMissing: return "its artifact is missing from the cache"
    case .artifactDamaged: return "its artifact is damaged"
    case .inputMadeAgain: return "an input was made again, to other bytes"
    case .forced: return "asked for"
    case .failedBefore(let message): return "the last attempt failed: \(message)"
    }
  }

  /// The reasons that lie between two manifests, in the order of the rules.
  public static func changes(from old: [ManifestField], to new: [ManifestField]) -> [RunReason] {
    let before = ManifestField.valuesByName(old)
    let after = ManifestField.valuesByName(new)
    var reasons: [RunReason] = []
    func change(_ name: ByteText) -> (old: String?, new: String?)? {
      before[name] == after[name] ? nil : (before[name]?.text, after[name]?.text)
    }
    if let (old, new) = change(ByteText("stage")) {
      reasons.append(.stageTypeChanged(old: old ?? "", new: new ?? ""))
    } else if let (old, new) = change(ByteText("stage_version")) {
      reasons.append(.stageVersionChanged(old: old ?? "", new: new ?? ""))
    }
    let names = Set(before.keys).union(after.keys).sorted()
    func each(_ section: String, _ reason: (String, String?, String?) -> RunReason) {
      for name in names where name.text.hasPrefix(section) {
        guard let (old, new) = change(name) else { continue }
        reasons.append(reason(String(name.text.dropFirst(section.count)), old, new))
      }
    }
    each("parameters.") { .parameterChanged(name: $0, old: $1, new: $2) }
    each("axes.") { .axisChanged(name: $0, old: $1, new: $2) }
    each("files.") { .fileChanged(path: $0, old: $1, new: $2) }
    each(TrackedOutput.wordsSection) { .trackedChanged(command: $0, old: $1, new: $2) }
    each(TrackedOutput.programSection) { .programChanged(name: $0, old: $1, new: $2) }
    each("inputs.") { slot, old, new in
      .inputChanged(slot: slot, old: old.flatMap { Digest(hex: $0) }, new: new.flatMap { Digest(hex: $0) })
    }
    return reasons
  }
}
