// An installed program: it needs nothing of the repository, its man pages are well-formed, and it goes without a trace.

import Foundation
import Glibc
import Testing

@Suite struct InstallTests {
  private func install(_ box: Sandbox, _ arguments: String...) throws -> Answer {
    try box.start(
      "/usr/bin/env",
      ["python3", "-B", Sandbox.root + "/scripts/install"] + arguments
        + ["--prefix", "/usr", "--destdir", box.folder + "/root"]
    ).1()
  }

  @Test func runsFromItsPrefixAndIsRemoved() throws {
    let box = try Sandbox()
    let answer = try install(box, Sandbox.executable)
    #expect(answer.status == 0, "\(answer.errors)")
    let root = box.folder + "/root/usr"
    for file in [
      "share/bash-completion/completions/pipeline", "share/zsh/site-functions/_pipeline",
      "share/fish/vendor_completions.d/pipeline.fish", "share/pipeline/pipeline.schema.json",
      "share/man/man1/pipeline.1", "share/man/man1/pipeline-run.1", "share/man/man1/pipeline-cache-gc.1",
    ] {
      #expect(FileManager.default.fileExists(atPath: "\(root)/\(file)"), "\(file)")
    }
    try box.write(
      "stages: {hello: {stage: command, parameters: {argv: [sh, -c, echo hello > out], outputs: [out]}}}",
      to: "elsewhere/hello.yaml")
    let run = try box.start(
      root + "/bin/pipeline",
      ["run", box.folder + "/elsewhere/hello.yaml", "--cache", box.folder + "/elsewhere/cache"]
    ).1()
    #expect(run.status == 0 && run.errors.contains("1 node run"), "\(run.errors)")

    let removed = try install(box, "--remove")
    #expect(removed.status == 0, "\(removed.errors)")
    let left = (FileManager.default.subpaths(atPath: root) ?? []).filter {
      (try? FileManager.default.attributesOfItem(atPath: "\(root)/\($0)"))?[.type] as? FileAttributeType
        != .typeDirectory
    }
    #expect(left == [])
    let again = try install(box, "--remove")
    #expect(again.status == 1 && again.errors.contains("nothing to remove"))
  }

  /// An upgrade takes the program's file away while it runs: workers that are started after that are still of the program
  /// that runs.
  @Test func aRunGoesOnWithItsOwnProgram() throws {
    let box = try Sandbox()
    let program = box.folder + "/own-pipeline"
    try FileManager.default.copyItem(atPath: Sandbox.executable, toPath: program)
    // Each of the two waits for the other, so that there have to be two workers.
    let met = box.folder + "/met-"
    let meet =
      "touch '\(met)'$1; for i in $(seq 1200); do test -e '\(met)'$2 && break; sleep 0.05; done; test -e '\(met)'$2 && touch o"
    try box.write(
      """
      stages:
        take: {stage: command, parameters: {argv: [sh, -c, "rm '\(program)'; touch o"], outputs: [o]}}
        left: {stage: command, inputs: {i: take}, parameters: {argv: [sh, -c, "\(meet)", sh, "1", "2"], outputs: [o]}}
        right: {stage: command, inputs: {i: take}, parameters: {argv: [sh, -c, "\(meet)", sh, "2", "1"], outputs: [o]}}
      """, to: "pipelines/p.yaml")
    let run = try box.start(program, ["run", "p", "-j", "2"]).1()
    #expect(run.status == 0 && run.errors.contains("3 nodes run"), "\(run.errors)")
    #expect(!FileManager.default.fileExists(atPath: program))
  }

  /// Pages of commands hold their options; `man` finds no fault in them.
  @Test func manualsAreWellFormed() throws {
    let box = try Sandbox()
    #expect(try install(box, Sandbox.executable).status == 0)
    let folder = box.folder + "/root/usr/share/man/man1"
    let run = try String(contentsOfFile: folder + "/pipeline-run.1", encoding: .utf8)
    for word in ["\\-\\-keep\\-going", "\\-\\-set", ".SH SYNOPSIS"] {
      #expect(run.contains(word), "the page of run lacks \(word)")
    }
    let pages = try FileManager.default.contentsOfDirectory(atPath: folder)
    #expect(pages.count > 15)
    guard FileManager.default.isExecutableFile(atPath: "/usr/bin/groff") else { return }
    for page in pages {
      let answer = try box.start("/usr/bin/groff", ["-man", "-ww", "-Tutf8", "\(folder)/\(page)"]).1()
      #expect(answer.status == 0 && answer.errors.isEmpty, "\(page): \(answer.errors)")
    }
  }

  /// A Debian package: installed into a root of its own it runs, and purged it leaves nothing; lintian finds no fault.
  @Test func packagesForDebian() throws {
    let box = try Sandbox()
    for tool in ["/usr/bin/dpkg-shlibdeps", "/usr/bin/dpkg-deb"] {
      guard FileManager.default.isExecutableFile(atPath: tool) else { return }
    }
    let made = try box.start(
      "/usr/bin/env",
      ["python3", "-B", Sandbox.root + "/scripts/install", Sandbox.executable, "--deb", box.folder + "/deb"]
    ).1()
    #expect(made.status == 0, "\(made.errors)")
    let package = try #require(made.output.split(separator: "\n").last.map(String.init))
    let facts = try box.start("/usr/bin/dpkg-deb", ["-f", package, "Depends", "Version"]).1().output
    #expect(
      facts.contains("libc6") && facts.contains("libhdf5-103-1") && facts.contains("Version: 0.1.0"),
      "\(facts)")
    if FileManager.default.isExecutableFile(atPath: "/usr/bin/lintian") {
      let lint = try box.start("/usr/bin/lintian", ["--fail-on", "error,warning", package]).1()
      #expect(lint.status == 0, "\(lint.output)")
    }
    // dpkg asks for root even where the root is another folder.
    guard geteuid() == 0 else { return }
    let root = box.folder + "/debian"
    try FileManager.default.createDirectory(
      atPath: root + "/var/lib/dpkg/updates", withIntermediateDirectories: true)
    try FileManager.default.createDirectory(
      atPath: root + "/var/lib/dpkg/info", withIntermediateDirectories: true)
    try box.write("", to: "debian/var/lib/dpkg/status")
    func dpkg(_ words: String...) throws -> Answer {
      try box.start("/usr/bin/dpkg", ["--root=\(root)", "--force-depends", "--force-not-root"] + words).1()
    }
    let installed = try dpkg("-i", package)
    #expect(installed.status == 0, "\(installed.errors)")
    #expect(FileManager.default.fileExists(atPath: root + "/usr/share/man/man1/pipeline-run.1.gz"))
    try box.write(
      "stages: {hello: {stage: command, parameters: {argv: [touch, o], outputs: [o]}}}", to: "x/hello.yaml")
    let run = try box.start(
      root + "/usr/bin/pipeline", ["run", box.folder + "/x/hello.yaml", "--cache", box.folder + "/x/cache"]
    ).1()
    #expect(run.status == 0, "\(run.errors)")
    #expect(try dpkg("-P", "pipeline").status == 0)
    #expect(!FileManager.default.fileExists(atPath: root + "/usr/bin/pipeline"))
  }

  /// What the installed completions ask the program for: stages, nodes, keys of `--set` and values of an axis.
  @Test func completesNodesAndKeys() throws {
    let box = try Sandbox()
    try box.write(
      """
      parameters: {text: a}
      axes: {size: [5, 7]}
      stages:
        make: {stage: command, for: [size], parameters: {argv: [echo, "${size}", "${text}"], outputs: [o]}}
      """, to: "pipelines/small.yaml")
    func offered(_ argument: String, _ word: String) throws -> Set<Substring> {
      let answer = try box.pipeline(
        "---completion", "run", "--", argument, "3", "\(word.utf8.count)", "pipeline", "run", "small", word)
      #expect(answer.status == 0, "\(answer.errors)")
      return Set(answer.output.split(separator: "\n"))
    }
    #expect(try offered("positional@1", "m") == ["make"])
    #expect(try offered("positional@1", "make[") == ["make[size=5]", "make[size=7]"])
    #expect(try offered("--set", "").isSuperset(of: ["text=", "size=", "make.argv="]))
    #expect(try offered("--set", "size=") == ["size=5", "size=7"])
    #expect(try offered("positional@1", "\"make[") == ["make[size=5]", "make[size=7]"])
  }

  /// Bash ends a word at each '=': what it is offered goes on behind it.
  @Test func bashCompletesBehindEqualsSigns() throws {
    let box = try Sandbox()
    try box.write(
      """
      axes: {size: [5, 7], data: [alpha]}
      stages: {make: {stage: command, for: [size, data], parameters: {argv: [echo], outputs: [o]}}}
      """, to: "pipelines/small.yaml")
    #expect(try install(box, Sandbox.executable).status == 0)
    func offered(_ words: String...) throws -> [String] {
      let all = ["pipeline", "run", "small"] + words
      let list = all.map { "'" + $0 + "'" }.joined(separator: " ")
      let script = """
        PATH="$PWD/root/usr/bin:$PATH"
        source root/usr/share/bash-completion/completions/pipeline
        COMP_WORDS=(\(list)) COMP_CWORD=\(all.count - 1) COMP_LINE='\(all.joined(separator: " "))'
        COMP_POINT=${#COMP_LINE}
        __pipeline_whole_words pipeline "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
        printf '%s\\n' "${COMPREPLY[@]}"
        """
      let answer = try box.start("/bin/bash", ["-c", script]).1()
      return answer.output.split(separator: "\n").map(String.init)
    }
    #expect(try offered("make[") == ["make[size=5,data=alpha]", "make[size=7,data=alpha]"])
    #expect(try offered("make[size", "=", "5") == ["5,data=alpha]"])
    #expect(try offered("\"make[size=7") == ["make[size=7,data=alpha]"])
    #expect(try offered("--set", "si") == ["size="])
    #expect(try offered("--set", "size", "=") == ["5", "7"])
    #expect(try offered("ma") == ["make"])
  }
}
