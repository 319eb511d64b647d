// `submit`, `campaigns`, `cancel` and `run --campaign`: pilots of this machine, and over a stand-in for ssh.

import Foundation
import Glibc
import Testing

@Suite struct SubmitTests {
  @Test func pilotsOfThisMachineDoTheWorkAndWaitFollows() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 8, seconds: 0.1)
    let answer = try sandbox.pipeline("submit", "fan", "--via", "local:2", "--wait")
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(answer.errors.contains("9 of 9 nodes to bring up to date"))
    #expect(answer.errors.contains("9 nodes run, 0 failed"))
    #expect(sandbox.executions.count == 9 && sandbox.executions.values.allSatisfy { $0 == 1 })
    #expect(try sandbox.pipeline("cat", "fan", "all", "all.txt").output == "0\n1\n2\n3\n4\n5\n6\n7\n")
    let campaign = try sandbox.campaign()
    #expect(campaign.state == "done" && campaign.made == 9)
    // All commands see the result as that of any run.
    #expect(try sandbox.run("fan").isEmpty)
    #expect(try sandbox.pipeline("explain", "fan", "all").output.contains("is up to date"))
    // A second submit finds nothing to do, and starts nobody.
    let again = try sandbox.pipeline("submit", "fan", "--via", "local:2", "--wait")
    #expect(again.status == 0 && again.errors.contains("nothing is left to do"))
    #expect(try sandbox.pipeline("submit", "fan", "--via", "local:2").status == 0)
    let ended = try sandbox.campaign()
    #expect(ended.state == "done" && ended.made == 9 && ended.open == 9)
    #expect(try sandbox.pipeline("campaigns").output.contains("9 of 9 nodes made, done"))
    #expect(try !sandbox.pipeline("status", "fan").output.contains("campaign"))
    #expect(try sandbox.pipeline("cache", "verify").status == 0)
  }

  @Test func theSubmittingShellMayCloseAndASecondSubmitJoins() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 6, seconds: 0.5)
    let start = Date()
    let answer = try sandbox.pipeline("submit", "fan", "--via", "local:1")
    #expect(answer.status == 0, "\(answer.errors)")
    // It did not wait for three seconds of work.
    #expect(Date().timeIntervalSince(start) < 3)
    let state = try sandbox.campaign(in: ["working"], within: 10)
    #expect(state.campaign == answer.output.trimmingCharacters(in: .whitespacesAndNewlines))
    let joined = try sandbox.pipeline("submit", "fan", "--via", "local:3")
    #expect(joined.errors.contains("joined it") && joined.output == answer.output)
    #expect(try sandbox.campaign().pilots.count == 1)
    let status = try sandbox.pipeline("status", "fan")
    #expect(
      status.output.contains("campaign \(state.campaign): ") && status.output.contains("1 pilot at work"))
    #expect(try sandbox.campaign(in: ["done"]).state == "done")
    #expect(sandbox.executions.values.allSatisfy { $0 == 1 })
  }

  @Test func whereWorkIsLeftStatusSaysHowToGoOn() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 4, seconds: 0.5)
    _ = try sandbox.pipeline("submit", "fan", "--via", "local:1")
    let state = try sandbox.campaign(in: ["working"], within: 10)
    #expect(state.pilots.count == 1)
    kill(state.pilots[0].process, SIGKILL)
    #expect(try sandbox.campaign(in: ["left"], within: 10).state == "left")
    let status = try sandbox.pipeline("status", "fan")
    #expect(status.output.contains("work is left and no pilot; go on with: pipeline submit fan"))
    // By hand, as any batch system would.
    let pilot = try sandbox.pipeline("run", "--campaign", "fan", "--jobs", "4")
    #expect(pilot.status == 0, "\(pilot.errors)")
    #expect(try sandbox.campaign().state == "done")
    #expect(try sandbox.pipeline("run", "--campaign=nothing").status == 66)
    #expect(try sandbox.pipeline("run", "--campaign").status == 64)
  }

  @Test func whereARunDoesTheRestACampaignIsDone() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 3)
    _ = try sandbox.pipeline("submit", "fan", "--via", "none")
    #expect(try sandbox.campaign().state == "left")
    #expect(try sandbox.run("fan").count == 4)
    #expect(try sandbox.campaign().state == "done")
    #expect(try sandbox.pipeline("campaigns").output.contains("done, the rest by other runs"))
    #expect(try !sandbox.pipeline("status", "fan").output.contains("campaign"))
    #expect(try sandbox.pipeline("submit", "fan", "--via", "none").status == 0)
    #expect(try sandbox.pipeline("campaigns").output.contains(", done\n"))
  }

  @Test func aSubmitThatWaitsPublishes() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 3, resources: "")
    let file = sandbox.folder + "/pipelines/fan.yaml"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try sandbox.write(text + "\npublish: {res: all}\n", to: "pipelines/fan.yaml")
    let published = sandbox.folder + "/res/all/all.txt"
    let answer = try sandbox.pipeline("submit", "fan", "--via", "local:1", "--wait")
    #expect(answer.status == 0 && answer.errors.contains("published in "), "\(answer.errors)")
    #expect(try String(contentsOfFile: published, encoding: .utf8) == "0\n1\n2\n")
    // Also where nothing was left to do.
    try FileManager.default.removeItem(atPath: sandbox.folder + "/res")
    #expect(try sandbox.pipeline("submit", "fan", "--via", "local:1").status == 0)
    #expect(!FileManager.default.fileExists(atPath: published))
    #expect(try sandbox.pipeline("submit", "fan", "--via", "local:1", "--wait").status == 0)
    #expect(FileManager.default.fileExists(atPath: published))
  }

  @Test func aCancelledCampaignStandsUntilTheNextSubmit() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 4, seconds: 30)
    _ = try sandbox.pipeline("submit", "fan", "--via", "local:2")
    let id = try sandbox.campaign(in: ["working"], within: 10).campaign
    #expect(try sandbox.pipeline("cancel", id).status == 0)
    #expect(try sandbox.campaign().state == "cancelled")
    let end = Date().addingTimeInterval(15)
    while Date() < end, try !sandbox.campaign().pilots.isEmpty { usleep(100_000) }
    #expect(try sandbox.campaign().pilots.isEmpty)
    #expect(try sandbox.pipeline("run", "--campaign", id).errors.contains("is cancelled"))
    _ = try sandbox.pipeline("submit", "fan", "--via", "none")
    #expect(try sandbox.campaign().state == "left")
    #expect(try sandbox.pipeline("cancel", "nothing").status == 66)
  }

  @Test func aDryRunPrintsScriptsAndWritesNothing() throws {
    let sandbox = try Sandbox()
    let many = (0..<10_000).map(String.init).joined(separator: ", ")
    try sandbox.write(
      """
      axes:
        i: [\(many)]
        size: [2000, 3000, 20000]
      stages:
        make:
          stage: command
          for: [i]
          parameters: {argv: [sh, -c, "echo ${i} > out.txt"], outputs: [out.txt]}
        large:
          stage: command
          for: [size]
          parameters: {argv: [sh, -c, "echo ${size} > out.txt"], outputs: [out.txt], memory: "${size}"}
        device:
          stage: command
          parameters: {argv: [sh, -c, "echo > out.txt"], outputs: [out.txt], resources: {gpus: 2}}
      """, to: "pipelines/many.yaml")
    let answer = try sandbox.pipeline(
      "submit", "many", "--dry-run", "--via", "slurm", "--pilots", "100", "--cpus", "4", "--memory", "8G",
      "--time",
      "90m", "--partition", "long", "--sbatch-arg=--account=x")
    #expect(answer.status == 0, "\(answer.errors)")
    // The common class, one of 32 GB for the node of 20, and one with devices.
    let arrays = answer.output.split(separator: "\n").filter { $0.hasPrefix("#SBATCH --array=") }
    #expect(arrays == ["#SBATCH --array=1-100", "#SBATCH --array=1-1", "#SBATCH --array=1-1"])
    let sizes = answer.output.split(separator: "\n").filter { $0.hasPrefix("#SBATCH --mem=") }
    #expect(sizes.sorted() == ["#SBATCH --mem=32768M", "#SBATCH --mem=8192M", "#SBATCH --mem=8192M"])
    for line in [
      "#SBATCH --cpus-per-task=4", "#SBATCH --time=90", "#SBATCH --partition=long", "#SBATCH --account=x",
      "#SBATCH --gpus-per-task=2", "#SBATCH --requeue",
    ] {
      #expect(answer.output.contains(line + "\n"), "\(line)")
    }
    // The pilot takes the place of the shell.
    #expect(answer.output.split(separator: "\n").filter { $0.hasPrefix("exec ") }.count == 3)
    #expect(!FileManager.default.fileExists(atPath: sandbox.cache + "/campaigns"))
    for wrong in [
      ["--via", "moon"], ["--via", "local:0"], ["--via", "ssh:"], ["--pilots", "0"], ["--sbatch-arg=x"],
    ] {
      let refused = try sandbox.start(Sandbox.executable, ["submit", "many", "--dry-run"] + wrong).1()
      #expect(refused.status == 64, "\(wrong)")
    }
  }

  @Test func pilotsOverSshStartInTheProjectAndOutliveTheConnection() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 4, seconds: 0.1)
    // Stands for ssh: runs the command as the other host's shell would, from another folder.
    try sandbox.write(
      """
      #!/bin/sh
      echo "$3" >> \(sandbox.folder)/hosts
      [ "$1 $2" = "-o BatchMode=yes" ] && [ "$3" != down ] || exit 255
      cd / && exec sh -c "$4"
      """, to: "bin/ssh")
    chmod(sandbox.folder + "/bin/ssh", 0o755)
    let path = "\(sandbox.folder)/bin:\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    let answer = try sandbox.start(
      "/usr/bin/env",
      [
        "PATH=\(path)", Sandbox.executable, "submit", "fan", "--via", "ssh:one,down,two", "--cpus", "1",
        "--wait",
      ]
    ).1()
    #expect(answer.status == 0, "\(answer.errors)")
    #expect(
      answer.errors.contains("no pilot could be started on down")
        && answer.errors.contains("2 pilots started"))
    #expect(try String(contentsOfFile: sandbox.folder + "/hosts", encoding: .utf8) == "one\ndown\ntwo\n")
    #expect(sandbox.executions.count == 5 && sandbox.executions.values.allSatisfy { $0 == 1 })
  }

  @Test func aSubmitTakesOnePipelineAndSaysSoWhereAnotherIsNamed() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 1)
    try sandbox.writeFan("other", count: 1)
    let refused = try sandbox.pipeline("submit", "fan", "other", "--via", "none")
    #expect(refused.status == 65 && refused.errors.contains("'other' is a pipeline; a command takes one"))
    let nodes = try sandbox.pipeline("submit", "fan", "make", "--via", "none")
    #expect(nodes.status == 0 && nodes.errors.contains("1 of 2 nodes"), "\(nodes.errors)")
  }

  @Test func aSchedulerThatDoesNotAnswerIsNotTakenForOneWithoutJobs() throws {
    let sandbox = try Sandbox()
    try sandbox.writeFan(count: 1)
    // Stand for SLURM, whose server is away as long as there is no file `up`.
    try sandbox.write("#!/bin/sh\ncat > /dev/null; echo 7\n", to: "bin/sbatch")
    try sandbox.write("#!/bin/sh\ncat \(sandbox.folder)/up\n", to: "bin/squeue")
    for program in ["sbatch", "squeue"] { chmod("\(sandbox.folder)/bin/\(program)", 0o755) }
    let path = "PATH=\(sandbox.folder)/bin:\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    func pipeline(_ words: String...) throws -> Answer {
      try sandbox.start("/usr/bin/env", [path, Sandbox.executable] + words).1()
    }
    #expect(try pipeline("submit", "fan").status == 0)
    for (jobs, state, told) in [
      (nil, "unknown", "SLURM does not answer"), ("7_1\n7_2\n", "waiting", "2 jobs waiting for SLURM"),
      ("", "left", "work is left and no pilot"),
    ] {
      if let jobs { try sandbox.write(jobs, to: "up") }
      #expect(try pipeline("campaigns", "--json").output.contains("\"\(state)\""))
      #expect(try pipeline("status", "fan").output.contains(told))
    }
  }

  @Test func aFailureIsSharedAndNamed() throws {
    let sandbox = try Sandbox()
    try sandbox.write(
      """
      stages:
        bad:
          stage: command
          parameters: {argv: [sh, -c, "echo bad >> \(sandbox.folder)/ran; exit 3"], outputs: [out.txt]}
        good:
          stage: command
          parameters: {argv: [sh, -c, "echo good > out.txt"], outputs: [out.txt]}
      """, to: "pipelines/mixed.yaml")
    let answer = try sandbox.pipeline("submit", "mixed", "--via", "local:3", "--wait")
    #expect(answer.status == 1)
    #expect(
      answer.errors.contains("1 node run, 1 failed") && answer.errors.contains("pipeline submit mixed"))
    #expect(sandbox.executions["bad"] == 1)
    let state = try sandbox.campaign()
    #expect(state.state == "failed" && state.failed == ["bad"])
    #expect(try sandbox.pipeline("status", "mixed").output.contains("failed: bad: "))
  }
}
