// What a node printed, as `pipeline logs` and failures tell it, and the folder of a failed command.

import Foundation
import Testing

@Suite struct LogsCommandTests {
  private func project(_ box: Sandbox, _ script: String, _ more: String = "") throws {
    try box.write(
      """
      parameters: {script: "\(script)"}
      stages:
        say: {stage: command, parameters: {argv: [sh, -c, "${script}"], outputs: [o]\(more)}}
        quiet: {stage: command, parameters: {argv: [touch, o], outputs: [o]}}
      """, to: "pipelines/p.yaml")
  }

  @Test func whatWasPrintedIsKept() throws {
    let box = try Sandbox()
    try project(box, "echo out; echo; echo err >&2; printf end; touch o")
    let early = try box.pipeline("logs", "p", "say")
    #expect(early.status == 1 && early.errors.contains("say has not run yet; first: pipeline run p"))
    #expect(try box.run("p") == ["say", "quiet"])
    let answer = try box.pipeline("logs", "p", "say")
    #expect(answer.status == 0 && answer.output == "out\n\nerr\nend", "\(answer)")
    let quiet = try box.pipeline("logs", "p", "quiet", "--follow")
    #expect(quiet.status == 0 && quiet.output.isEmpty && quiet.errors.isEmpty)
    let path = try box.pipeline("logs", "p", "say", "--path").output.trimmingCharacters(in: .newlines)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == answer.output)
    #expect(try box.pipeline("logs", "p", "nothing").status == 65)
    #expect(try box.pipeline("logs", "p", "say", "--path", "--follow").status == 64)
    // With other parameters the node is stale, and its last attempt is the former one.
    let stale = try box.pipeline("logs", "p", "say", "--set", "script=touch o")
    #expect(stale.output == answer.output && stale.errors.contains("say is not up to date"))
  }

  @Test func aFailureNamesItsLogAndItsFolder() throws {
    let box = try Sandbox()
    try project(box, "seq 1 1000; echo half > o; mkdir sub; exit 3")
    let run = try box.pipeline("run", "p", "--keep-scratch")
    #expect(run.status == 1 && run.errors.contains("sh exited with status 3; its last lines:"))
    #expect(run.errors.contains("    1000\n") && !run.errors.contains("    980\n"))
    func path(after words: String) throws -> String {
      let rest = try #require(run.errors.components(separatedBy: words).last, "\(run.errors)")
      return String(rest.prefix { $0 != "\n" })
    }
    let log = try String(contentsOfFile: path(after: "all that it printed: "), encoding: .utf8)
    #expect(log == (1...1000).map { "\($0)\n" }.joined())
    #expect(try box.pipeline("logs", "p", "say").output == log)
    let folder = try path(after: "its folder is kept until 'cache gc': ")
    #expect(try String(contentsOfFile: folder + "/0/o", encoding: .utf8) == "half\n")
    #expect(try box.pipeline("cache", "gc", "--older-than", "0").status == 0)
    #expect(!FileManager.default.fileExists(atPath: folder))
    #expect(try box.pipeline("logs", "p", "say").output == log, "the last failure keeps its log")
    // Without the option nothing stays.
    #expect(try box.pipeline("run", "p").status == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: box.cache + "/tmp").isEmpty)
  }

  @Test func aLogIsFollowed() throws {
    let box = try Sandbox()
    try project(box, "echo one; while ! test -e '\(box.folder)/go'; do sleep 0.05; done; echo two; touch o")
    let (_, run) = try box.start(Sandbox.executable, ["run", "p", "say"])
    let end = Date().addingTimeInterval(30)
    while try box.pipeline("logs", "p", "say").output != "one\n", Date() < end { usleep(20_000) }
    #expect(try box.pipeline("logs", "p", "say").errors.contains("say is running"))
    let (_, follow) = try box.start(
      "/bin/sh", ["-c", "'\(Sandbox.executable)' logs p say --follow > followed"])
    func followed() -> String {
      (try? String(contentsOfFile: box.folder + "/followed", encoding: .utf8)) ?? ""
    }
    while followed() != "one\n", Date() < end { usleep(20_000) }
    #expect(followed() == "one\n")
    try box.write("", to: "go")
    #expect(run().status == 0 && follow().status == 0)
    #expect(followed() == "one\ntwo\n")
  }

  /// After kill -9 of the run, what the node had said is still to be read.
  @Test func theLogOfAKilledRunIsReadable() throws {
    let box = try Sandbox()
    try project(box, "echo so far; sleep 60; touch o")
    let (process, answer) = try box.start(Sandbox.executable, ["run", "p", "say"])
    let end = Date().addingTimeInterval(30)
    while try box.pipeline("logs", "p", "say").output != "so far\n", Date() < end { usleep(20_000) }
    kill(process.processIdentifier, SIGKILL)
    #expect(answer().status == -9)
    let log = try box.pipeline("logs", "p", "say", "--follow")
    #expect(log.output == "so far\n" && log.errors.contains("the run of say was killed"))
  }

  /// What the cache keeps of a program that prints its token, well or not.
  @Test(arguments: [0, 1]) func aPrintedSecretIsMasked(status: Int) throws {
    let box = try Sandbox()
    let secret = "secret-" + UUID().uuidString
    try project(box, "echo token $TOKEN; echo $TOKEN >&2; touch o; exit \(status)", ", pass: [TOKEN]")
    let run = try box.start(
      "/usr/bin/env", ["TOKEN=" + secret, Sandbox.executable, "run", "p", "--keep-going"]
    ).1()
    #expect(run.status == Int32(status) && !run.errors.contains(secret), "\(run.errors)")
    #expect(try box.pipeline("logs", "p", "say").output == "token ***\n***\n")
    let found = try box.start("/usr/bin/grep", ["-r", "-l", "--exclude-dir=downloads", secret, box.cache]).1()
    #expect(found.status == 1 && found.output.isEmpty, "\(found.output)")
  }
}
