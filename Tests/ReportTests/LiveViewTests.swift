// What a page alive is told, of caches and live records of the tests' own.

import Foundation
import PipelineCore
import PipelineExecution
import PipelineFile
import Report
import Stages
import Testing

@Suite struct LiveViewTests {
  private static let text = """
    axes: {n: [1, 2, 3]}
    stages:
      make: {stage: command, for: n, parameters: {argv: [echo], outputs: [o]}}
      use: {stage: command, inputs: [make], parameters: {argv: [ls], outputs: [o]}}
    """

  private func parse(_ text: String) throws -> PipelineDocument {
    try PipelineFile.parse(
      text: text, name: "pipelines/plan.yaml", stages: allStages.declarations,
      readFile: { _ in throw CocoaError(.fileNoSuchFile) },
      hashFile: { _ in throw CocoaError(.fileNoSuchFile) })
  }

  private func cache() throws -> CacheStore {
    let cache = CacheStore(root: NSTemporaryDirectory() + "live-view-test-" + UUID().uuidString)
    try cache.prepare()
    return cache
  }

  private func view(_ cache: CacheStore, _ overrides: [String] = []) -> LiveView {
    LiveView(cache: cache, overrides: overrides, words: "plan") { try parse(Self.text) }
  }

  /// A run of the plan that has written its record, with its display, which must be kept.
  private func run(_ cache: CacheStore, _ overrides: [String] = [], message: String = "epoch 1/4, loss 0.5")
    throws -> LiveRecorder
  {
    let plan = try parse(Self.text).plan
    var time = 0.0
    let recorder = LiveRecorder(
      NoProgress(), cache: cache, file: "plan.yaml", overrides: overrides, jobs: 2, clock: { time })
    recorder.begin(plan: plan, unfinished: Array(plan.ids))
    recorder.started(NodeID(0), reasons: [], threads: 2)
    recorder.progress(NodeID(0), fraction: 0.25, message: message)
    recorder.finished(NodeID(1), seconds: 1, reasons: [])
    time = 60
    recorder.update(running: [NodeID(0)], waiting: [], unfinished: 3)
    return recorder
  }

  private func html(_ id: String, _ parts: [LivePart]) -> String { parts.first { $0.id == id }?.html ?? "" }

  @Test func tellsOfARunFromItsBeginningToItsEnd() throws {
    let cache = try cache()
    let view = view(cache)
    let before = view.look(now: 0)
    #expect(html("live-head", before).contains("No run is in progress."))
    #expect(before.first { $0.states != nil }?.states == "1111", "all are stale")
    let recorder = try run(cache)
    let during = view.look(now: 1)
    let head = html("live-head", during)
    #expect(
      head.contains(
        "<strong>1 of 4 nodes</strong> · 1 at work · 1 min 00 s · 1.0 nodes a minute · 2 of 2 cores"),
      "\(head)")
    #expect(head.contains("max=\"4\" value=\"1\""))
    let nodes = html("live-nodes", during)
    #expect(nodes.contains("data-node=\"make[n=1]\"") && nodes.contains("value=\"0.25\""), "\(nodes)")
    #expect(nodes.contains("1 min 00 s · 2 threads · 25 % · <bdi>epoch 1/4, loss 0.5</bdi>"), "\(nodes)")
    recorder.end()
    #expect(html("live-head", view.look(now: 2)).contains("No run is in progress."))
    #expect(html("live-nodes", view.look(now: 2)).isEmpty)
  }

  @Test func textsOfNodesAreNoMarkup() throws {
    let cache = try cache()
    let recorder = try run(cache, message: "<script>alert(1)</script>\u{202E}")
    let nodes = html("live-nodes", view(cache).look(now: 0))
    #expect(nodes.contains("&lt;script&gt;alert(1)&lt;/script&gt;\u{FFFD}") && !nodes.contains("<script"))
    recorder.end()
  }

  /// On another host a dead run can't be told from a silent one, so silence is told by the watcher's own clock.
  @Test func saysThatARunIsSilent() throws {
    let cache = try cache()
    let view = view(cache)
    let recorder = try run(cache)
    #expect(!html("live-head", view.look(now: 100)).contains("Nothing was heard"))
    #expect(!html("live-head", view.look(now: 120)).contains("Nothing was heard"))
    #expect(html("live-head", view.look(now: 140)).contains("Nothing was heard of the run for 40 s"))
    recorder.end()
  }

  @Test func tellsRunsWithOtherOptionsApart() throws {
    let cache = try cache()
    let recorder = try run(cache, ["n=[1]"])
    let head = html("live-head", view(cache).look(now: 0))
    #expect(
      head.contains("No run is in progress.") && head.contains("another run is in progress, with --set n=[1]")
    )
    #expect(html("live-head", view(cache, ["n=[1]"]).look(now: 0)).contains("1 of 4 nodes"))
    recorder.end()
  }

  @Test func anEventIsOneLineOfJSON() {
    let part = LivePart(id: "live-head", html: "a\nb\u{2028}\"</script>")
    let text = String(decoding: part.event, as: UTF8.self)
    #expect(text.hasPrefix("data: {") && text.hasSuffix("}\n\n"))
    #expect(text.dropLast(2).utf8.allSatisfy { $0 != 0x0A && $0 != 0x0D })
  }

  @Test func thePageAliveMayTalkToItsServerOnly() throws {
    let cache = try cache()
    let page = try view(cache).page(
      origin: ReportOrigin(version: "1", commit: nil, isChanged: false), events: "events", home: "../../")
    #expect(
      page.contains("default-src &#39;none&#39;;") && page.contains("connect-src &#39;self&#39;; base-uri"))
    #expect(
      page.contains("<body data-events=\"events\" data-version=\"")
        && page.contains("<div id=\"live-nodes\">"))
    #expect(page.contains("<a href=\"../../\">All pipelines</a>"))
  }
}
