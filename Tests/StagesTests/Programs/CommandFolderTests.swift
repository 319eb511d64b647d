// What a program finds in its folder: inputs in the layout that the plan says, files, and nothing of anybody else's.

import Artifacts
import FileTree
import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct CommandFolderTests {
  private func make(_ shop: Workshop, _ text: String, named label: String, axes: [AxisValue] = []) throws
    -> TaskInput
  {
    var input = try shop.command(
      ["sh", "-c", "mkdir -p d; printf '%s' '\(text)' > d/out.txt"], outputs: ["d/out.txt"])
    input.label = label
    input.axes = axes
    return input
  }

  @Test func oneArtifactStandsAtItsSlot() throws {
    let shop = try Workshop()
    let only = try make(shop, "a", named: "make")
    let seen = try shop.command(
      ["sh", "-c", "find inputs | sort > seen"], outputs: ["seen"], inputs: ["text": [only]])
    #expect(try shop.text("seen", of: seen) == "inputs\ninputs/text\ninputs/text/d\ninputs/text/d/out.txt\n")
  }

  /// The number of members makes no difference to the layout.
  @Test(arguments: [1, 2]) func aGatherIsNumberedWhateverItsCount(count: Int) throws {
    let shop = try Workshop()
    let members = try (0..<count).map {
      try make(shop, "m\($0)", named: "make", axes: [AxisValue("n", .integer($0))])
    }
    let seen = try shop.command(
      ["sh", "-c", "cat inputs/parts/*/d/out.txt > all; cp inputs/parts/index.json ."],
      outputs: ["all", "index.json"], inputs: ["parts": members], gathers: ["parts"])
    #expect(try shop.text("all", of: seen) == (0..<count).map { "m\($0)" }.joined())
    let index = (0..<count).map {
      #"{"axes":{"n":\#($0)},"label":"make","path":"inputs/parts/000\#($0)","stage":"command"}"#
    }
    #expect(try shop.text("index.json", of: seen) == "[\n" + index.joined(separator: ",\n") + "\n]\n")
  }

  @Test func aGatherOfOneArtifactUnderTwoLabels() throws {
    let shop = try Workshop()
    let (old, new) = (try make(shop, "a", named: "old"), try make(shop, "a", named: "new"))
    let seen = try shop.command(
      ["sh", "-c", "cat inputs/pair/0001/d/out.txt inputs/pair/index.json > all"], outputs: ["all"],
      inputs: ["pair": [new, old]], gathers: ["pair"])
    let text = try shop.text("all", of: seen)
    #expect(text.hasPrefix("a[") && text.contains(#""label":"new","path":"inputs/pair/0000""#), "\(text)")
    #expect(text.contains(#""label":"old","path":"inputs/pair/0001""#), "\(text)")
  }

  /// A glob finds the members in the plan's order, however many there are.
  @Test func theNumbersSortAsTheMembersDo() throws {
    let shop = try Workshop()
    let one = try make(shop, "x", named: "make")
    let seen = try shop.command(
      ["sh", "-c", "ls inputs/parts | head -3 > few; ls -d inputs/parts/0* | wc -l | tr -d ' ' > count"],
      outputs: ["few", "count"], inputs: ["parts": Array(repeating: one, count: 120)], gathers: ["parts"])
    #expect(try shop.text("few", of: seen) == "0000\n0001\n0002\n")
    #expect(try shop.text("count", of: seen) == "120\n")
  }

  /// Whatever a program does to what it finds, the cache and the user's files stay as they are.
  @Test func nothingCanBeWrittenThrough() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let text = try make(shop, "kept", named: "make")
    try FileManager.default.createDirectory(atPath: shop.folder + "/store", withIntermediateDirectories: true)
    try shop.write("mine", to: "store/x.csv")
    try FileManager.default.createSymbolicLink(
      atPath: shop.folder + "/linked.csv", withDestinationPath: shop.folder + "/store/x.csv")
    let before = try [images, text].map { try FileTree.digest(of: $0.path).hex }
    let seen = try shop.command(
      [
        "sh", "-c",
        """
        for file in inputs/images inputs/text/d/out.txt linked.csv; do
          chmod u+w "$file"; echo changed >> "$file"; tail -c 8 "$file"; done > all
        """,
      ], outputs: ["all"], inputs: ["images": [images], "text": [text]], files: ["linked.csv"])
    #expect(try shop.text("all", of: seen) == "changed\nchanged\nchanged\n")
    #expect(try [images, text].map { try FileTree.digest(of: $0.path).hex } == before)
    #expect(try String(contentsOfFile: shop.folder + "/store/x.csv", encoding: .utf8) == "mine")
  }

  @Test func theExecutableBitGoesWithAFile() throws {
    let shop = try Workshop()
    try shop.write("#!/bin/sh\necho from the project\n", to: "tools/run.sh")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: shop.folder + "/tools/run.sh")
    let made = try shop.command(
      ["sh", "-c", "tools/run.sh > said; printf '#!/bin/sh\\necho from a node\\n' > tool; chmod +x tool"],
      outputs: ["said", "tool"], files: ["tools/run.sh"])
    #expect(try shop.text("said", of: made) == "from the project\n")
    let file = try FileReader(at: made.path)
    #expect(
      try file.string("mode", of: "/files/tool") == "0755" && file.string("mode", of: "/files/said") == "0644"
    )
    let used = try shop.command(
      ["sh", "-c", "inputs/bin/tool > said; test ! -x inputs/bin/said"], outputs: ["said"],
      inputs: ["bin": [made]])
    #expect(try shop.text("said", of: used) == "from a node\n")
  }

  @Test func theEnvironmentIsAsSaid() throws {
    let shop = try Workshop()
    setenv("COMMAND_TEST_PASSED", "from outside", 1)
    setenv("COMMAND_TEST_HIDDEN", "never", 1)
    let seen = try shop.command(
      ["sh", "-c", "env | cut -d= -f1 | sort > names; echo $COMMAND_TEST_PASSED $B > values"],
      outputs: ["names", "values"],
      more: [
        "environment": .map(["B": .string("two words"), "LANG": .string("C")]),
        "pass": .list([.string("COMMAND_TEST_PASSED"), .string("COMMAND_TEST_ABSENT")]),
      ])
    let names = try shop.text("names", of: seen).split(separator: "\n").map(String.init)
    #expect(
      Set(names).subtracting(["PWD", "OLDPWD", "SHLVL", "_"])
        == ["B", "COMMAND_TEST_PASSED", "HOME", "LANG", "OMP_NUM_THREADS", "PATH"])
    #expect(try shop.text("values", of: seen) == "from outside two words\n")
  }

  /// Whatever this process does with a signal, a program that writes to a pipe without reader is ended by it.
  @Test func signalsAreAtTheirDefaults() throws {
    let shop = try Workshop()
    let script = "(yes; echo $? > status) | head -1 > o"
    let seen = try shop.command(["sh", "-c", script], outputs: ["o", "status"])
    #expect(try shop.text("o", of: seen) == "y\n")
    #expect(try shop.text("status", of: seen) == "141\n")
  }

  @Test func theProgramIsFoundOnThePathThatItGets() throws {
    let shop = try Workshop()
    for (folder, word) in [("one", "first"), ("two", "second")] {
      try shop.write("#!/bin/sh\necho \(word) > o\n", to: "\(folder)/mytool")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o755], ofItemAtPath: "\(shop.folder)/\(folder)/mytool")
    }
    func said(_ argv: [String], path: String) throws -> String {
      let made = try shop.command(
        argv, outputs: ["o"], files: ["one", "two"], more: ["environment": .map(["PATH": .string(path)])])
      return try shop.text("o", of: made)
    }
    #expect(try said(["mytool"], path: "\(shop.folder)/two:\(shop.folder)/one:/bin") == "second\n")
    #expect(try said(["mytool"], path: "\(shop.folder)/one:/bin") == "first\n")
    #expect(try said(["./two/mytool"], path: "/bin") == "second\n")
    let message = failure { _ = try said(["mytool"], path: "/bin") }
    #expect(message.contains("mytool"), "\(message)")
  }

  @Test func standardStreamsAreFiles() throws {
    let shop = try Workshop()
    try shop.write("b\na\n", to: "data.txt")
    let sorted = try shop.command(
      ["sort"], outputs: ["sorted/all"], files: ["data.txt"],
      more: ["stdin": .string("data.txt"), "stdout": .string("sorted/all")])
    #expect(try shop.text("sorted/all", of: sorted) == "a\nb\n")
    let again = try shop.command(
      ["cat"], outputs: ["o"], inputs: ["s": [sorted]],
      more: ["stdin": .string("inputs/s/sorted/all"), "stdout": .string("o")])
    #expect(try shop.text("o", of: again) == "a\nb\n")
    let message = failure {
      _ = try shop.command(
        ["cat"], outputs: ["o"], more: ["stdin": .string("inputs/s/x"), "stdout": .string("o")])
    }
    #expect(message == "there is no file 'inputs/s/x' for 'stdin'")
  }
}
