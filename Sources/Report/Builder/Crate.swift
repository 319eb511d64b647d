// A report with everything behind it in one folder, described as RO-Crate 1.1 asks for.

import FoundationEssentials
import PipelineCore

/// The parts of a crate: what is copied, and the metadata that says what each is.
///
/// A node becomes an action (schema.org's `CreateAction`), which says of what files its file was made, when, and by what
/// program. See <https://w3id.org/ro/crate/1.1>.
public struct Crate {
  /// A file of the crate.
  public struct Part: Sendable {
    /// Its place in the crate.
    public var path: String
    /// Where it is copied from.
    public var source: String
  }

  /// Who made the results, and who publishes them. Nothing is guessed: what is not given is left out.
  public struct People: Sendable {
    /// A person or an organisation.
    public struct Party: Sendable {
      var name: String
      /// An address of theirs: an ORCID, a ROR, a page.
      var address: String?
      var mail: String?
      /// The organisation that a person belongs to: none or one.
      var affiliation: [Party] = []

      /// Reads `NAME`, `NAME <MAIL>` or `NAME <ADDRESS>`, each perhaps with `; ORGANISATION <ADDRESS>`.
      public init(_ text: String) {
        let parts = text.split(separator: ";", maxSplits: 1).map { String($0.trimmingPrefix { $0 == " " }) }
        self.init(one: parts.first ?? text)
        affiliation = parts.dropFirst().map { Party(one: $0) }
      }

      private init(one text: String) {
        guard text.hasSuffix(">"), let open = text.lastIndex(of: "<") else {
          name = text
          return
        }
        let inside = String(text[text.index(after: open)...].dropLast())
        name = text[..<open].split(separator: " ").joined(separator: " ")
        if name.isEmpty { name = inside }
        if inside.hasPrefix("http") { address = inside } else { mail = inside }
      }

      /// What names it among the entities.
      var id: String { address ?? mail.map { "mailto:\($0)" } ?? "#\(name)" }
    }
    var authors: [Party]
    var publisher: Party?

    /// Some people.
    public init(authors: [Party] = [], publisher: Party? = nil) {
      self.authors = authors
      self.publisher = publisher
    }
  }

  /// The name of the report in the crate.
  public static let report = "report.html"
  /// The name of the metadata.
  public static let metadata = "ro-crate-metadata.json"
  /// What stands in place of a licence that nobody has named.
  public static let noLicense = "No licence is stated."
  private static let root = "./"
  private static let program = "#pipeline"

  /// The artifacts, and the pipeline files.
  public private(set) var parts: [Part] = []
  private var entities: [Value] = []
  private var hasPart: Set<String> = [report]
  private var latest = ""
  private var names: [String] = []
  private var descriptions: [String] = []

  /// Describes pipelines with what is up to date of them.
  public init(_ pipelines: [ReportedPipeline], origin: ReportOrigin) {
    self.init(pipelines.map(Snapshot.init), origin: origin)
  }

  /// Describes pipelines.
  ///
  /// - Parameter types: The stage types whose results are described; nil for all.
  init(_ snapshots: [Snapshot], origin: ReportOrigin, only types: Set<String>? = nil) {
    entities.append(
      Self.entity(
        Self.program, "SoftwareApplication",
        [
          "name": .string("pipeline"), "version": .string(origin.version),
          "softwareVersion": .string(origin.version),
        ]))
    entities.append(
      Self.entity(
        Self.report, "File",
        [
          "name": .string("Report"), "encodingFormat": .string("text/html"),
          "description": .string("Verdicts, tables, figures and provenance, to be opened in a browser."),
        ]))
    for snapshot in snapshots { add(snapshot, only: types) }
  }

  private mutating func add(_ snapshot: Snapshot, only types: Set<String>?) {
    names.append(snapshot.plan.name)
    if let description = snapshot.document.description { descriptions.append(description) }
    for file in snapshot.document.files {
      let name = file.path.split(separator: "/").filter { $0 != "." && $0 != ".." }.joined(separator: "/")
      add(
        name, of: file.path,
        [
          "name": .string(file.path), "encodingFormat": .string("application/yaml"),
          "sha256": .string(file.digest.hex),
        ])
    }
    for id in snapshot.plan.ids
    where types?.contains(snapshot.plan.stage(of: id).declaration.name) ?? true { add(id, of: snapshot) }
  }

  /// Adds a file; one that several nodes or pipelines have is there once.
  private mutating func add(_ path: String, of source: String, _ fields: [String: Value]) {
    guard hasPart.insert(path).inserted else { return }
    parts.append(Part(path: path, source: source))
    entities.append(Self.entity(path, "File", fields))
  }

  private mutating func add(_ id: NodeID, of snapshot: Snapshot) {
    guard let artifact = snapshot.artifacts[id.index], let path = Self.path(id, of: snapshot) else { return }
    let node = snapshot.plan[id]
    add(
      path, of: snapshot.cache.file(of: artifact),
      [
        "name": .string(node.name), "encodingFormat": .string("application/x-hdf5"),
        "contentSize": .string(String(artifact.size)), "sha256": .string(artifact.fileDigest.hex),
      ])
    let sources = snapshot.plan.predecessors(of: id).compactMap { Self.path($0, of: snapshot) }
      .filter(hasPart.contains)
    let made = snapshot.made[id.index]?.created ?? ""
    latest = max(latest, made)
    var fields: [String: Value] = [
      "name": .string("\(snapshot.plan.name): \(node.name)"), "instrument": Self.reference(Self.program),
      "result": Self.reference(path), "description": .string(node.parameters.json),
    ]
    if !sources.isEmpty { fields["object"] = Self.references(Set(sources).sorted()) }
    if !made.isEmpty { fields["endTime"] = .string(made) }
    entities.append(Self.entity("#\(snapshot.plan.name)/\(node.name)", "CreateAction", fields))
  }

  private static func path(_ id: NodeID, of snapshot: Snapshot) -> String? {
    snapshot.artifacts[id.index].map { "artifacts/\($0.action.hex).\($0.fileExtension)" }
  }

  fileprivate static func reference(_ id: String) -> Value { .map(["@id": .string(address(id))]) }

  /// Several, or one alone: JSON-LD in its compacted form has no list of one.
  fileprivate static func references(_ ids: [String]) -> Value {
    ids.count == 1 ? reference(ids[0]) : .list(ids.map(reference))
  }

  /// An identifier as a relative address: what is neither a letter nor a digit of ASCII, or a sign of paths, is encoded.
  private static func address(_ id: String) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/:#?&=%".utf8)
    return id.utf8.map { byte in
      plain.contains(byte)
        ? String(UnicodeScalar(byte))
        : "%" + String(byte >> 4, radix: 16, uppercase: true)
          + String(byte & 15, radix: 16, uppercase: true)
    }.joined()
  }

  fileprivate static func entity(_ id: String, _ type: String, _ fields: [String: Value]) -> Value {
    .map(fields.merging(["@id": .string(address(id)), "@type": .string(type)]) { $1 })
  }

  /// The metadata as JSON-LD.
  ///
  /// - Parameters:
  ///   - license: The address of the licence under which the results stand, or words about it.
  ///   - people: Who made the results, and who publishes them.
  public func json(license: String = Self.noLicense, people: People = People(), isPretty: Bool = true) throws
    -> Data
  {
    let about = descriptions.isEmpty ? names.joined(separator: ", ") : descriptions.joined(separator: " ")
    let fields: [String: Value] =
      [
        "name": .string("Results of \(names.joined(separator: ", "))"), "description": .string(about),
        "datePublished": .string(latest.isEmpty ? "1970-01-01" : String(latest.prefix(10))),
        "license": license.hasPrefix("http") ? Self.reference(license) : .string(license),
        "hasPart": Self.references(hasPart.sorted()), "mentions": Self.references(actions),
      ]
    let dataset = Self.entity(Self.root, "Dataset", fields.merging(people.fields) { $1 })
    let descriptor = Self.entity(
      Self.metadata, "CreativeWork",
      [
        "conformsTo": Self.reference("https://w3id.org/ro/crate/1.1"), "about": Self.reference(Self.root),
      ])
    let terms: Value = .list([
      .string("https://w3id.org/ro/crate/1.1/context"),
      // Of the Workflow Run profiles; the context of 1.1 has no such term.
      .map(["sha256": .string("https://w3id.org/ro/terms/workflow-run#sha256")]),
    ])
    var graph = [descriptor, dataset] + people.entities + entities
    if license.hasPrefix("http") {
      graph.append(Self.entity(license, "CreativeWork", ["name": .string(license)]))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    return try encoder.encode(Value.map(["@context": terms, "@graph": .list(graph)]))
  }

  private var actions: [String] {
    entities.compactMap { entity in
      guard case .map(let fields) = entity, fields["@type"] == .string("CreateAction"),
        case .string(let id)? = fields["@id"]
      else { return nil }
      return id
    }
  }
}

extension Crate.People {
  /// What the crate says of itself with them.
  fileprivate var fields: [String: Value] {
    var fields: [String: Value] = [:]
    if !authors.isEmpty { fields["author"] = Crate.references(authors.map(\.id)) }
    if let publisher { fields["publisher"] = Crate.reference(publisher.id) }
    return fields
  }

  fileprivate var entities: [Value] {
    var list = authors.map { Self.entity($0, "Person") }
    var seen = Set(authors.map(\.id))
    for organisation in [publisher].compactMap({ $0 }) + authors.flatMap(\.affiliation)
    where seen.insert(organisation.id).inserted {
      list.append(Self.entity(organisation, "Organization"))
    }
    return list
  }

  private static func entity(_ party: Party, _ type: String) -> Value {
    var fields: [String: Value] = ["name": .string(party.name)]
    if let mail = party.mail { fields["email"] = .string(mail) }
    if let address = party.address { fields["url"] = .string(address) }
    if let affiliation = party.affiliation.first { fields["affiliation"] = Crate.reference(affiliation.id) }
    return Crate.entity(party.id, type, fields)
  }
}
