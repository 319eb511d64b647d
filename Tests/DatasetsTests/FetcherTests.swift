// Fetched files are whole or absent, whatever breaks in between.

import Datasets
import Foundation
import Hashing
import Testing

private func pin(_ path: String, _ text: String) -> PinnedFile {
  let sum = SHA256.hash(data: Data(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  return PinnedFile(path: path, sha256: sum)
}

@Suite struct FetcherTests {
  @Test func fetchesOnceAndAgainWhenDamaged() throws {
    let folder = try TemporaryFolder()
    let fetcher = Fetcher(folder: folder.file("new/downloads"))
    let files = [pin("x/a", "alpha"), pin("x/b", "beta")]
    var count = 0
    func fetch() throws -> [String] {
      try fetcher.fetch("x", files) { (work) throws(DatasetError) in
        count += 1
        _ = FileManager.default.createFile(atPath: work + "/a", contents: Data("alpha".utf8))
        _ = FileManager.default.createFile(atPath: work + "/b", contents: Data("beta".utf8))
      }
    }
    let paths = try fetch()
    #expect(paths == [folder.file("new/downloads/x/a"), folder.file("new/downloads/x/b")])
    #expect(try fetch() == paths)
    #expect(count == 1)
    try save([1], paths[1])
    #expect(try fetch() == paths)
    #expect(count == 2)
    #expect(try load(paths[1]) == Array("beta".utf8))
    try FileManager.default.removeItem(atPath: paths[0])
    #expect(try fetch() == paths)
    #expect(count == 3)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("new/downloads")) == ["x"])
  }

  @Test func wrongContentIsNeverPublished() throws {
    let folder = try TemporaryFolder()
    let expected = pin("a", "alpha")
    let error = #expect(throws: DatasetError.self) {
      _ = try Fetcher(folder: folder.path).fetch("x", [expected]) { (work) throws(DatasetError) in
        _ = FileManager.default.createFile(atPath: work + "/a", contents: Data("alphx".utf8))
      }
    }
    guard case .wrongChecksum(let file, let found, expected.sha256) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(file.hasSuffix("/a") && found == pin("", "alphx").sha256)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func triesAgain() throws {
    let folder = try TemporaryFolder()
    let fetcher = Fetcher(folder: folder.path, attempts: 3, firstWait: .milliseconds(20))
    var count = 0
    let started = ContinuousClock.now
    _ = try fetcher.fetch("x", [pin("a", "alpha")]) { (work) throws(DatasetError) in
      count += 1
      if count < 3 { throw .unavailable(what: "x", tried: ["asking"], advice: "wait") }
      _ = FileManager.default.createFile(atPath: work + "/a", contents: Data("alpha".utf8))
    }
    #expect(count == 3)
    #expect(ContinuousClock.now - started >= .milliseconds(60))
    count = 0
    #expect(throws: DatasetError.unavailable(what: "x", tried: ["asking (3 times)"], advice: "wait")) {
      _ = try fetcher.fetch("x", [pin("b", "beta")]) { (_) throws(DatasetError) in
        count += 1
        throw .unavailable(what: "x", tried: ["asking"], advice: "wait")
      }
    }
    #expect(count == 3)
  }

  @Test func manyAtOnce() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path
    let text = String(repeating: "0123456789", count: 100_000)
    let file = pin("a", text)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          _ = try Fetcher(folder: path).fetch("x", [file]) { (work) throws(DatasetError) in
            _ = FileManager.default.createFile(atPath: work + "/a", contents: Data(text.utf8))
          }
          #expect(try load(path + "/a") == Array(text.utf8))
        }
      }
      try await group.waitForAll()
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["a"])
  }

  @Test func abandonedWorkIsRemovedAfterADay() throws {
    let folder = try TemporaryFolder()
    for (name, age) in [(".fetching-1-old", 90_000.0), (".fetching-2-new", 60)] {
      try FileManager.default.createDirectory(
        atPath: folder.file(name), withIntermediateDirectories: true,
        attributes: [.modificationDate: Date(timeIntervalSinceNow: -age)])
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: folder.file(name))
    }
    _ = try Fetcher(folder: folder.path).fetch("x", [pin("a", "alpha")]) { (work) throws(DatasetError) in
      _ = FileManager.default.createFile(atPath: work + "/a", contents: Data("alpha".utf8))
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(Set(left) == [".fetching-2-new", "a"])
  }

  @Test func unwritableFolder() {
    let error = #expect(throws: DatasetError.self) {
      _ = try Fetcher(folder: "/proc/none").fetch("x", [pin("a", "alpha")]) { _ in }
    }
    #expect(error?.description.hasPrefix("/proc/none: can't be written: ") == true)
  }
}
