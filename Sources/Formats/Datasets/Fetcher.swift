// Keeps fetched files in a folder, each known by its SHA-256, whole or not at all.

import FoundationEssentials
import Glibc

/// A file whose content is known before it is fetched.
public struct PinnedFile: Equatable, Sendable {
  /// Its path inside the folder of downloads.
  public let path: String
  /// SHA-256 in lower-case hex.
  public let sha256: String

  /// A file by its path in the folder and its SHA-256.
  public init(path: String, sha256: String) {
    self.path = path
    self.sha256 = sha256
  }

  var name: String { String(path.split(separator: "/").last ?? "") }
}

/// Fetches files into a folder, which any number of processes may share.
///
/// A file that is there and whole is used. Else it is made in a folder of its own, checked, and renamed into
/// place; two processes that do so at once both end with the same whole file.
public struct Fetcher: Sendable {
  /// The folder of downloads.
  public let folder: String
  /// Gets a line for each thing that takes time or is out of the ordinary.
  public let log: @Sendable (String) -> Void
  /// How often a fetch is tried.
  let attempts: Int
  /// The wait before the second try; it doubles with each further one.
  let firstWait: Duration

  /// A fetcher for that folder, which is made when it is needed.
  public init(
    folder: String, attempts: Int = 3, firstWait: Duration = .seconds(2),
    log: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    precondition(attempts > 0)
    self.folder = folder
    self.attempts = attempts
    self.firstWait = firstWait
    self.log = log
  }

  /// The paths of the files, made by `produce` if one is missing or damaged.
  ///
  /// - Parameter produce: puts all files, by name, into the empty folder it is given; `unavailable` is tried
  ///   again, other errors are not.
  package func fetch(
    _ what: String, _ files: [PinnedFile], produce: (String) throws(DatasetError) -> Void
  ) throws(DatasetError) -> [String] {
    let paths = files.map { folder + "/" + $0.path }
    if try allWhole(files) { return paths }
    for file in files { try makeFolder(Datasets.folder(of: folder + "/" + file.path)) }
    removeAbandoned()
    let work = "\(folder)/\(workPrefix)\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: work) }
    try retrying(what) { () throws(DatasetError) in
      try? FileManager.default.removeItem(atPath: work)
      try makeFolder(work)
      try produce(work)
    }
    for file in files { try check(work + "/" + file.name, file.sha256) }
    for file in files { try publish(work + "/" + file.name, as: folder + "/" + file.path) }
    log("\(what): kept in \(folder)")
    return paths
  }

  private func allWhole(_ files: [PinnedFile]) throws(DatasetError) -> Bool {
    for file in files {
      let path = folder + "/" + file.path
      guard FileManager.default.fileExists(atPath: path) else { return false }
      do {
        try check(path, file.sha256)
      } catch {
        log("\(error); fetching it anew")
        return false
      }
    }
    return true
  }

  private func retrying(
    _ what: String, _ fetch: () throws(DatasetError) -> Void
  ) throws(DatasetError) {
    var wait = firstWait
    for attempt in 1... {
      do {
        return try fetch()
      } catch .unavailable(let what, let tried, let advice) {
        if attempt == attempts {
          let counted = tried.map { attempts > 1 ? "\($0) (\(attempts) times)" : $0 }
          throw .unavailable(what: what, tried: counted, advice: advice)
        }
        log("\(what): \(tried.last ?? "failed"); trying again in \(wait)")
        usleep(useconds_t(wait / .microseconds(1)))
        wait *= 2
      }
    }
  }

  /// What a killed process left behind a day ago or earlier.
  private func removeAbandoned() {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where name.hasPrefix(workPrefix) {
      let path = folder + "/" + name
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      if let date = attributes?[.modificationDate] as? Date, date.timeIntervalSinceNow < -86_400 {
        try? FileManager.default.removeItem(atPath: path)
      }
    }
  }
}

private let workPrefix = ".fetching-"

/// Throws unless the file has that SHA-256.
func check(_ path: String, _ expected: String) throws(DatasetError) {
  let found = try sha256(ofFile: path)
  if found != expected { throw .wrongChecksum(file: path, found: found, expected: expected) }
}
