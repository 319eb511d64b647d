// Remotes that are reached by programs of the system: a folder by ssh and tar, and whatever rclone reaches.

import Glibc
import PipelineCore
import Programs

/// Programs that end well, or a `RemoteError`.
private enum Tools {
  /// Standard output of a program.
  static func ask(_ arguments: [String]) throws(RemoteError) -> [UInt8] {
    let child: Child
    do throws(ProgramError) {
      child = try Program(arguments, output: .pipe).start()
    } catch { throw RemoteError("\(error)") }
    let (ending, output, _) = child.communicate()
    guard ending.isSuccess else { throw RemoteError("\(arguments[0]) failed; it said why above") }
    return output
  }

  static func run(_ program: Program) throws(RemoteError) {
    let ending: ProgramEnding
    do throws(ProgramError) { ending = try program.run() } catch { throw RemoteError("\(error)") }
    guard ending.isSuccess else { throw RemoteError("\(program.arguments[0]) failed; it said why above") }
  }

  /// Writes names, a line each, to a file that the caller removes.
  static func list(_ names: [String], _ own: CacheLayout) throws(RemoteError) -> String {
    let path = own.temporary("list")
    do throws(SystemError) {
      try POSIX.makeDirectories(own[.temporary])
      try POSIX.create(path, Array(names.map { $0 + "\n" }.joined().utf8))
    } catch { throw RemoteError("\(error)") }
    return path
  }

  /// Reads lines `SIZE NAME`; others are passed over.
  static func sizes(_ bytes: [UInt8]) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for line in bytes.split(separator: 0x0A) {
      let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 1)
      if words.count == 2, let size = Int(words[0]) { sizes[String(words[1])] = size }
    }
    return sizes
  }
}

/// A folder of another host: tar streams through ssh, checked there by sha256sum. Nothing of ours need be installed there.
struct ShellRemote: CacheRemote {
  let host: String
  let folder: String
  let own: CacheLayout

  private static let keyed = CacheTransfer.folders.map(\.rawValue).joined(separator: " ")

  private func command(_ script: String) -> [String] { ["ssh", "-o", "BatchMode=yes", host, script] }

  func list(makes: Bool) throws(RemoteError) -> [String: Int] {
    let making = makes ? "mkdir -p \(quoted(folder)) && " : ""
    let script =
      "\(making)cd \(quoted(folder)) && mkdir -p \(Self.keyed) && "
      + "find \(Self.keyed) -type f -printf '%s %p\\n'"
    return Tools.sizes(try Tools.ask(command(script)))
  }

  func send(_ files: [RemoteFile], from source: String) throws(RemoteError) {
    let stage = "tmp/sent-\(String(UInt64.random(in: .min ... .max), radix: 36))"
    // A name appears only once its digest was found right, by a rename within the folder.
    let sums = files.map { "\($0.digest.hex)  \($0.name)" }.joined(separator: "\n")
    let moves = files.map { file in
      let target = "../../\(file.name)"
      return "mkdir -p \(POSIX.parent(of: target)); chmod a-w \(file.name); mv -f \(file.name) \(target)"
    }.joined(separator: "\n")
    let script = """
      set -e; cd \(quoted(folder)); mkdir -p \(stage); cd \(stage)
      trap 'cd ../..; rm -rf \(stage)' EXIT
      tar -xf -
      sha256sum --quiet -c >&2 <<'END'
      \(sums)
      END
      \(moves)
      """
    let list = try Tools.list(files.map(\.name), own)
    let archive = own.temporary("tar")
    defer { for path in [list, archive] { unlink(path) } }
    try Tools.run(Program(["tar", "-C", source, "-cf", archive, "-T", list]))
    try Tools.run(Program(command(script), input: .file(archive)))
  }

  func fetch(_ names: [String], into target: String) throws(RemoteError) {
    let list = try Tools.list(names, own)
    let archive = own.temporary("tar")
    defer { for path in [list, archive] { unlink(path) } }
    // What is gone by now is a miss.
    let script = "cd \(quoted(folder)) && tar --ignore-failed-read -cf - -T - 2>/dev/null"
    try Tools.run(Program(command(script), input: .file(list), output: .file(archive)))
    // By name: whatever else the archive holds is left where it is.
    let program = Program(
      ["tar", "-C", target, "--no-same-owner", "-xf", archive, "-T", list], errors: .nothing)
    do throws(ProgramError) { _ = try program.run() } catch { throw RemoteError("\(error)") }
  }

  private func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}

/// A remote of rclone: a bucket of S3, or what else it reaches. It compares what it has sent with the checksums that the
/// remote keeps.
struct RcloneRemote: CacheRemote {
  let name: String
  let own: CacheLayout

  func list(makes: Bool) throws(RemoteError) -> [String: Int] {
    // One that is not there yet can't be listed.
    if makes { try Tools.run(Program(["rclone", "mkdir", name])) }
    return Tools.sizes(
      try Tools.ask(["rclone", "lsf", "-R", "--files-only", "--format", "sp", "--separator", " ", name]))
  }

  func send(_ files: [RemoteFile], from source: String) throws(RemoteError) {
    let list = try Tools.list(files.map(\.name), own)
    defer { unlink(list) }
    try Tools.run(
      Program(["rclone", "copy", "--no-traverse", "--checksum", "--files-from-raw", list, source, name]))
  }

  func fetch(_ names: [String], into target: String) throws(RemoteError) {
    let list = try Tools.list(names, own)
    defer { unlink(list) }
    try Tools.run(Program(["rclone", "copy", "--no-traverse", "--files-from-raw", list, name, target]))
  }
}
