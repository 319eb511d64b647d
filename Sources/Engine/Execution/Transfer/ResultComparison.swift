// Which results of one cache another one can take: none that it has otherwise, and none that stands on such a one.

import PipelineCore

/// Compares the results of a giver with those of a taker, by plan key.
///
/// A plan key says how a result is made, not which bytes came of it. A fresh result is believed without a look at what it
/// was made of. So one that was made of other bytes than the taker has must not become fresh there.
struct ResultComparison {
  /// What the giver says of the plan key of a node (its artifact and its inputs) or of a join (its members).
  struct Given {
    var artifact: Artifact?
    var inputs: [Digest]
  }

  /// How a result of the giver fits in with what the taker has.
  enum Standing: Equatable {
    /// The taker has the same, or nothing that speaks against it.
    case fits
    /// The taker has another result under this key.
    case differs
    /// It was made, perhaps by way of others, of the result of this plan key, which the taker has otherwise; the taker may
    /// have another result of its own in its place.
    case standsOn(Digest)
  }

  private let given: [Digest: Given]
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
        known[top] = .fits
        continue
      }
      let own = record.artifact.flatMap { plans(top) ?? actions($0.action) }
      if let own, own.content == record.artifact?.content {
        known[top] = .fits
        continue
      }
      let open = record.inputs.filter { known[$0] == nil }
      stack += open
      // Where an input differs, that is why this one does.
      if open.isEmpty { known[top] = record.inputs.compactMap(root).first ?? (own == nil ? .fits : .differs) }
    }
    return known[key]!
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
