// What a cache folder looks like: the one place where its folders and the names in them are spelled.

import Glibc
import PipelineCore

/// The paths of a cache, and which names there can be its own.
public struct CacheLayout: Sendable {
  /// A folder of the cache.
  enum Folder: String, CaseIterable {
    /// Finished files, by action key.
    case artifacts
    /// How each was made, by action key.
    case actions
    /// Which artifact a plan key stands for, and the manifest of the key.
    case plans
    /// The manifests of joins, for explanations.
    case joins
    /// The message of the last failed attempt, by plan key.
    case failures
    /// What nodes printed, by action key.
    case logs
    /// The digests of users' large files, by where these are.
    case digests
    /// What each pipeline's nodes last stood for.
    case experiments
    /// What each run did.
    case runs
    /// Who is at work on which action key.
    case leases
    /// What stages keep between runs.
    case sections
    /// Files from elsewhere, which their stage checks at each use.
    case downloads
    /// Damaged files, out of the way.
    case damaged
    /// Frozen plans, and what their pilots say.
    case campaigns
    /// Files that are being written, and what living processes say of themselves.
    case temporary = "tmp"

    /// Whether its files are named by keys, in folders of the first two digits.
    var isKeyed: Bool {
      switch self {
      case .artifacts, .actions, .plans, .joins, .failures, .logs, .digests: true
      default: false
      }
    }
  }

  /// The folder, absolute.
  public let root: String

  init(root: String) {
    let path = POSIX.absolute(root)
    self.root = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  subscript(_ folder: Folder) -> String { root + "/" + folder.rawValue }

  // MARK: Keyed files

  /// The file of a key; of an artifact, `ending` is a dot and its kind.
  func path(_ folder: Folder, _ key: Digest, _ ending: String = "") -> String {
    let hex = key.hex
    return "\(self[folder])/\(hex.prefix(2))/\(hex)\(ending)"
  }

  /// All files of a keyed folder, those that are not the cache's too.
  func files(in folder: Folder) -> [String] { files(below: self[folder]) }

  /// The files of a folder and of those in it.
  private func files(below path: String) -> [String] {
    POSIX.list(path).flatMap { name in
      let inner = path + "/" + name
      return POSIX.facts(inner)?.isDirectory == true ? POSIX.list(inner).map { inner + "/" + $0 } : [inner]
    }
  }

  /// The key that a path names; nil where the cache can't have made a file of that name there.
  func key(of path: String, in folder: Folder) -> Digest? {
    let name = Self.name(of: path)
    guard folder.isKeyed, let key = Digest(hex: name.prefix(64)) else { return nil }
    let ending = String(name.dropFirst(64))
    guard folder == .artifacts ? Self.isArtifactEnding(ending) : ending.isEmpty else { return nil }
    return path == self.path(folder, key, ending) ? key : nil
  }

  /// A dot, and up to 15 letters and digits.
  private static func isArtifactEnding(_ text: String) -> Bool {
    text.utf8.first == UInt8(ascii: ".") && (2...16).contains(text.utf8.count)
      && text.utf8.dropFirst().allSatisfy(isLetterOrDigit)
  }

  static func name(of path: String) -> Substring { path.split(separator: "/").last ?? "" }

  // MARK: Sections

  /// The folder of one identity of a section.
  func section(_ name: String, _ identity: Digest) -> String { "\(self[.sections])/\(name)/\(identity.hex)" }

  /// The sections that there are, with their files.
  func sections() -> [(name: String, files: [String])] {
    POSIX.list(self[.sections]).map { ($0, files(below: self[.sections] + "/" + $0)) }
  }

  /// The files of all sections that the cache can have made.
  func sectionFiles() -> [String] {
    sections().flatMap(\.files).filter { path in
      let parts = path.dropFirst(self[.sections].count + 1).split(separator: "/")
      return parts.count == 3 && Digest(hex: parts[1]) != nil && Self.isEntryName(parts[2])
    }
  }

  static let lockEnding = ".lock"

  /// Whether a file of a section is no entry: a lock, or what a killed writer of an earlier version left.
  static func isLeftover(_ path: String) -> Bool { path.hasSuffix(lockEnding) || path.hasSuffix(".tmp") }

  /// Whether a name is one of an entry of a section, or of a lock.
  static func isEntryName(_ name: some StringProtocol) -> Bool {
    guard (1...110).contains(name.utf8.count), let first = name.utf8.first, isLetterOrDigit(first) else {
      return false
    }
    return name.utf8.allSatisfy {
      isLetterOrDigit($0) || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains($0)
    }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  // MARK: Files of one folder

  /// The lease of an action key.
  func lease(_ key: Digest) -> String { "\(self[.leases])/\(key.hex)" }

  /// The log of a pipeline's last keys.
  func experimentLog(_ pipeline: String) -> String { "\(self[.experiments])/\(pipeline)\(Self.logEnding)" }
  static let logEnding = ".log"

  /// The index of a pipeline's last complete run.
  func completion(_ pipeline: String) -> String {
    "\(self[.experiments])/\(pipeline)\(Self.completionEnding)"
  }
  static let completionEnding = ".done"

  /// The record of a run.
  func run(_ id: String) -> String { "\(self[.runs])/\(id)\(Self.runEnding)" }
  static let runEnding = ".jsonl"

  /// A file or a folder of a campaign.
  func campaign(_ id: String, _ part: CampaignPart) -> String {
    "\(self[.campaigns])/\(id)/\(part.rawValue)"
  }

  /// What the folder of a campaign holds.
  enum CampaignPart: String, CaseIterable {
    case plan, keys, known
    /// What it was made of; written last.
    case facts = "campaign"
    case cancelled, ended
    case pilots, results, relay, failures, jobs, output
  }

  /// Whether a name is one of a campaign: that of its pipeline, a dash, and twelve digits.
  static func isCampaignName(_ name: some StringProtocol) -> Bool {
    let digits = name.utf8.suffix(12)
    return name.utf8.count > 13 && name.utf8.dropLast(12).last == UInt8(ascii: "-")
      && digits.allSatisfy { isLetterOrDigit($0) }
      && !name.utf8.contains(UInt8(ascii: "/")) && !name.hasPrefix(".")
  }

  /// Where a damaged file goes, out of the way of all readers. An entry of a section keeps its identity in its name.
  func aside(_ path: String) -> String {
    let parts = path.split(separator: "/").suffix(2)
    let name = path.hasPrefix(self[.sections] + "/") ? parts.joined(separator: "-") : String(parts.last ?? "")
    return "\(self[.damaged])/\(name)"
  }

  /// Whether a name is one that `aside` makes.
  static func isAsideName(_ name: String) -> Bool {
    guard Digest(hex: name.prefix(64)) != nil, let next = name.dropFirst(64).utf8.first else {
      return Digest(hex: name) != nil
    }
    return (next == UInt8(ascii: ".") || next == UInt8(ascii: "-")) && isEntryName(name.dropFirst(65))
  }

  // MARK: Temporary files

  /// A name that no other process or host uses, and that says whose it is.
  func temporary(_ hint: String) -> String {
    let unique = String(UInt64.random(in: .min ... .max), radix: 36)
    return "\(self[.temporary])/\(POSIX.scope)-\(getpid())-\(unique)-\(hint)"
  }

  /// The process that a temporary name says it is of, and where the process number means anything; nil where the
  /// cache can't have made the name.
  static func temporaryOwner(_ name: String) -> (scope: Substring, process: Int32)? {
    let parts = name.split(separator: "-", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0].utf8.count == POSIX.scope.utf8.count,
      UInt64(parts[0], radix: 16) != nil, let process = Int32(parts[1]), process > 0,
      UInt64(parts[2], radix: 36) != nil, !parts[3].isEmpty
    else { return nil }
    return (parts[0], process)
  }
}
