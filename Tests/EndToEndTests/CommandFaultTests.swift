// Commands where things go wrong or run close to it: nothing wrong is believed, nothing of the user's is touched or shown.

import Foundation
import Testing

@Suite struct CommandFaultTests {
  private func text(
    _ box: Sandbox, _ pipeline: String, _ node: String, _ file: String, _ options: [String] = []
  )
    throws -> String
  {
    let path = try box.start(Sandbox.executable, ["path", pipeline, node] + options).1().output
      .trimmingCharacters(in: .newlines)
    let script =
      "import h5py, sys; print(h5py.File(sys.argv[1])['/files/' + sys.argv[2]][...].tobytes().decode(), end='')"
    return try box.python(["-c", script, path, file]).output
  }

  /// The layout follows from the file, and never from the number of members.
  @Test func aGatherOfOneMemberIsStillAGather() throws {
    let box = try Sandbox()
    try box.write(
      """
      axes: {letter: [a, b, c]}
      stages:
        make:
          stage: command
          for: [letter]
          parameters: {argv: [sh, -c, "echo ${letter} > out.txt"], outputs: [out.txt]}
        count:
          stage: command
          inputs: {parts: make}
          parameters: {argv: [sh, -c, "cat inputs/parts/*/out.txt > all.txt"], outputs: [all.txt]}
      """, to: "pipelines/letters.yaml")
    #expect(try box.run("letters").count == 4)
    #expect(try text(box, "letters", "count", "all.txt") == "a\nb\nc\n")
    #expect(try box.run("letters", "--set", "letter=[a]") == ["count"])
  }

  /// A file that changes while others run must not get into a result under the old key.
  @Test func aFileThatChangesDuringTheRunPoisonsNothing() throws {
    let box = try Sandbox()
    try box.write("old\n", to: "pipelines/v.txt")
    try box.write("x\n", to: "pipelines/src/deep/a.txt")
    try box.write(
      """
      stages:
        slow: {stage: command, parameters: {argv: [sh, -c, "while ! test -e '\(box.folder)/go'; do sleep 0.05; done; echo $N > s.txt"], outputs: [s.txt]}}
        use:
          stage: command
          inputs: {after: slow}
          parameters: {argv: [sh, -c, "cat v.txt src/deep/a.txt > out.txt"], files: [v.txt, src], outputs: [out.txt]}
      """, to: "pipelines/p.yaml")
    for (file, old, told) in [
      ("v.txt", "old\n", "v.txt changed during the run:"),
      ("src/deep/a.txt", "x\n", "src changed during the run (last 'src/deep/a.txt'):"),
    ] {
      try? FileManager.default.removeItem(atPath: box.folder + "/go")
      let (_, answer) = try box.start(
        Sandbox.executable, ["run", "p", "--set", "slow.environment={N: \(file)}"])
      usleep(700_000)
      try box.write("new\n", to: "pipelines/" + file)
      try box.write("", to: "go")
      let run = answer()
      #expect(run.status == 1 && run.errors.contains(told), "\(run.errors)")
      try box.write(old, to: "pipelines/" + file)
      #expect(try box.run("p", "--set", "slow.environment={N: \(file)}") == ["use"])
      #expect(try text(box, "p", "use", "out.txt", ["--set", "slow.environment={N: \(file)}"]) == "old\nx\n")
    }
  }

  /// The values of `pass` reach the program, enter no key, and are nowhere in the cache.
  @Test func aSecretIsStoredNowhere() throws {
    let box = try Sandbox()
    let secret = "secret-" + UUID().uuidString
    try box.write(
      """
      stages:
        p: {stage: command, parameters: {argv: [sh, -c, "printf %s \\"$TOKEN\\" | wc -c > n"], pass: [TOKEN], outputs: [n]}}
      """, to: "pipelines/p.yaml")
    let answer = try box.start("/usr/bin/env", ["TOKEN=" + secret, Sandbox.executable, "run", "p"]).1()
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(
      try text(box, "p", "p", "n").trimmingCharacters(in: .whitespacesAndNewlines) == "\(secret.utf8.count)")
    let found = try box.start("/usr/bin/grep", ["-r", "-l", "--exclude-dir=downloads", secret, box.cache]).1()
    #expect(found.status == 1 && found.output.isEmpty, "\(found.output)")
    #expect(try box.run("p") == [], "another value is no reason to run again")
  }

  /// A folder that nobody may write to can't be emptied before that is changed.
  @Test func readOnlyFoldersAreCleanedUp() throws {
    let box = try Sandbox()
    try box.write(
      """
      stages:
        p: {stage: command, parameters: {argv: [sh, -c, "mkdir -p a/b; touch o a/b/c; chmod 0 a/b; chmod 555 a"], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    var command = [Sandbox.executable, "run", "p"]
    if geteuid() == 0 {
      // Root may write to any folder, so somebody else runs this.
      #expect(try box.start("/bin/chown", ["-R", "65534:65534", box.folder]).1().status == 0)
      command = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + command
    }
    let answer = try box.start(command[0], Array(command.dropFirst())).1()
    #expect(answer.status == 0, "\(answer.errors)")
    let left = try box.start("/usr/bin/find", [box.cache + "/", "-name", "*.scratch"]).1()
    #expect(left.output.isEmpty, "\(left.output)")
  }

  /// The peak of the worker, as the log has it. The artifact is written, hashed and laid again in blocks.
  @Test func aLargeFileTakesLittleMemory() throws {
    let box = try Sandbox()
    try box.write(
      """
      stages:
        make: {stage: command, parameters: {argv: [sh, -c, "head -c 300000000 /dev/zero > big"], outputs: [big]}}
        take: {stage: command, inputs: {i: make}, parameters: {argv: [sh, -c, "wc -c < inputs/i/big > n"], outputs: [n]}}
      """, to: "pipelines/p.yaml")
    #expect(try box.run("p") == ["make", "take"])
    struct Past: Decodable { var peakMemory: Int? }
    for node in ["make", "take"] {
      let log = try box.pipeline("log", "p", node, "--json").output
      let past = try JSONDecoder().decode([Past].self, from: Data(log.utf8))
      #expect(try #require(past.first?.peakMemory) < 150_000_000, "\(node)")
    }
  }

  /// What can be seen in the pipeline file fails before anything runs.
  @Test func listsThatCannotBeMeantAreErrorsOfTheFile() throws {
    let box = try Sandbox()
    try box.write("v", to: "pipelines/v")
    try box.write("s", to: "pipelines/src/s")
    for (parameters, part) in [
      ("files: [v, v], outputs: [o]", "'v' is named twice"),
      ("files: [src, src/s], outputs: [o]", "lies in 'src'"),
      ("outputs: [o, o]", "'o' is named twice"), ("outputs: [o, ./o]", "'o' is named twice"),
      ("files: [v], outputs: [v]", "in one place"), (#"environment: {A: "a\0b"}, outputs: [o]"#, "NUL"),
    ] {
      try box.write(
        "stages: {p: {stage: command, parameters: {argv: ['true'], \(parameters)}}}\n", to: "pipelines/p.yaml"
      )
      let answer = try box.pipeline("run", "p")
      #expect(answer.status == 65 && answer.errors.contains(part), "\(parameters): \(answer.errors)")
      #expect(answer.errors.contains("pipelines/p.yaml:1:"), "\(answer.errors)")
    }
    #expect(box.artifacts().isEmpty)
  }

  /// What a program leaves running ends with its node, and says nothing under another.
  @Test func backgroundProcessesEndWithTheirNode() throws {
    let box = try Sandbox()
    let mark = "47" + String(Int.random(in: 100_000...999_999))
    try box.write(
      """
      stages:
        a: {stage: command, parameters: {argv: [sh, -c, "(sleep \(mark); echo late) & touch o"], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    #expect(try box.run("p") == ["a"])
    #expect(try box.start("/usr/bin/pgrep", ["-f", "sleep \(mark)"]).1().output.isEmpty)
  }
}
