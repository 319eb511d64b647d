// A closure takes a pipeline's results to another cache, and a hostile one takes nothing anywhere.

import Foundation
import Glibc
import PipelineCore
import PipelineExecution
import Testing
import ToyStages

@Suite struct ClosureTests {
  private func pipeline(_ lab: Lab) -> ToyPipeline { .fan(width: 4, seconds: 0, log: lab.log) }

  private func export(_ lab: Lab) throws -> (path: String, digest: Digest) {
    try lab.run(pipeline(lab))
    let plan = try pipeline(lab).plan()
    let keys = plan.planKeys()
    let path = lab.folder + "/closure"
    let written = try ClosureWriter.write(
      plan.ids.map { (name: plan[$0].name, key: keys[$0]) }, of: plan.name, in: lab.cache, to: path)
    #expect(written.artifacts == 10)
    return (path, written.digest)
  }

  @Test func aClosureBringsAllResults() throws {
    let (here, there) = (try Lab(), try Lab())
    let (path, digest) = try export(here)
    let outcome = try ClosureReader.take(path, into: there.cache, expecting: digest)
    #expect(outcome.taken == 10 && outcome.pipeline == "fan")
    #expect(try there.artifacts() == here.artifacts())
    // They are the last results of a pipeline, which a collection keeps.
    #expect(!there.cache.garbage().contains { $0.path.contains("/artifacts/") })
    #expect(try there.run(pipeline(there)).fresh == 10)
    #expect(try there.cache.verify().damage.isEmpty)
    #expect(try ClosureReader.take(path, into: there.cache).present == 10)
    // Made again it is the same file.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(try export(here).digest == digest)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    #expect(throws: ClosureError.self) {
      try ClosureReader.take(path, into: there.cache, expecting: Digest(of: []))
    }
  }

  @Test func aClosureWithAnyOtherByteIsRefused() throws {
    let (here, there) = (try Lab(), try Lab())
    let whole = try Data(contentsOf: URL(fileURLWithPath: export(here).path))
    let path = there.folder + "/damaged"
    for position in stride(from: 0, to: whole.count, by: max(1, whole.count / 150)) {
      var damaged = whole
      damaged[position] ^= 0x10
      try damaged.write(to: URL(fileURLWithPath: path))
      #expect(throws: (any Error).self, "byte \(position)") {
        try ClosureReader.take(path, into: there.cache)
      }
    }
    for length in stride(from: 0, to: whole.count, by: max(1, whole.count / 40)) {
      try whole.prefix(length).write(to: URL(fileURLWithPath: path))
      #expect(throws: (any Error).self, "\(length) bytes") { try ClosureReader.take(path, into: there.cache) }
    }
    try (whole + Data([0])).write(to: URL(fileURLWithPath: path))
    #expect(throws: (any Error).self) { try ClosureReader.take(path, into: there.cache) }
    #expect(there.files("artifacts").isEmpty && there.files("plans").isEmpty)
  }

  /// A closure with any entries, whose digest is right.
  private func crafted(_ entries: [(String, Data)]) -> Data {
    var data = Data("pipeline closure 1\n".utf8)
    func put(_ value: Int) { withUnsafeBytes(of: UInt64(value).littleEndian) { data.append(contentsOf: $0) } }
    for (name, bytes) in [("pipeline", Data("x".utf8)), ("keys", Data())] + entries {
      put(name.utf8.count)
      data.append(contentsOf: name.utf8)
      put(bytes.count)
      data.append(bytes)
    }
    put(0)
    let digest = Digest(of: data).hex
    for index in stride(from: 0, to: 64, by: 2) {
      let start = digest.index(digest.startIndex, offsetBy: index)
      data.append(UInt8(digest[start..<digest.index(start, offsetBy: 2)], radix: 16)!)
    }
    return data
  }

  @Test func namesThatLeadElsewhereAreRefused() throws {
    let lab = try Lab()
    let path = lab.folder + "/hostile"
    let key = String(repeating: "ab", count: 32)
    let names = [
      "../outside", "/tmp/outside-\(getpid())", "artifacts/ab/../../../outside",
      "artifacts/ab/\(key).h5/../x",
      "artifacts/cd/\(key).h5", "artifacts/ab/\(key)", "artifacts/ab/\(key).h5/", ".pipeline-cache",
      "experiments/x.log", "leases/\(key)", "campaigns/x-0123456789ab/plan", "tmp/x", "actions/ab/\(key).h5",
      "plans/ab/\(key)\u{0}", "sections/a/\(key)/b", "actions//ab/\(key)", "./actions/ab/\(key)", "pipeline",
    ]
    for name in names {
      try crafted([(name, Data("x".utf8))]).write(to: URL(fileURLWithPath: path))
      #expect(throws: ClosureError.self, "\(name)") { try ClosureReader.take(path, into: lab.cache) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: lab.folder) == ["hostile"])
    // A right name with a record of nothing, and an artifact without a record.
    for name in ["actions/ab/\(key)", "artifacts/ab/\(key).h5", "plans/ab/\(key)"] {
      try crafted([(name, Data("x".utf8))]).write(to: URL(fileURLWithPath: path))
      #expect(throws: ClosureError.self, "\(name)") { try ClosureReader.take(path, into: lab.cache) }
    }
    #expect(lab.files("artifacts").isEmpty && lab.files("actions").isEmpty && lab.files("plans").isEmpty)
  }

  @Test func anArtifactOfOtherBytesThanItsRecordIsRefused() throws {
    let (here, there) = (try Lab(), try Lab())
    _ = try export(here)
    let action = here.files("actions")[0]
    let artifact = here.files("artifacts")[0]
    func name(_ path: String) -> String { String(path.dropFirst(here.cache.root.count + 1)) }
    var bytes = try Data(contentsOf: URL(fileURLWithPath: artifact))
    let path = there.folder + "/hostile"
    let record = try Data(contentsOf: URL(fileURLWithPath: action))
    bytes[0] ^= 1
    try crafted([(name(action), record), (name(artifact), bytes)]).write(to: URL(fileURLWithPath: path))
    #expect(throws: ClosureError.self) { try ClosureReader.take(path, into: there.cache) }
    bytes[0] ^= 1
    try crafted([(name(action), record), (name(artifact), bytes + bytes)]).write(
      to: URL(fileURLWithPath: path))
    #expect(throws: ClosureError.self) { try ClosureReader.take(path, into: there.cache) }
    #expect(there.files("artifacts").isEmpty && there.files("actions").isEmpty)
  }

  @Test func aHugeFileOfZerosIsRefusedAtOnce() throws {
    let lab = try Lab()
    let path = lab.folder + "/zeros"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    // Ten gigabytes that take no room.
    #expect(truncate(path, 10 << 30) == 0)
    #expect(throws: ClosureError.self) { try ClosureReader.take(path, into: lab.cache) }
    // One that begins well and says that a record is as long.
    var data = Data("pipeline closure 1\n".utf8)
    withUnsafeBytes(of: UInt64(8).littleEndian) { data.append(contentsOf: $0) }
    data.append(contentsOf: "pipeline".utf8)
    withUnsafeBytes(of: UInt64(9 << 30).littleEndian) { data.append(contentsOf: $0) }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.write(contentsOf: data)
    try file.close()
    #expect(throws: ClosureError.self) { try ClosureReader.take(path, into: lab.cache) }
    #expect(!FileManager.default.fileExists(atPath: lab.cache.root + "/tmp"))
  }
}
