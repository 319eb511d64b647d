// `pipeline serve`: who may ask it, and what a browser sees of runs that fail, are killed and come to their end.

import Foundation
import Testing

/// A server in a sandbox, ended with the test.
private final class Server {
  let address: String
  private let process: Process

  init(_ box: Sandbox, _ options: String...) throws {
    let pipe = Pipe()
    process = Process()
    process.executableURL = URL(fileURLWithPath: Sandbox.executable)
    process.arguments = ["serve"] + options
    process.currentDirectoryURL = URL(fileURLWithPath: box.folder)
    process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "PIPELINE_CACHE" }
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    var line = Data()
    while !line.contains(0x0A), case let more = pipe.fileHandleForReading.availableData, !more.isEmpty {
      line += more
    }
    address = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .newlines)
  }

  deinit {
    process.terminate()
    process.waitUntilExit()
  }
}

@Suite(.serialized) struct ServeTests {
  /// Five nodes that go on until a file appears, one that fails after the third, and a table of all.
  private func waves(_ box: Sandbox) throws {
    try box.write(
      #"""
      description: Waves, and <script>window.stolen = 'description'</script>
      axes: {sea: [north], n: [1, 2, 3, 4, 5]}
      stages:
        step:
          stage: command
          for: [sea, n]
          parameters:
            argv:
              - sh
              - -c
              - |
                echo "${n} begins <script>window.stolen = 'log'</script>"
                until [ -e "$HOME_OF_TEST/more-${n}" ] || [ -e "$HOME_OF_TEST/done-${n}" ]; do sleep 0.05; done
                echo "${n} goes on"
                until [ -e "$HOME_OF_TEST/done-${n}" ]; do sleep 0.05; done
                echo '{"height": 0.5${n}}' > height.json
            outputs: [height.json]
            metrics: height.json
        fails:
          stage: command
          inputs: {step: "step[n=3]"}
          parameters:
            argv: [sh, -c, "echo the last words before the end; exit 3"]
            outputs: [nothing]
        after: {stage: command, inputs: [fails], parameters: {argv: [echo], outputs: [o]}}
        heights:
          stage: table
          inputs: {rows: step}
          parameters: {columns: sea, over: n, title: "Heights <b>"}
      """#.replacingOccurrences(of: "$HOME_OF_TEST", with: box.folder), to: "pipelines/waves.yaml")
  }

  /// All files of the cache with their sizes and times.
  private func contents(of folder: String) throws -> [String: String] {
    var found: [String: String] = [:]
    for path in FileManager.default.subpaths(atPath: folder) ?? [] {
      let facts = try FileManager.default.attributesOfItem(atPath: folder + "/" + path)
      let inode = facts[.systemFileNumber] as? Int ?? 0
      found[path] = "\(facts[.size] ?? 0) \(facts[.modificationDate] ?? "") \(inode)"
    }
    return found
  }

  @Test func answersNobodyElseAndWritesNothing() throws {
    let box = try Sandbox()
    try box.write(
      "stages: {a: {stage: command, parameters: {argv: [sh, -c, 'echo hello > o'], outputs: [o]}}}",
      to: "pipelines/small.yaml")
    #expect(try box.pipeline("run", "small").status == 0)
    let before = try contents(of: box.cache)
    let server = try Server(box)
    let check = try box.python([
      Sandbox.root + "/Tests/EndToEndTests/check_serve.py", server.address, "small",
    ])
    #expect(check.status == 0, "\(check.errors)")
    #expect(try contents(of: box.cache) == before)
  }

  @Test func saysWhatIsInItsWay() throws {
    let box = try Sandbox()
    let server = try Server(box)
    let port = try #require(URL(string: server.address)?.port)
    let second = try box.pipeline("serve", "--port", "\(port)")
    #expect(second.status == 66 && second.errors.contains("can't listen on port \(port)"), "\(second.errors)")
    #expect(second.output.isEmpty)
    #expect(try box.pipeline("serve", "--port", "70000").status == 64)
  }

  @Test(.enabled(if: Browser.isThere, "needs chromium, chromedriver and selenium: scripts/setup.sh browser"))
  func followsRunsInABrowser() throws {
    let box = try Sandbox()
    try waves(box)
    let server = try Server(box)
    let check = try box.python([
      Sandbox.root + "/Tests/EndToEndTests/check_live.py", server.address, Sandbox.executable,
      Browser.program,
      Browser.driver,
    ])
    #expect(check.status == 0, "\(check.errors)")
  }
}
