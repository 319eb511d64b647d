// Results in a folder of the user's: named readably, listed, whole after a kill, and never over the user's own files.

import Foundation
import Testing

@Suite struct ExportTests {
  private func project(_ box: Sandbox, publish: String = "", size: Int = 10) throws {
    try box.write(
      """
      axes: {data: [alpha, beta], seed: 2}
      stages:
        fit:
          stage: command
          for: [data, seed]
          parameters: {argv: [sh, -c, "mkdir plots; echo ${data} ${seed} > out.txt; head -c \(size) /dev/zero > plots/p; echo > run; chmod +x run"], outputs: [out.txt, plots/, run]}
        all: {stage: command, inputs: {fits: fit}, parameters: {argv: [sh, -c, "cat inputs/fits/*/out.txt > all.txt"], outputs: [all.txt]}}
      \(publish)
      """, to: "pipelines/p.yaml")
  }

  private struct Index: Decodable {
    struct File: Decodable {
      var path: String
      var bytes: Int
      var sha256: String
      var node: String
      var axes: [String: String]
    }
    var files: [File]
  }

  private func index(_ box: Sandbox, _ folder: String) throws -> [Index.File] {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(box.folder)/\(folder)/index.json"))
    return try JSONDecoder().decode(Index.self, from: bytes).files
  }

  /// Each file of the index is there with its bytes, and there is no other.
  private func check(_ box: Sandbox, _ folder: String) throws {
    let files = try index(box, folder)
    let sums = files.map { "\($0.sha256)  \($0.path)\n" }.joined()
    try box.write(sums, to: "sums")
    let answer = try box.start(
      "/bin/sh", ["-c", "cd '\(folder)' && sha256sum --quiet -c ../sums && find . -type f | sort"]
    ).1()
    #expect(answer.status == 0, "\(answer)")
    let expected = (files.map { "./" + $0.path } + ["./index.json"]).sorted {
      $0.utf8.lexicographicallyPrecedes($1.utf8)
    }
    let found = answer.output.split(separator: "\n").map(String.init)
    #expect(found.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } == expected)
  }

  private func read(_ box: Sandbox, _ path: String) throws -> String {
    try String(contentsOfFile: box.folder + "/" + path, encoding: .utf8)
  }

  @Test func filesStandUnderReadableNames() throws {
    let box = try Sandbox()
    try project(box)
    let early = try box.pipeline("export", "p", "--into", "out")
    #expect(
      early.status == 1 && early.errors.contains("not up to date: fit[data=alpha,seed=0], "), "\(early)")
    _ = try box.run("p")
    let first = try box.pipeline("export", "p", "--into", "out")
    #expect(first.status == 0 && first.output == "13 files in out\n", "\(first)")
    #expect(try read(box, "out/fit-data=beta-seed=1/out.txt") == "beta 1\n")
    #expect(try read(box, "out/all/all.txt") == "alpha 0\nalpha 1\nbeta 0\nbeta 1\n")
    #expect(FileManager.default.isExecutableFile(atPath: box.folder + "/out/fit-data=alpha-seed=0/run"))
    #expect(FileManager.default.isWritableFile(atPath: box.folder + "/out/all/all.txt"))
    try check(box, "out")
    let entry = try #require(try index(box, "out").first { $0.path == "fit-data=beta-seed=1/plots/p" })
    #expect(entry.node == "fit[data=beta,seed=1]" && entry.axes == ["data": "beta", "seed": "1"])
    #expect(entry.bytes == 10)
    // Some nodes only; the others stay. An axis that is shorter now takes its files away.
    let some = try box.pipeline(
      "export", "p", "fit[data=alpha,seed<1]", "all", "--into", "out", "--artifacts")
    #expect(some.output == "6 files in out\n", "\(some)")
    #expect(try index(box, "out").count == 15)
    _ = try box.run("p", "--set", "data=[beta]")
    #expect(try box.pipeline("export", "p", "--set", "data=[beta]", "--into", "out").status == 0)
    #expect(try index(box, "out").map(\.path).filter { $0.contains("alpha") }.isEmpty)
    try check(box, "out")
    #expect(!FileManager.default.fileExists(atPath: box.folder + "/out/fit-data=alpha-seed=0"))
  }

  /// An exported artifact is a file of the user's own: what becomes of it changes nothing in the cache.
  @Test func anExportedArtifactIsACopy() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    #expect(try box.pipeline("export", "p", "all", "--artifacts", "--into", "out").status == 0)
    let path = try box.pipeline("path", "p", "all").output.trimmingCharacters(in: .newlines)
    let exported = box.folder + "/out/all.h5"
    #expect(FileManager.default.contentsEqual(atPath: path, andPath: exported))
    let file = try #require(FileHandle(forWritingAtPath: exported))
    try file.write(contentsOf: Data("spoiled".utf8))
    try file.close()
    #expect(try box.pipeline("cache", "verify").status == 0)
    #expect(try box.pipeline("cat", "p", "all", "all.txt").output.hasPrefix("alpha 0\n"))
    let artifact = try box.start(
      "/bin/sh", ["-c", "'\(Sandbox.executable)' cat p all artifact.h5 | cmp - '\(path)'"])
    #expect(artifact.1().status == 0)
  }

  @Test func filesOfTheUserStay() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    try box.write("mine\n", to: "out/all/all.txt")
    let refused = try box.pipeline("export", "p", "--into", "out")
    #expect(refused.status == 1 && refused.errors.contains("out/all/all.txt is none that was exported"))
    #expect(try read(box, "out/all/all.txt") == "mine\n")
    #expect(try index(box, "out").count == 12, "the others are there")
    #expect(try box.pipeline("export", "p", "--into", "out", "--overwrite").status == 0)
    #expect(try read(box, "out/all/all.txt") == "alpha 0\nalpha 1\nbeta 0\nbeta 1\n")
    try check(box, "out")
    // One that has gone from the pipeline is only removed as it was exported.
    try box.write("edited\n", to: "out/fit-data=alpha-seed=0/out.txt")
    _ = try box.run("p", "--set", "data=[beta]")
    #expect(try box.pipeline("export", "p", "--set", "data=[beta]", "--into", "out").status == 0)
    #expect(try read(box, "out/fit-data=alpha-seed=0/out.txt") == "edited\n")
    for (name, words) in [
      ("cache/out", "cache/out lies in the cache \(box.folder)/cache,"),
      ("cache", "cache is the cache itself,"),
      ("pipelines/p.yaml", "can't make the folder"),
    ] {
      let wrong = try box.pipeline("export", "p", "--into", name)
      #expect(wrong.status == 66 && wrong.errors.contains(words), "\(wrong)")
    }
    try box.write("not ours", to: "other/index.json")
    #expect(try box.pipeline("export", "p", "--into", "other").status == 66)
    #expect(try box.pipeline("export", "p").status == 64)
    #expect(try box.pipeline("cat", "p", "all", "al.txt").errors.contains("did you mean 'all.txt'?"))
  }

  /// kill -9 at any time leaves whole files only, and the next export makes the rest of it good.
  @Test func aKilledExportIsMadeGood() throws {
    let box = try Sandbox()
    try project(box, size: 30_000_000)
    _ = try box.run("p", "-j", "2")
    for pause in [UInt32(150_000), 300_000, 500_000] {
      let (process, answer) = try box.start(Sandbox.executable, ["export", "p", "--into", "out"])
      usleep(pause)
      kill(process.processIdentifier, SIGKILL)
      _ = answer()
      let sizes = try box.start(
        "/bin/sh", ["-c", "find out -name .export -prune -o -name p -size -30000000c -print"]
      ).1()
      #expect(sizes.output.isEmpty, "a part of a file: \(sizes.output)")
      // Another result in between: what the killed export left is known as ours.
      _ = try box.run("p", "--set", "fit.environment={N: \"\(pause)\"}")
    }
    let (_, one) = try box.start(Sandbox.executable, ["export", "p", "--into", "out"])
    let (_, two) = try box.start(Sandbox.executable, ["export", "p", "--into", "out"])
    #expect(one().status == 0 && two().status == 0, "two at once wait for each other")
    try check(box, "out")
  }

  /// Under the same key, too: the key tells how it is made, not what came of it.
  @Test func whatWasMadeAgainIsWrittenAgain() throws {
    let box = try Sandbox()
    try box.write("1\n", to: "aside")
    try box.write(
      """
      stages:
        a: {stage: command, parameters: {argv: [sh, -c, "cat \(box.folder)/aside > o"], outputs: [o]}}
      publish: {res: a}
      """, to: "pipelines/p.yaml")
    #expect(try box.run("p") == ["a"])
    #expect(try box.pipeline("export", "p", "--into", "out").status == 0)
    try box.write("2\n", to: "aside")
    #expect(try box.run("p", "a", "--force") == ["a"])
    #expect(try box.pipeline("run", "p").status == 0)
    #expect(try box.pipeline("export", "p", "--into", "out").status == 0)
    for folder in ["res", "out"] {
      #expect(try read(box, folder + "/a/o") == "2\n", "\(folder)")
      try check(box, folder)
    }
    // An index of an earlier version knows no contents: nothing changes but the index.
    let old = try read(box, "out/index.json").split(separator: "\n").filter { !$0.contains("\"content\"") }
    try box.write(old.joined(separator: "\n"), to: "out/index.json")
    #expect(try box.pipeline("export", "p", "--into", "out").status == 0)
    #expect(try read(box, "out/index.json") == read(box, "res/index.json"))
  }

  @Test func aRunPublishes() throws {
    let box = try Sandbox()
    try project(box, publish: "publish: {results: [all, \"fit[data=alpha]\"]}")
    _ = try box.run("p")
    try check(box, "results")
    #expect(try index(box, "results").count == 7)
    // Nothing has to run, and the folder is complete again.
    try FileManager.default.removeItem(atPath: box.folder + "/results")
    let again = try box.pipeline(in: box.folder + "/pipelines", "run", "p")
    #expect(again.status == 0 && again.errors.contains("0 nodes run"), "\(again)")
    try check(box, "results")
    try box.write("edited\n", to: "results/all/all.txt")
    let edited = try box.pipeline("run", "p")
    #expect(edited.status == 1 && edited.errors.contains("was changed since"))
    #expect(try read(box, "results/all/all.txt") == "edited\n")
  }
}
