// A pilot's side of a campaign: its mark, its news, and what it may start in the time that it has.

import Glibc
import PipelineCore

/// The manners of a pilot.
public struct PilotOptions: Sendable {
  /// After how many seconds without work it ends.
  public var idle: Double
  /// How many seconds it has; nil for no end.
  public var time: Double?
  /// How many seconds running nodes may take to end after a SIGTERM.
  public var grace: Double
  /// It takes only nodes that need more memory than so many bytes, or devices; nil for all.
  public var beyond: Int?

  /// Manners.
  public init(idle: Double = 300, time: Double? = nil, grace: Double = 20) {
    (self.idle, self.time, self.grace) = (idle, time, grace)
  }
}

/// One pilot at work.
///
/// A class, since it owns files that are open; the run that it belongs to is the only one who has it.
final class Pilot {
  let campaign: Campaign
  let options: PilotOptions
  let name = PilotMark.newName()
  private let news: PilotNewsReader
  private let writer: PilotNewsWriter
  private let mark: String
  private let clock: () -> Double
  private let start: Double
  private var nextMark = 0.0
  private var nextLook = 0.0
  private var nextNews = 0.0
  private var restsUntil = 0.0
  /// Whether the last look at the news has brought any.
  private var hasNews = false
  /// How many nodes in a row others had.
  private var collisions = 0
  private var lastWork: Double
  /// Core-seconds of a node by stage: the mean over what was made in the campaign.
  private var sums: [String: (sum: Double, count: Int)] = [:]
  private let earlier: [String: Double]
  /// When a SIGTERM came.
  private(set) var askedToEnd: Double?
  /// Whether the campaign was cancelled.
  private(set) var isCancelled = false
  /// Nodes that are beyond this pilot: too large for it or too long.
  var passed: Set<NodeID> = []

  /// - Parameter earlier: Core-seconds of a node in earlier runs, by stage.
  init(
    _ campaign: Campaign, _ options: PilotOptions, earlier: [String: Double],
    clock: @escaping () -> Double = { POSIX.monotonicSeconds }
  ) {
    self.campaign = campaign
    self.options = options
    self.earlier = earlier
    self.clock = clock
    start = clock()
    lastWork = start
    mark = campaign.path(.pilots) + "/" + name
    news = PilotNewsReader(campaign.path(.results), except: name)
    writer = PilotNewsWriter(campaign.path(.results) + "/" + name)
  }

  /// Puts equally urgent nodes in an order of its own.
  var turn: UInt64 { Digest(of: name.utf8).prefix64 }

  // MARK: Marks

  func begin() throws(SystemError) {
    try POSIX.writeAtomically(
      PilotMark.record().bytes(kind: .pilot), to: mark,
      temporary: campaign.cache.layout.temporary("pilot"), sync: false)
    nextMark = clock() + PilotMark.period
  }

  /// Touches its mark and looks for a cancellation, when they are due.
  func keepMarks() {
    let now = clock()
    if now >= nextMark {
      utimes(mark, nil)
      nextMark = now + PilotMark.period
    }
    if now >= nextLook {
      isCancelled = campaign.isCancelled
      nextLook = now + 3
    }
  }

  func end() { unlink(mark) }

  // MARK: News

  /// The pause between two readings of the news, in seconds. Each reads some files only, so that a pilot makes at most 50
  /// calls a second for them, however many others there are.
  private var newsPause: Double { max(0.2, 0.02 * Double(min(32, news.count))) }

  /// What others have made since the last look, if it is time for one.
  ///
  /// - Parameter isBusy: Whether there is something to start: then only who has met others, or has not looked for long,
  ///   looks.
  func takeNews(isBusy: Bool) -> [PilotNews] {
    let now = clock()
    guard now >= nextNews, !isBusy || collisions > 0 || now >= nextNews + 10 * newsPause else { return [] }
    nextNews = now + newsPause * Double.random(in: 0.75...1.25)
    let items = news.read(isWhole: false)
    hasNews = !items.isEmpty
    return items
  }

  func tell(_ item: PilotNews) { writer.add(item) }
  func flush() throws(SystemError) { try writer.flush() }

  /// A node of a stage took so many core-seconds.
  func learn(_ stage: String, cost: Double) {
    let known = sums[stage] ?? (0, 0)
    sums[stage] = (known.sum + cost, known.count + 1)
  }

  // MARK: What to start

  /// Whether a node of such needs is of this pilot's class.
  func takes(_ needs: Resources) -> Bool {
    options.beyond.map { needs.memory > $0 || !needs.counters.isEmpty } ?? true
  }

  /// Others had the node that this pilot was about to start. A few times in a row means that they are at all that is
  /// ready, or that this pilot's news are old. Where news come, the next ones will tell it of more than a look at each
  /// node would; where none come, nobody tells.
  func collide() {
    collisions += 1
    guard collisions >= 3, hasNews else { return }
    let now = clock()
    restsUntil = now + min(newsPause, 0.05 * Double(collisions)) * Double.random(in: 0.5...1)
    nextNews = min(nextNews, restsUntil)
  }

  func didStart() {
    collisions = 0
    lastWork = clock()
  }

  func didWork() { lastWork = clock() }

  var rests: Bool { clock() < restsUntil }

  /// Seconds until it should look around again.
  func pause(atMost limit: Double) -> Double { max(0.01, min(limit, max(restsUntil, nextNews) - clock())) }

  var isIdleForLong: Bool { clock() - lastWork > options.idle }

  /// The seconds that are left; nil for no end.
  private var timeLeft: Double? { options.time.map { start + $0 - clock() } }

  /// What a node of a stage takes on so many cores, in seconds; nil where nothing is known.
  private func seconds(_ stage: String, cores: Int) -> Double? {
    (sums[stage].map { $0.sum / Double($0.count) } ?? earlier[stage]).map { $0 / Double(max(1, cores)) }
  }

  /// Whether a node of a stage would end in the time that is left, by the past and a quarter more. What nothing is known of
  /// is tried as long as there is some time.
  func mayFinish(_ stage: String, cores: Int) -> Bool {
    guard let left = timeLeft else { return true }
    guard let expected = seconds(stage, cores: cores) else { return left > options.grace }
    return expected * 1.25 + 2 < left
  }

  // MARK: Ending

  /// A SIGTERM has come. Says whether running nodes are worth waiting for: one that can't end in time had better be
  /// given back now.
  func askToEnd(_ running: [(stage: String, cores: Int, spent: Double)]) -> Bool {
    askedToEnd = askedToEnd ?? clock()
    return running.contains { node in
      seconds(node.stage, cores: node.cores).map { $0 - node.spent <= options.grace } ?? true
    }
  }

  /// Whether running nodes have had their time since then.
  var graceIsOver: Bool { askedToEnd.map { clock() - $0 > options.grace } ?? false }
}
