// After which failures a program is tried again, and how a try is ended that takes too long.

import Foundation
import Glibc
import PipelineCore
import StageRuns
import Testing

@Suite struct RetryTests {
  /// A program that notes each try beside its folder, fails in its own way for the first two, and then makes its output.
  private static func script(_ shop: Workshop, _ failing: String) -> [String] {
    [
      "sh", "-c",
      "echo >> '\(shop.folder)/tries'; test $(wc -l < '\(shop.folder)/tries') -gt 2 || { \(failing); }; touch o",
    ]
  }

  private func tries(_ shop: Workshop) -> Int {
    (try? String(contentsOfFile: shop.folder + "/tries", encoding: .utf8).count) ?? 0
  }

  private static let nothing: [String: Value] = [:]

  @Test(
    arguments: [
      ("exit 75", nothing, 3), ("exit 75", ["retry_statuses": .list([.integer(75), .integer(76)])], 3),
      ("exit 74", ["retry_statuses": .list([.integer(75)])], 1),
      ("exit 75", ["retry_on": .list(["signal"])], 1),
      ("kill -SEGV $$", nothing, 3), ("kill -SEGV $$", ["retry_on": .list(["signal"])], 3),
      ("kill -SEGV $$", ["retry_on": .list(["exit", "memory"])], 1),
      ("kill -KILL $$", nothing, 3), ("kill -KILL $$", ["retry_on": .list(["memory"])], 3),
      ("exit 137", ["retry_on": .list(["memory"])], 3), ("exit 137", ["retry_on": .list(["signal"])], 1),
      ("kill -KILL $$", ["retry_on": .list(["exit"])], 1),
      ("exit 0", nothing, 1), ("exit 0", ["retry_on": .list(["outputs"])], 3),
      ("exit 1", ["retry_on": .list(["outputs"])], 1),
    ] as [(String, [String: Value], Int)])
  func kindsOfFailureDecide(_ failing: String, _ rule: [String: Value], _ count: Int) throws {
    let shop = try Workshop()
    let more = rule.merging(["retries": .integer(5), "retry_pause": .number(0)]) { $1 }
    do {
      _ = try shop.command(Self.script(shop, failing), outputs: ["o"], more: more)
      #expect(count == 3)
    } catch { #expect(count == 1, "\(error)") }
    #expect(tries(shop) == count)
  }

  /// Figures that can't be read are a missing output; the try that can be read is the one that is kept.
  @Test func figuresAreAnOutputToo() throws {
    let shop = try Workshop()
    let argv = [
      "sh", "-c",
      "echo >> '\(shop.folder)/tries'; wc -l < '\(shop.folder)/tries' | sed 's/1/nonsense/; s/2/{\"a\": 2}/' > m.json",
    ]
    let more: [String: Value] = ["retries": .integer(3), "retry_pause": .number(0), "metrics": "m.json"]
    #expect(throws: StageFailure.self) { try shop.command(argv, outputs: ["m.json"], more: more) }
    try FileManager.default.removeItem(atPath: shop.folder + "/tries")
    let made = try shop.command(
      argv, outputs: ["m.json"], more: more.merging(["retry_on": .list(["outputs"])]) { $1 })
    #expect(try shop.text("m.json", of: made).contains("{\"a\": 2}") && tries(shop) == 2)
  }

  /// A try that takes too long is ended with what it has started, whether it listens to a signal or not.
  @Test func aTryThatTakesTooLongIsEnded() throws {
    let shop = try Workshop()
    let hang = "sh -c 'trap \"\" TERM; sleep 61.25' & sleep 61.25"
    let more: [String: Value] = [
      "retries": .integer(2), "retry_pause": .number(0), "attempt_timeout": .number(0.3),
    ]
    _ = try shop.command(Self.script(shop, hang), outputs: ["o"], more: more)
    #expect(tries(shop) == 3)
    let shop2 = try Workshop()
    do {
      _ = try shop2.command(
        Self.script(shop2, "sleep 61.25"), outputs: ["o"],
        more: more.merging(["retry_on": .list(["exit"])]) { $1 })
      Issue.record("it hangs")
    } catch {
      #expect("\((error as? StageFailure)?.message ?? "")" == "sh took longer than 0.3 s and was ended")
    }
    #expect(tries(shop2) == 1)
    // A killed process is gone a little later; left alone it would sleep for a minute.
    for _ in 0..<200 where sleepers() > 0 { usleep(50_000) }
    #expect(sleepers() == 0)
  }

  /// Programs that sleep for exactly this test's time.
  private func sleepers() -> Int {
    let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return processes.filter { Int32($0) != nil }.count { process in
      let line = (try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(process)/cmdline"))) ?? Data()
      return line.range(of: Data("61.25".utf8)) != nil
    }
  }

  /// The pauses double: 0.1, 0.2, 0.4 s.
  @Test func pausesDouble() throws {
    let shop = try Workshop()
    let argv = ["sh", "-c", "date +%s.%N >> '\(shop.folder)/times'; exit 3"]
    #expect(throws: StageFailure.self) {
      try shop.command(argv, outputs: ["o"], more: ["retries": .integer(3), "retry_pause": .number(0.1)])
    }
    let times = try String(contentsOfFile: shop.folder + "/times", encoding: .utf8).split(separator: "\n")
      .compactMap { Double($0) }
    try #require(times.count == 4)
    // Never sooner; how much later hangs on the machine.
    for (place, pause) in [0.1, 0.2, 0.4].enumerated() {
      #expect(times[place + 1] - times[place] >= pause * 0.99)
    }
  }

  @Test func statusesNeedExits() throws {
    let shop = try Workshop()
    do {
      _ = try shop.command(
        ["true"], outputs: ["o"],
        more: ["retry_on": .list(["signal"]), "retry_statuses": .list([.integer(3)])])
      Issue.record("the rule says nothing")
    } catch { #expect("\(error)".contains("'retry_on' has no 'exit'"), "\(error)") }
  }
}
