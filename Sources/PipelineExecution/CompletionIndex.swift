// What a complete run of a pipeline found, in one file, so that a run that has nothing to do opens no other.

import Glibc
import PipelineCore

/// The artifacts of all nodes of a pipeline's last complete run, in the order of the plan.
///
/// Only a shortcut to "all is up to date": under one digest of all nodes' names and plan keys it has each
/// artifact's key and size, and the size of its plan record. If anything differs (another key, a file gone or of
/// another size, a damaged index) it is passed over and every node is looked up by its own record.
///
/// The file: a line `pipeline index 1`, the digest of names and keys, 48 bytes a node (action key, the two sizes as
/// 64 bits, least byte first), and the digest of all that stands before it.
struct CompletionIndex {
  private static let header = Array("pipeline index 1\n".utf8)
  private static let entry = 48

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
    let folders = ["artifacts", "plans"].map {
      open("\(cache.root)/\($0)", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    defer { for folder in folders where folder >= 0 { close(folder) } }
    guard folders.allSatisfy({ $0 >= 0 }) else { return false }
    var position = header.count + 32
    var name: [UInt8] = []
    var key: [UInt8] = []
    for index in plan.nodes.indices {
      let ending = plan.stages[plan.nodes[index].stage].declaration.fileExtension
      write(bytes[position..<(position + 32)], "." + ending, to: &name)
      guard size(of: name, in: folders[0]) == integer(bytes[(position + 32)...]) else { return false }
      key.removeAll(keepingCapacity: true)
      keys.nodes[index].append(to: &key)
      write(key[...], "", to: &name)
      guard size(of: name, in: folders[1]) == integer(bytes[(position + 40)...]) else { return false }
      position += entry
    }
    return true
  }

  /// The path `ab/abcd…` of a key within its folder, as a C string.
  private static func write(_ key: ArraySlice<UInt8>, _ ending: String, to name: inout [UInt8]) {
    name.removeAll(keepingCapacity: true)
    for byte in key {
      name.append(digit(byte >> 4))
      name.append(digit(byte & 15))
      if name.count == 2 { name += [UInt8(ascii: "/"), name[0], name[1]] }
    }
    name.append(contentsOf: ending.utf8)
    name.append(0)
  }

  private static func size(of name: [UInt8], in folder: Int32) -> Int? {
    var info = stat()
    let found = name.withUnsafeBytes { bytes in
      bytes.baseAddress.map { fstatat(folder, $0.assumingMemoryBound(to: CChar.self), &info, 0) } ?? -1
    }
    return found == 0 ? Int(info.st_size) : nil
  }

  private static func integer(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// Writes the file; `artifacts` are those of the plan's nodes in order.
  static func write(
    _ path: String, _ plan: Plan, _ keys: PlanKeys, _ artifacts: [Artifact], _ cache: Cache
  ) throws(SystemError) {
    var bytes = header
    bytes.reserveCapacity(header.count + 64 + artifacts.count * entry)
    identity(plan, keys).append(to: &bytes)
    for (index, artifact) in artifacts.enumerated() {
      guard let record = POSIX.facts(cache.path("plans", keys.nodes[index])) else { return }
      artifact.action.append(to: &bytes)
      for number in [artifact.size, record.size] {
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
      }
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
