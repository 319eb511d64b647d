// What decides a command beyond its files, and what it needs of the machine beyond cores and memory.

import Foundation
import Glibc
import Testing

@Suite struct MachineCommandTests {
  /// Each node makes a folder of the name of its device, which must not be there yet.
  @Test func devicesAreHandedOutOneByOne() throws {
    let box = try Sandbox()
    try box.write(
      """
      axes: {n: 6}
      stages:
        one: {stage: command, for: n, parameters: {resources: {licenses: 1}, argv: [sh, -c, "mkdir '\(box.folder)/'l$PIPELINE_LICENSES && sleep 0.1 && echo ${n} $PIPELINE_LICENSES > o && rmdir '\(box.folder)/'l$PIPELINE_LICENSES"], outputs: [o]}}
        two: {stage: command, parameters: {resources: {licenses: 2, gpus: 1}, argv: [sh, -c, "echo $PIPELINE_LICENSES $CUDA_VISIBLE_DEVICES > o"], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    let none = try box.pipeline("run", "p", "one")
    #expect(
      none.status == 65 && none.errors.contains("needs 1 of the resource 'licenses', and there are 0"),
      "\(none)")
    let answer = try box.start(
      "/usr/bin/env",
      ["CUDA_VISIBLE_DEVICES=7", Sandbox.executable, "run", "p", "-j", "4", "--resource", "licenses=2"]
    ).1()
    #expect(answer.status == 0, "\(answer)")
    #expect(try box.pipeline("cat", "p", "two", "o").output == "0,1 7\n")
    let numbers = try (0..<6).map { try box.pipeline("cat", "p", "one[n=\($0)]", "o").output }
    #expect(Set(numbers.map { $0.split(separator: " ")[1] }) == ["0\n", "1\n"], "both were used: \(numbers)")
    for wrong in ["licenses", "licenses=-1", "licenses=x"] {
      #expect(try box.pipeline("run", "p", "--resource", wrong).status == 64)
    }
    #expect(try box.run("p").isEmpty, "the key knows nothing of devices")
  }

  @Test func whatIsTrackedIsInTheKey() throws {
    let box = try Sandbox()
    func version(_ text: String) throws { try box.write(text, to: "version") }
    try box.write(
      """
      stages:
        a: {stage: command, parameters: {track: [[cat, "\(box.folder)/version"]], argv: [touch, o], outputs: [o]}}
        b: {stage: command, parameters: {argv: [touch, o], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    try version("Python 3.11.2\n")
    #expect(try box.run("p") == ["a", "b"])
    #expect(try box.run("p") == [])
    try version("Python 3.12.1\n")
    let explained = try box.pipeline("explain", "p", "a").output
    #expect(explained.contains("version': Python 3.11.2 → Python 3.12.1"), "\(explained)")
    #expect(try box.run("p") == ["a"])
    try FileManager.default.removeItem(atPath: box.folder + "/version")
    let gone = try box.pipeline("run", "p")
    #expect(gone.status == 65 && gone.errors.contains("p.yaml:2:45: error: can't ask 'cat "), "\(gone)")
    #expect(gone.errors.contains("it did not exit with status 0"))
    let empty = try box.pipeline("run", "p", "--set", "a.track=[[]]")
    #expect(empty.status == 65 && empty.errors.contains("needs at least the program"), "\(empty)")
  }

  /// Planning waits for what is tracked; whoever ends it, ends that, too.
  @Test(arguments: [SIGTERM, SIGINT]) func aSignalEndsWhatIsAsked(number: Int32) throws {
    let box = try Sandbox()
    try box.write(
      """
      stages:
        a: {stage: command, parameters: {track: [[sh, -c, "echo $$ > '\(box.folder)/asked'; sleep 60; echo v1"]], argv: [touch, o], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    let (process, wait) = try box.start(Sandbox.executable, ["plan", "p"])
    var asked: pid_t?
    for _ in 0..<500 where asked == nil {
      usleep(20_000)
      let text = try? String(contentsOfFile: box.folder + "/asked", encoding: .utf8)
      asked = text.flatMap { pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    let shell = try #require(asked)
    kill(process.processIdentifier, number)
    #expect(try wait().status == 130)
    for _ in 0..<100 where kill(shell, 0) == 0 { usleep(20_000) }
    #expect(kill(shell, 0) != 0, "the program that was asked still runs")
  }

  /// The file of the program itself is in the key where that is asked for; which one was found is told in any case.
  @Test func theProgramItselfCanBeTracked() throws {
    let box = try Sandbox()
    func tool(_ text: String, in folder: String) throws {
      try box.write("#!/bin/sh\necho \(text) > o\n", to: "\(folder)/tool")
      #expect(try box.start("/bin/chmod", ["755", "\(box.folder)/\(folder)/tool"]).1().status == 0)
    }
    let path = "\(box.folder)/venv:\(box.folder)/bin:/usr/bin:/bin"
    try box.write(
      """
      defaults: {environment: {PATH: "\(path)"}}
      stages:
        seen: {stage: command, parameters: {argv: [tool], track: program, outputs: [o]}}
        unseen: {stage: command, parameters: {argv: [tool], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    try tool("one", in: "bin")
    #expect(try box.run("p") == ["seen", "unseen"])
    #expect(try box.run("p") == [])
    let found = box.folder + "/bin/tool"
    #expect(try box.pipeline("explain", "p", "unseen").output.contains("  by \(found)\n"))
    let told = try box.pipeline("explain", "p", "seen").output
    #expect(told.contains("  by \(found), digest "), "\(told)")
    #expect(try box.pipeline("log", "p", "unseen").output.contains(" made by \(found)\n"))
    // As a virtual environment does: another path to the same file.
    try FileManager.default.createDirectory(atPath: box.folder + "/venv", withIntermediateDirectories: true)
    #expect(symlink(found, box.folder + "/venv/tool") == 0)
    #expect(try box.run("p") == [], "what runs is the same")
    try tool("two", in: "bin")
    let changed = try box.pipeline("explain", "p", "seen").output
    #expect(changed.contains("the program 'tool': "), "\(changed)")
    #expect(try box.run("p") == ["seen"], "what nobody tracks is not seen")
    #expect(try box.pipeline("cat", "p", "seen", "o").output == "two\n")
    #expect(try box.pipeline("cat", "p", "unseen", "o").output == "one\n")
    let now = try box.pipeline("explain", "p", "seen").output
    #expect(now.contains("  by \(box.folder)/venv/tool → "), "\(now)")
    try FileManager.default.removeItem(atPath: box.folder + "/venv")
    try FileManager.default.removeItem(atPath: found)
    let gone = try box.pipeline("run", "p")
    #expect(
      gone.status == 65 && gone.errors.contains("p.yaml:3:46: error: can't find the program 'tool'"),
      "\(gone)")
    #expect(gone.errors.contains("there is no such program on the PATH that it is given"))
  }

  /// The program may change between the plan and its start: then the result is not that of the key.
  @Test func aTrackedProgramThatChangesDuringTheRunIsNotBelieved() throws {
    let box = try Sandbox()
    let tool = box.folder + "/bin/tool"
    try box.write("#!/bin/sh\necho one > o\n", to: "bin/tool")
    #expect(try box.start("/bin/chmod", ["755", tool]).1().status == 0)
    let edit = "printf '#!/bin/sh\\necho two > o\\n' > '\(tool)'; touch s"
    try box.write(
      """
      stages:
        edit: {stage: command, parameters: {argv: [sh, -c, "\(edit)"], outputs: [s]}}
        use: {stage: command, inputs: {after: edit}, parameters: {argv: ["\(tool)"], track: [program], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    let run = try box.pipeline("run", "p")
    #expect(
      run.status == 1 && run.errors.contains("the program \(tool) changed during the run"), "\(run.errors)")
    #expect(try box.run("p") == ["use"])
    #expect(try box.pipeline("cat", "p", "use", "o").output == "two\n")
  }

  /// Whatever its time says: a file that was written to is read again. One that was not is not.
  @Test func aLargeFileIsReadOnceAndEachChangeIsSeen() throws {
    let box = try Sandbox()
    let big = box.folder + "/pipelines/big"
    #expect(
      try box.start("/bin/sh", ["-c", "head -c 20000000 /dev/zero > '\(big)'; sleep 3.1"]).1().status == 0)
    try box.write(
      "stages: {a: {stage: command, parameters: {argv: [sh, -c, 'cksum < big > o'], files: [big], outputs: [o]}}}",
      to: "pipelines/p.yaml")
    #expect(try box.run("p") == ["a"])
    let records = try box.start("/usr/bin/find", [box.cache + "/digests", "-type", "f"]).1().output
    #expect(records.split(separator: "\n").count == 1)
    #expect(try box.run("p") == [])
    #expect(try box.pipeline("cache", "verify").status == 0)
    // The same size and the same time of change: only the time of the inode tells.
    let edit = "touch -r '\(big)' t; printf x | dd of='\(big)' bs=1 seek=5 conv=notrunc; touch -r t '\(big)'"
    #expect(try box.start("/bin/sh", ["-c", edit]).1().status == 0)
    #expect(try box.run("p") == ["a"])
    // A dry run writes nothing down.
    try FileManager.default.removeItem(atPath: box.cache + "/digests")
    #expect(try box.planned("p").isEmpty)
    #expect(!FileManager.default.fileExists(atPath: box.cache + "/digests"))
  }

  @Test func whatOthersLeaveInAFolderDoesNotCount() throws {
    let box = try Sandbox()
    try box.write("print(1)\n", to: "pipelines/src/main.py")
    try box.write("*.log\ntmp/\n", to: "pipelines/src/.pipelineignore")
    try box.write(
      "stages: {a: {stage: command, parameters: {argv: [sh, -c, 'find src | sort > o'], files: [src], outputs: [o]}}}",
      to: "pipelines/p.yaml")
    #expect(try box.run("p") == ["a"])
    for name in ["__pycache__/main.pyc", ".git/HEAD", "a.log", "tmp/x", "sub.log/y"] {
      try box.write("left\n", to: "pipelines/src/" + name)
    }
    #expect(try box.run("p") == [])
    try box.write("new\n", to: "pipelines/src/data")
    #expect(try box.run("p") == ["a"])
    #expect(
      try box.pipeline("cat", "p", "a", "o").output == "src\nsrc/.pipelineignore\nsrc/data\nsrc/main.py\n")
    try box.write("a/b\n", to: "pipelines/src/.pipelineignore")
    let wrong = try box.pipeline("run", "p")
    #expect(wrong.status == 65 && wrong.errors.contains("line 1: 'a/b' is no pattern for a name"), "\(wrong)")
  }
}
