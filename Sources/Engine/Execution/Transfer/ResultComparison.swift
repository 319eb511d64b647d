// Which results of one cache another one can take: none that it has otherwise, and none that stands on such a one.

import PipelineCore

/// Compares the results of a giver with those of a taker, by plan key.
///
/// A plan key says how a result is made, not which bytes came of it. A fresh result is believed without a look at what it
/// was made of. So one that was made of other bytes than the taker has must not become fresh there.
struct ResultComparison {
  /// What the giver says of the plan key of a node (its artifact and its manifest) or of a join (its members).
  struct Given {
    let artifact: Artifact?
    let fields: [ManifestField]
    /// The plan keys of the inputs or members.
    let inputs: [Digest]

    init(_ plan: PlanRecord) { (artifact, fields, inputs) = (plan.artifact, plan.manifest, plan.inputs) }

    init(join members: [ManifestField]) {
      (artifact, fields, inputs) = (nil, members, members.compactMap { Digest(hex: $0.value) })
    }
  }

  /// How a result of the giver fits in with what the taker has.
  enum Standing: Equatable {
    /// The taker has the same, or nothing that speaks against it.
    case fits
    /// The taker has another result under this key, or one that the giver knows nothing of.
    case differs
    /// It was made, perhaps by way of others, of the result of this plan key, which the taker has otherwise; the taker may
    /// have another result of its own in its place.
    case standsOn(Digest)
  }

  /// What the giver says. More may be added before its keys are asked for.
  var given: [Digest: Given]
  /// What the taker has under a plan key.
  private let plans: (Digest) -> Artifact?
  /// What the taker has under an action key.
  private let actions: (Digest) -> Artifact?
  private var known: [Digest: Standing] = [:]

  init(
    _ given: [Digest: Given], plans: @escaping (Digest) -> Artifact?, actions: @escaping (Digest) -> Artifact?
  ) {
    (self.given, self.plans, self.actions) = (given, plans, actions)
  }

  /// How the result of a plan key fits in.
  ///
  /// No recursion: a chain of nodes may be longer than the stack is deep.
  mutating func standing(of key: Digest) -> Standing {
    var stack = [key]
    while let top = stack.last {
      if known[top] != nil {
        stack.removeLast()
        continue
      }
      guard let record = given[top] else {
        // Whether what the giver made was made of the one that the taker has, only an action key tells.
        known[top] = plans(top) == nil ? .fits : .differs
        continue
      }
      let own = taken(top, record)
      if let own, own.content == record.artifact?.content {
        known[top] = .fits
        continue
      }
      let open = record.inputs.filter { known[$0] == nil }
      stack += open
      if !open.isEmpty { continue }
      // Where an input differs, that is why this one does.
      var reason = record.inputs.compactMap(root).first
      if reason != nil, let action = record.artifact?.action, action == actionKey(record) { reason = nil }
      known[top] = reason ?? (own == nil ? .fits : .differs)
    }
    return known[key]!
  }

  /// What the taker has of a result of the giver.
  private func taken(_ key: Digest, _ record: Given) -> Artifact? {
    record.artifact.flatMap { plans(key) ?? actions($0.action) }
  }

  /// The key of a result's work over the contents that its inputs have, or would have, at the taker; nil where one of them
  /// is not known.
  private func actionKey(_ record: Given) -> Digest? {
    var fields = record.fields
    for index in fields.indices where fields[index].name.hasPrefix(PlanRecord.inputPrefix) {
      guard let key = Digest(hex: fields[index].value) else { continue }
      guard let content = content(key) ?? given[key].flatMap(joinContent) else { return nil }
      fields[index].value = content.hex
    }
    return Digest(of: fields, as: .action)
  }

  /// The digest of a join's members over their contents at the taker; nil for what is no join.
  private func joinContent(_ record: Given) -> Digest? {
    guard record.artifact == nil else { return nil }
    var fields = record.fields
    for index in fields.indices {
      guard let content = Digest(hex: fields[index].value).flatMap(content) else { return nil }
      fields[index].value = content.hex
    }
    return Digest(of: fields, as: .join)
  }

  /// The content of a node at the taker, or the one that it will take; nil for one that it must make itself.
  private func content(_ key: Digest) -> Digest? {
    guard let record = given[key] else { return plans(key)?.content }
    if let own = taken(key, record) { return own.content }
    return known[key] == .fits ? record.artifact?.content : nil
  }

  /// How what stands on an input stands; nil if the input fits.
  private func root(_ input: Digest) -> Standing? {
    switch known[input]! {
    case .fits: nil
    case .differs: .standsOn(input)
    case .standsOn(let root): .standsOn(root)
    }
  }
}
