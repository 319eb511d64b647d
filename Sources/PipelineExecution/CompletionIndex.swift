// What a complete run of a pipeline found, in one file, so that a run that has nothing to do opens no other.

import Glibc
import PipelineCore

/// The artifacts of all nodes of a pipeline's last complete run, in the order of the plan.
///
/// Only a shortcut to "all is up to date": it names each artifact's key and size under one digest of all
/// nodes' names and plan keys. If anything differs (another key, an artifact gone or of another size, a
/// damaged index) it is passed over and every node is looked up by its own record.
///
/// The file: a line `pipeline index 1`, the digest of names and keys, 40 bytes a node (action key, size as 64
/// bits, least byte first), and the digest of all that stands before it.
struct CompletionIndex {
  private static let header = Array("pipeline index 1\n".utf8)
  private static let entry = 40

  /// A digest of what the plan's nodes are called and which plan keys they have.
  private static func identity(_ plan: Plan, _ keys: PlanKeys) -> Digest {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(plan.nodes.count * 64)
    for index in plan.nodes.indices {
      keys.nodes[index].append(to: &bytes)
      bytes.append(contentsOf: plan.nodes[index].name.utf8)
      // No name has a newline.
      bytes.append(0x0A)
    }
    return Digest(of: bytes)
  }

  /// Whether every node of the plan is as the file says: nothing has to run.
  static func stands(_ path: String, _ plan: Plan, _ keys: PlanKeys, _ cache: Cache) -> Bool {
    guard let bytes = (try? POSIX.read(path)) ?? nil, isWhole(bytes),
      bytes.count == header.count + 64 + plan.nodes.count * entry,
      Digest(bytes: bytes[header.count...]) == identity(plan, keys)
    else { return false }
    // Relative to the folder, so that the kernel does not walk the whole path anew for each node.
    let folder = open(cache.root + "/artifacts", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { return false }
    defer { close(folder) }
    var info = stat()
    var position = header.count + 32
    var name: [UInt8] = []
    for index in plan.nodes.indices {
      name.removeAll(keepingCapacity: true)
      for place in 0..<32 {
        let byte = bytes[position + place]
        name.append(digit(byte >> 4))
        name.append(digit(byte & 15))
        if place == 0 { name += [UInt8(ascii: "/"), name[0], name[1]] }
      }
      name.append(UInt8(ascii: "."))
      name.append(contentsOf: plan.stages[plan.nodes[index].stage].declaration.fileExtension.utf8)
      name.append(0)
      let size = (0..<8).reduce(0) { $0 | Int(bytes[position + 32 + $1]) << (8 * $1) }
      let found = name.withUnsafeBytes {
        fstatat(folder, $0.baseAddress!.assumingMemoryBound(to: CChar.self), &info, 0)
      }
      guard found == 0, Int(info.st_size) == size else { return false }
      position += entry
    }
    return true
  }

  /// Writes the file; `artifacts` are those of the plan's nodes in order.
  static func write(
    _ path: String, _ plan: Plan, _ keys: PlanKeys, _ artifacts: [Artifact], _ cache: Cache
  ) throws(SystemError) {
    var bytes = header
    bytes.reserveCapacity(header.count + 64 + artifacts.count * entry)
    identity(plan, keys).append(to: &bytes)
    for artifact in artifacts {
      artifact.action.append(to: &bytes)
      for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: artifact.size >> (8 * shift))) }
    }
    Digest(of: bytes).append(to: &bytes)
    if let present = try POSIX.read(path), present == bytes { return }
    try POSIX.makeDirectories(POSIX.parent(of: path))
    try POSIX.writeAtomically(bytes, to: path, temporary: cache.temporaryName("index"), sync: false)
  }

  /// Whether the bytes are as they were written.
  static func isWhole(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= header.count + 64, bytes.starts(with: header) else { return false }
    let body = bytes.dropLast(32)
    return Digest(bytes: bytes.suffix(32)) == Digest(of: body)
  }

  private static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
  }
}
