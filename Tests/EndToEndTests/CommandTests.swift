// The command stage: any program as a cached node, and a DAG with no machine learning in it.

import Foundation
import Testing

@Suite struct CommandTests {
  private func words(_ box: Sandbox) throws {
    try box.write(
      "import sys\nprint(sorted(open(sys.argv[1]).read().split()))\n", to: "pipelines/tools/sort.py")
    try box.write(
      """
      parameters:
        greeting: hello
      axes:
        who: [ada, grace]
      stages:
        write:
          stage: command
          for: [who]
          parameters:
            argv: [sh, -c, "echo $GREETING ${who} > out/word.txt"]
            environment: {GREETING: "${greeting}"}
            outputs: [out/word.txt]
        join:
          stage: command
          inputs: {words: write}
          parameters:
            argv: [sh, -c, "cat inputs/words/*/out/word.txt > all.txt"]
            outputs: [all.txt]
        sort:
          stage: command
          inputs: {text: join}
          parameters:
            argv: [sh, -c, "python3 tools/sort.py inputs/text/all.txt > sorted.txt"]
            files: [tools/sort.py]
            outputs: [sorted.txt]
      """, to: "pipelines/words.yaml")
  }

  private func sorted(_ box: Sandbox) throws -> String {
    let path = try box.pipeline("path", "words", "sort").output.trimmingCharacters(in: .newlines)
    let script =
      "import h5py, sys; print(h5py.File(sys.argv[1])['/files/sorted.txt'][...].tobytes().decode())"
    return try box.python(["-c", script, path]).output.trimmingCharacters(in: .newlines)
  }

  /// The artifact that no other node takes: no worker would ever compare its bytes.
  @Test func aDamagedResultIsFoundNamedAndHealed() throws {
    let box = try Sandbox()
    try words(box)
    #expect(try box.run("words").contains("sort"))
    func path() throws -> String {
      try box.pipeline("path", "words", "sort").output.trimmingCharacters(in: .newlines)
    }
    let file = URL(fileURLWithPath: try path())
    let whole = try Data(contentsOf: file)
    func damage() throws {
      var bytes = whole
      bytes[2 * bytes.count / 3] ^= 0x10
      try bytes.write(to: file)
    }
    func expectHealed() throws {
      #expect(try box.pipeline("plan", "words").output.contains("sort: its artifact is damaged"))
      #expect(try box.pipeline("explain", "words", "sort").output.contains("sort: its artifact is damaged"))
      #expect(try box.run("words") == ["sort"])
      #expect(try Data(contentsOf: file) == whole && path() == file.path)
      #expect(try box.pipeline("cache", "verify").status == 0)
    }
    try damage()
    #expect(try box.run("words") == [])
    let verify = try box.pipeline("cache", "verify")
    #expect(
      verify.status == 1 && verify.output.contains("words/sort") && verify.output.contains("1 set aside"))
    try expectHealed()
    // Who reads it finds it, too.
    try damage()
    let read = try box.pipeline("path", "words", "sort")
    #expect(read.status == 1 && read.output.isEmpty && read.errors.contains("sort is damaged"))
    try expectHealed()
  }

  @Test func programsAreNodesLikeAllOthers() throws {
    let box = try Sandbox()
    try words(box)
    #expect(try box.run("words") == ["write[who=ada]", "write[who=grace]", "join", "sort"])
    #expect(try sorted(box) == "['ada', 'grace', 'hello', 'hello']")
    #expect(try box.run("words") == [])
    #expect(try box.run("words", "--set", "who=[ada, grace, joan]") == ["write[who=joan]", "join", "sort"])
    // Another greeting that comes to the same file stops the wave there.
    #expect(
      try box.run("words", "--set", "greeting=' hello'") == ["write[who=ada]", "write[who=grace]"])
    // The script's own content is part of the key.
    try box.write(
      "import sys\nprint(sorted(open(sys.argv[1]).read().split(), reverse=True))\n",
      to: "pipelines/tools/sort.py")
    let why = try box.pipeline("explain", "words", "sort")
    #expect(why.output.contains("content of tools/sort.py"), "\(why.output)")
    #expect(try box.run("words") == ["sort"])
    #expect(try sorted(box) == "['hello', 'hello', 'grace', 'ada']")
  }

  @Test func failuresOfProgramsAreTold() throws {
    let box = try Sandbox()
    func outcome(_ argv: String, outputs: String = "[a]") throws -> Answer {
      try box.write(
        "stages: {p: {stage: command, parameters: {argv: \(argv), outputs: \(outputs)}}}\n",
        to: "pipelines/p.yaml")
      return try box.pipeline("run", "p")
    }
    let status = try outcome("[sh, -c, 'echo oh no >&2; exit 3']")
    #expect(status.status == 1)
    #expect(status.errors.contains("status 3") && status.errors.contains("oh no"), "\(status.errors)")
    #expect(try outcome("[sh, -c, 'kill -9 $$']").errors.contains("signal 9"))
    let missing = try outcome("['true']")
    #expect(missing.status == 1 && missing.errors.contains("did not make its output a"), "\(missing.errors)")
    let absent = try outcome("[no-such-program]")
    #expect(absent.status == 66 && absent.errors.contains("no-such-program"), "\(absent.errors)")
    for path in ["../a", "/tmp/a", "b/../../a"] {
      let escape = try outcome("['true']", outputs: "['\(path)']")
      #expect(escape.status == 65 && escape.errors.contains(path), "\(escape.errors)")
    }
    #expect(box.artifacts().isEmpty)
  }

  @Test func aProgramThatHangsIsEndedWithItsChildren() throws {
    let box = try Sandbox()
    let mark = "31" + String(Int.random(in: 100_000...999_999))
    try box.write(
      """
      stages:
        p:
          stage: command
          timeout: 1
          parameters: {argv: [sh, -c, "sleep \(mark)"], outputs: [a]}
      """, to: "pipelines/p.yaml")
    let answer = try box.pipeline("run", "p")
    #expect(answer.status == 1 && answer.errors.contains("timeout"), "\(answer.errors)")
    usleep(500_000)
    #expect(try box.start("/usr/bin/pgrep", ["-f", "sleep \(mark)"]).1().output.isEmpty)
  }
}
