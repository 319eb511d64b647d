// What `pipeline serve` answers: the project's pipelines, each as a page alive.

import FoundationEssentials
import PipelineCore
import PipelineExecution
import PipelineFile
import Report
import Stages

/// The pages of a project.
struct ServedProject {
  /// An answer.
  enum Answer {
    case page(String)
    case missing(String)
    /// A stream, with its first bytes.
    case stream([UInt8])
  }

  /// A pipeline with `--set` options. Only those that a run had are served: nothing in an address gets into a file.
  private struct Subject: Hashable {
    var name: String
    var overrides: [String] = []

    /// The page's address from the first page on.
    var address: String {
      let path = "p/" + ServedProject.encoded(name)
      return overrides.isEmpty ? path + "/" : "\(path)/\(digest)/"
    }
    var digest: String { String(Digest(of: overrides.joined(separator: "\0").utf8).hex.prefix(12)) }
  }

  /// A page that somebody looks at.
  private struct Watcher {
    /// Nil for the first page.
    var subject: Subject?
    /// What it was told, by place.
    var told: [String: LivePart] = [:]
    var spoken: Double
  }

  private let cache: CacheStore
  private let origin: ReportOrigin
  private var runs: RunList
  private var views: [Subject: LiveView] = [:]
  private var watchers: [Int: Watcher] = [:]

  init(cache: CacheStore, origin: ReportOrigin) {
    self.cache = cache
    self.origin = origin
    runs = RunList(cache: cache)
  }

  /// Whether anybody looks.
  var isWatched: Bool { !watchers.isEmpty }

  /// A browser has left.
  mutating func close(_ number: Int) { watchers[number] = nil }

  // MARK: Requests

  /// Answers a request for a path behind the token.
  mutating func answer(_ path: String, to number: Int) -> Answer {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(Self.decoded)
    switch parts.count {
    case 1 where parts[0].isEmpty: return .page(projectPage().html(events: "events"))
    case 1 where parts[0] == "events": return watch(nil, number)
    case 3...4 where parts[0] == "p":
      guard let subject = subject(parts[1], parts.count == 4 ? parts[2] : "") else { break }
      if parts.last == "events" { return watch(subject, number) }
      if parts.last == "" { return page(subject, home: parts.count == 4 ? "../../../" : "../../") }
    default: break
    }
    return .missing("There is no such page; the list of pipelines is at the address that was printed.")
  }

  private mutating func watch(_ subject: Subject?, _ number: Int) -> Answer {
    watchers[number] = Watcher(subject: subject, spoken: LiveView.now)
    // At once, and however long the first news take: the browser knows that it is heard.
    return .stream(Array("retry: 1000\n\n".utf8))
  }

  private mutating func page(_ subject: Subject, home: String) -> Answer {
    do {
      return .page(try view(of: subject).page(origin: origin, events: "events", home: home))
    } catch {
      return .missing("\(subject.name) can't be shown:\n\(error)")
    }
  }

  /// What an address means: a pipeline of the project, or one with the options of a run.
  private mutating func subject(_ name: String, _ digest: String) -> Subject? {
    guard !PipelineFolder.isPath(name), !PipelineFolder().files(named: name).isEmpty else { return nil }
    if digest.isEmpty { return Subject(name: name) }
    let known = runs.latest().map { Subject(name: $0.pipeline, overrides: $0.overrides) }
    let live = cache.liveRuns().map { Subject(name: $0.record.pipeline, overrides: $0.record.overrides) }
    return (known + live + views.keys).first { $0.name == name && $0.digest == digest }
  }

  private mutating func view(of subject: Subject) -> LiveView {
    if let view = views[subject] { return view }
    let words = PipelineOptions.words(subject.name, subject.overrides)
    let view = LiveView(cache: cache, overrides: subject.overrides, words: words) { [cache] in
      let found = PipelineFolder().files(named: subject.name)
      guard found.count == 1 else { throw Ambiguity(files: found) }
      func digest(_ path: String) throws -> Digest { try cache.digest(ofFile: path, remembering: false) }
      return try PipelineFile.load(
        path: found[0], stages: allStages.declarations, overrides: subject.overrides, hashFile: digest,
        ask: { try TrackedPrograms.answer($0, hashFile: digest) })
    }
    views[subject] = view
    return view
  }

  private struct Ambiguity: Error, CustomStringConvertible {
    var files: [String]
    var description: String {
      files.isEmpty
        ? "its file is gone" : "\(files.count) pipelines are called so: \(files.joined(separator: ", "))"
    }
  }

  // MARK: News

  /// What there is to tell since the last look, by stream.
  mutating func news(now: Double, heartbeat: Double) -> [(number: Int, bytes: [UInt8])] {
    var looked: [Subject?: [LivePart]] = [:]
    var news: [(Int, [UInt8])] = []
    for number in watchers.keys.sorted() {
      let subject = watchers[number]!.subject
      let parts = looked[subject] ?? subject.map { view(of: $0).look(now: now) } ?? [projectPage().part]
      looked[subject] = parts
      let fresh = parts.filter { watchers[number]!.told[$0.id] != $0 }
      var bytes = fresh.flatMap(\.event)
      for part in fresh { watchers[number]!.told[part.id] = part }
      if bytes.isEmpty, now - watchers[number]!.spoken >= heartbeat { bytes = Array(":\n\n".utf8) }
      guard !bytes.isEmpty else { continue }
      watchers[number]!.spoken = now
      news.append((number, bytes))
    }
    return news
  }

  /// The first page.
  private mutating func projectPage() -> ProjectPage {
    var page = ProjectPage(cache: cache.root)
    let folder = PipelineFolder()
    let latest = runs.latest()
    var newest: [String: RunList.Line] = [:]
    for line in latest.reversed() { newest[line.pipeline] = line }
    page.pipelines = folder.names.map { name in
      ProjectPage.Pipeline(
        words: name, file: folder.paths[name]!.joined(separator: ", "), address: Subject(name: name).address,
        latest: newest[name].map { "\($0.time), \($0.ending)" } ?? "")
    }
    let known = Set(folder.names)
    func address(_ name: String, _ overrides: [String]) -> String? {
      known.contains(name) ? Subject(name: name, overrides: overrides).address : nil
    }
    page.live = cache.liveRuns().map { ($0, address($0.record.pipeline, $0.record.overrides)) }
    page.runs = latest.map { line in
      ProjectPage.Run(
        id: line.id, words: ProjectPage.words(line.pipeline, line.overrides),
        address: address(line.pipeline, line.overrides), time: line.time, ending: line.ending, ran: line.ran,
        failed: line.failed, seconds: line.seconds)
    }
    return page
  }

  /// A part of a path as it was before `encoded`.
  private static func decoded(_ part: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = part.utf8
    while let byte = rest.popFirst() {
      let digits = String(rest.prefix(2)) ?? ""
      if byte == UInt8(ascii: "%"), digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
        rest = rest.dropFirst(2)
        bytes.append(value)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// A name as a part of a path.
  fileprivate static func encoded(_ name: String) -> String {
    name.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        String(UnicodeScalar(byte))
      default: "%" + String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
      }
    }.joined()
  }
}

/// The latest runs of a cache, each read once, and again when its record has grown.
struct RunList {
  /// A run.
  struct Line {
    var id: String
    var pipeline: String
    var overrides: [String]
    var time: String
    var ending: String
    var ran: Int
    var failed: Int
    var seconds: Double
  }

  private static let count = 40
  private let history: RunHistory
  private var known: [String: (size: Int, line: Line?, at: Double)] = [:]
  /// Seconds after which a run without an end is looked at again: it may have been killed, and a long record takes time.
  private static let patience = 3.0

  init(cache: CacheStore) { history = RunHistory(cache: cache) }

  /// The latest first.
  mutating func latest() -> [Line] {
    let ids = Array(history.ids().prefix(Self.count))
    known = known.filter { ids.contains($0.key) }
    return ids.compactMap { id in
      let size = history.size(id)
      let now = LiveView.now
      if let known = known[id],
        known.line?.ending == "running" ? now - known.at < Self.patience : known.size == size
      {
        return known.line
      }
      let line = history.run(id).map { run in
        Line(
          id: id, pipeline: run.pipeline, overrides: run.overrides, time: run.time, ending: run.ending,
          ran: run.nodes.count { $0.failure == nil }, failed: run.nodes.count { $0.failure != nil },
          seconds: run.seconds)
      }
      known[id] = (size, line, now)
      return line
    }
  }
}
