// Where a cache is exchanged with: a folder, a folder of another host by ssh, or a bucket by rclone.

import Glibc
import PipelineCore
import Programs

/// A place that keeps files of caches, under the names that they have in a cache's folder.
///
/// A file of a name never changes. So one that is there with its size need not be sent again, and what was interrupted goes on
/// where it stopped.
protocol CacheRemote: Sendable {
  /// The files that there are, with their sizes in bytes.
  ///
  /// - Parameter makes: Whether a remote that is not there yet is made; or else it can't be reached.
  func list(makes: Bool) throws(RemoteError) -> [String: Int]
  /// Whether many small files are read as soon as they are listed.
  var readsQuickly: Bool { get }
  /// Copies files from a folder; each appears whole and with the bytes of its digest, or not at all.
  func send(_ files: [RemoteFile], from folder: String) throws(RemoteError)
  /// Copies files into a folder. What comes there may be cut or wrong: the caller checks it.
  func fetch(_ names: [String], into folder: String) throws(RemoteError)
}

extension CacheRemote {
  var readsQuickly: Bool { false }
}

/// A file with the digest of its bytes.
struct RemoteFile: Sendable {
  var name: String
  var digest: Digest
  var size: Int
}

/// A remote that can't be reached or does not do what it is asked.
public struct RemoteError: Error, Sendable, CustomStringConvertible {
  /// What happened, and what to do.
  public var description: String

  init(_ description: String) { self.description = description }
}

/// A remote as a user names it.
public struct RemoteAddress: Sendable {
  /// As it was given.
  public var text: String
  private enum Kind: Sendable {
    case folder(String)
    case ssh(host: String, folder: String)
    case rclone(String)
  }
  private var kind: Kind

  /// Reads `ssh:HOST:FOLDER`, `s3:BUCKET/PATH` or `rclone:REMOTE:PATH`; anything else is a folder. Nil where a part is
  /// missing.
  public init?(_ text: String) {
    self.text = text
    if text.hasPrefix("ssh:") {
      let parts = text.dropFirst(4).split(separator: ":", maxSplits: 1).map(String.init)
      // A host that begins with a dash would be an option of ssh.
      guard parts.count == 2, !parts[0].hasPrefix("-"), !parts[1].isEmpty else { return nil }
      kind = .ssh(host: parts[0], folder: parts[1])
    } else if text.hasPrefix("rclone:") || text.hasPrefix("s3:") {
      let name = text.hasPrefix("rclone:") ? String(text.dropFirst(7)) : text
      guard name.contains(":"), !name.hasPrefix("-"), !name.hasSuffix(":") || !text.hasPrefix("s3:") else {
        return nil
      }
      kind = .rclone(name)
    } else {
      guard !text.isEmpty, !text.hasPrefix("-") else { return nil }
      kind = .folder(POSIX.absolute(text))
    }
  }

  /// - Parameter own: The cache that files are exchanged with, for what is on its way.
  func remote(of own: CacheLayout) -> any CacheRemote {
    switch kind {
    case .folder(let path): FolderRemote(root: path)
    case .ssh(let host, let folder): ShellRemote(host: host, folder: folder, own: own)
    case .rclone(let name): RcloneRemote(name: name, own: own)
    }
  }
}

/// A folder of this host; it is a cache itself, so that it can be used as one.
struct FolderRemote: CacheRemote {
  let root: String
  var readsQuickly: Bool { true }

  func list(makes: Bool) throws(RemoteError) -> [String: Int] {
    guard makes || POSIX.facts(root)?.isDirectory == true else {
      throw RemoteError("there is no folder \(root); 'pipeline cache push' makes one")
    }
    let layout = CacheLayout(root: root)
    var sizes: [String: Int] = [:]
    for folder in CacheTransfer.folders {
      for path in layout.files(in: folder) {
        if let facts = POSIX.facts(path) { sizes[String(path.dropFirst(root.count + 1))] = facts.size }
      }
    }
    return sizes
  }

  func send(_ files: [RemoteFile], from folder: String) throws(RemoteError) {
    let store = CacheStore(root: root)
    do {
      try store.prepare()
      for file in files {
        let temporary = store.layout.temporary("sent")
        try copy("\(folder)/\(file.name)", to: temporary)
        guard try POSIX.digest(ofFile: temporary) == file.digest else {
          unlink(temporary)
          throw RemoteError("\(file.name) did not arrive as it was sent to \(root)")
        }
        if file.name.hasPrefix(CacheLayout.Folder.artifacts.rawValue) { try POSIX.makeReadOnly(temporary) }
        try POSIX.syncFile(temporary)
        try POSIX.move(temporary, to: "\(root)/\(file.name)")
      }
    } catch let error as RemoteError {
      throw error
    } catch { throw RemoteError("\(error)") }
  }

  func fetch(_ names: [String], into folder: String) throws(RemoteError) {
    guard POSIX.facts(root)?.isDirectory == true else { throw RemoteError("there is no folder \(root)") }
    for name in names {
      // One that is gone by now is a miss.
      guard POSIX.facts("\(root)/\(name)") != nil else { continue }
      do throws(SystemError) {
        try POSIX.makeDirectories(POSIX.parent(of: "\(folder)/\(name)"))
        try copy("\(root)/\(name)", to: "\(folder)/\(name)")
      } catch { throw RemoteError("\(error)") }
    }
  }

  private func copy(_ source: String, to target: String) throws(SystemError) {
    let output = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard output >= 0 else { throw SystemError("create", target) }
    defer { close(output) }
    try POSIX.forEachBlock(of: source) { block throws(SystemError) in
      try POSIX.writeAll(output, Array(block), path: target)
    }
  }
}
