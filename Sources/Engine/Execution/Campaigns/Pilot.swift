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
  let relay: PilotRelay
  private let writer: PilotNewsWriter
  private let mark: String
  private let clock: () -> Double
  private let start: Double
  private var nextMark = 0.0
  private var nextLook = 0.0
  private var nextNews = 0.0
  private var lastNews = -Double.infinity
  private var newsPause = Pilot.shortestPause
  private var restsUntil = 0.0
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
    relay = PilotRelay(campaign, name: name, now: start)
    writer = PilotNewsWriter(campaign.path(.results) + "/" + name)
  }

  // MARK: Marks

  func begin() throws(SystemError) {
    try POSIX.writeAtomically(
      PilotMark.record().bytes(kind: .pilot), to: mark,
      temporary: campaign.cache.layout.temporary("pilot"), sync: false)
    nextMark = clock() + PilotMark.period
  }

  /// Where in each stage it begins, as a share of 2³².
  var place: UInt32 { UInt32(truncatingIfNeeded: Digest(of: name.utf8).prefix64) }

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

  func end() {
    relay.end()
    unlink(mark)
  }

  // MARK: News

  /// The least pause between two readings of the news, in seconds.
  private static let shortestPause = 0.25
  /// The longest, for who waits for them.
  private static let longestPause = 5.0
  /// Without news for so many seconds, nobody is taken to tell any.
  private static let patience = 30.0
  /// Who has work looks this often, unless it meets others.
  private static let busyPause = 10.0

  /// What others have made since the last look, if it is time for one.
  ///
  /// - Parameter isBusy: Whether there is something to start: then only who has met others, or has not looked for long,
  ///   looks.
  func takeNews(isBusy: Bool) -> [PilotNews] {
    let now = clock()
    guard now >= nextNews, !isBusy || collisions > 0 || now >= lastNews + Self.busyPause else { return [] }
    let items = relay.read(now: now, isIdle: !isBusy)
    // Half as long again each time that there are none, but soon after what has taken long: by a fifth of it.
    newsPause = items.isEmpty ? min(newsPause * 1.5, Self.longestPause, 0.2 * (now - lastWork)) : 0
    newsPause = max(newsPause, Self.shortestPause)
    lastNews = now
    nextNews = now + newsPause * Double.random(in: 0.75...1.25)
    if !items.isEmpty { restsUntil = now }
    return items
  }

  /// What is new at the end, whenever the last look was.
  func takeLastNews() -> [PilotNews] { relay.read(now: clock(), isIdle: false) }

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
  /// ready, or that this pilot's news are old; then it tries ever less often. Where news come, the next ones will tell it of
  /// more than a look at each node would. Where none come, nobody tells of what is made: it looks on.
  ///
  /// - Parameter isMade: Whether the node is made; else another has its lease.
  func collide(isMade: Bool) {
    collisions += 1
    let now = clock()
    nextNews = min(nextNews, lastNews + Self.shortestPause)
    guard collisions >= 3, !isMade || now - relay.heard < Self.patience else { return }
    let longest = isMade ? 2.0 : 0.5
    restsUntil =
      now + min(longest, 0.005 * pow(1.6, Double(min(collisions, 20)))) * Double.random(in: 0.5...1)
  }

  func didStart() {
    collisions = 0
    lastWork = clock()
  }

  func didWork() { lastWork = clock() }

  var rests: Bool { clock() < restsUntil }

  /// Seconds until it should look around again.
  ///
  /// - Parameter isBusy: Whether there is something to start once it has rested.
  func pause(atMost limit: Double, isBusy: Bool) -> Double {
    // What is ready and not started has no room yet.
    if isBusy, !rests { return limit }
    return max(0.01, min(limit, (isBusy ? restsUntil : max(restsUntil, nextNews)) - clock()))
  }

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
