// Which pipeline a history belongs to: two files of one name in two folders are two pipelines.

import Glibc
import PipelineCore

/// The identity of a pipeline within a cache: its name, and where its file stands as seen from the cache.
///
/// Relative to the cache, so that a project that is moved or mounted elsewhere together with its cache keeps its
/// history, and two projects that share a cache have one each.
struct PipelineIdentity: Hashable {
  /// What people call it.
  let name: String
  /// What its files in the cache are called: the name, and the digest of the way to its file.
  let fileName: String

  /// The pipeline of a file.
  ///
  /// - Parameter folder: the folder of the pipeline file.
  init(name: String, folder: String, in layout: CacheLayout) {
    self.name = name
    let way = Self.way(from: Self.resolved(layout.root), to: Self.resolved(POSIX.absolute(folder)))
    fileName = "\(Self.escape(name))\(Self.separator)\(Digest(of: "\(way)/\(name)".utf8).hex.prefix(12))"
  }

  init(of plan: Plan, in layout: CacheLayout) {
    self.init(name: plan.name, folder: plan.baseDirectory, in: layout)
  }

  /// The pipeline whose files are called so. Those of earlier versions have the name only.
  init(fileName: String) {
    self.fileName = fileName
    name = Self.unescape(fileName.prefix { $0 != Self.separator })
  }

  /// What the files of earlier versions are called, for all pipelines of this name.
  var formerFileName: String { Self.escape(name) }

  /// Stands in no escaped name.
  private static let separator: Character = "@"

  /// A pipeline's name is the user's; it must not lead out of the folder.
  static func escape(_ name: String) -> String {
    var text = ""
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        text.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let hex = String(byte, radix: 16)
        text += hex.count == 1 ? "%0" + hex : "%" + hex
      }
    }
    return text.isEmpty ? "%" : text
  }

  private static func unescape(_ file: some StringProtocol) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(file).utf8
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16) {
        rest = rest.dropFirst(2)
        bytes.append(value)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A path without links; what does not exist yet stays as it is.
  private static func resolved(_ path: String) -> String {
    if let real = realpath(path, nil) {
      defer { free(real) }
      return String(cString: real)
    }
    let parent = POSIX.parent(of: path)
    guard parent != path, parent != "." else { return path }
    return POSIX.join(resolved(parent), String(CacheLayout.name(of: path)))
  }

  /// The relative path between two absolute ones.
  private static func way(from start: String, to end: String) -> String {
    let (from, to) = (start.split(separator: "/"), end.split(separator: "/"))
    let common = zip(from, to).prefix { $0.utf8.elementsEqual($1.utf8) }.count
    return (Array(repeating: "..", count: from.count - common) + to[common...]).joined(separator: "/")
  }
}
