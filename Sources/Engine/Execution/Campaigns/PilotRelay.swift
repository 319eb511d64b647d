// How news reach many pilots: one of them gathers what all have written into one file, which the others read.

import PipelineCore

/// A pilot's way to the news of the others.
///
/// Few pilots read each other's files. Of many, one has the lease of the relay: it reads the files of all and appends their
/// lines to a file of its own. The others read that one, so that what a look costs them does not grow with their number. A
/// relay that falls silent costs time only: another pilot takes its lease, and meanwhile who has nothing to do reads some of
/// the files itself.
final class PilotRelay {
  /// Up to so many others are read one by one.
  private static let few = 4
  /// So many files are read at a time in place of a silent relay.
  private static let perLook = 32
  /// A relay that tells nothing for so many seconds may be gone, or there may be nothing to tell.
  private static let patience = 10.0

  /// One pilot's work for all.
  private struct Gathering {
    var reader: PilotNewsReader
    var writer: PilotNewsWriter
    /// The actions of which the relay tells already.
    var told: Set<Digest>
  }

  private let campaign: Campaign
  private let name: String
  private let direct: PilotNewsReader
  private let relayed: PilotNewsReader
  private let key: Digest
  private var gathering: Gathering?
  private var gathered: [PilotNews] = []
  private var looks = 0
  private var nextRound = 0.0
  private var nextClaim: Double
  private var claimPause = 1.0
  /// How many others there are, as of the last look at their marks.
  private var others = 0
  private var nextCount = 0.0
  private var countPause = 0.5
  /// When the relay has told anything last.
  private var heardRelay = -Double.infinity
  /// When news have come last, from anywhere; at first, when it began to listen.
  private(set) var heard: Double

  init(_ campaign: Campaign, name: String, now: Double) {
    (self.campaign, self.name, heard) = (campaign, name, now)
    direct = PilotNewsReader(campaign.path(.results), except: name)
    relayed = PilotNewsReader(campaign.path(.relay), except: name)
    key = Digest(of: "the relay of \(campaign.id)".utf8)
    nextClaim = now + Double.random(in: 0.1...1)
    countOthers(now)
  }

  private var areMany: Bool { others > Self.few }

  /// Looks how many others there are: often while they come, and then seldom.
  private func countOthers(_ now: Double) {
    guard now >= nextCount else { return }
    others = POSIX.list(campaign.path(.pilots)).count { $0 != name }
    nextCount = now + countPause * Double.random(in: 0.75...1.25)
    countPause = min(60, 2 * countPause)
  }

  /// What is new since the last look.
  ///
  /// - Parameter isIdle: Whether this pilot waits for it.
  func read(now: Double, isIdle: Bool) -> [PilotNews] {
    looks += 1
    var news = gathered
    gathered = []
    if !areMany {
      news += direct.read(atMost: Self.perLook, lists: direct.count < others || looks % 4 == 1)
    } else if gathering == nil {
      news += relayed.read(lists: relayed.count == 0 || looks % 8 == 0)
      if !news.isEmpty {
        heardRelay = now
      } else if isIdle, now - heardRelay > Self.patience {
        news = direct.read(atMost: Self.perLook, lists: looks % 8 == 0)
      }
    }
    if !news.isEmpty { heard = now }
    return news
  }

  // MARK: Gathering

  /// Gathers if that is this pilot's part, and takes it where there is none who does. To be called often.
  func keep(_ leases: inout LeaseKeeper, now: Double) {
    countOthers(now)
    if gathering != nil {
      guard now >= nextRound else { return }
      // Who stood still for long is followed by another.
      guard leases.holds(key) else { return gathering = nil }
      gather()
      let pause = max(0.3, 0.002 * Double(others))
      nextRound = now + pause * Double.random(in: 0.75...1.25)
    } else if areMany, now >= nextClaim {
      if now - heardRelay < Self.patience / 2 { return nextClaim = now + Self.patience / 2 }
      claimPause = min(30, 2 * claimPause)
      nextClaim = now + claimPause * Double.random(in: 0.5...1)
      // A pilot that can't have it does without.
      guard case .acquired? = try? leases.acquire(key) else { return }
      // What former ones have told is told.
      let told = relayed.read() + PilotNewsReader(campaign.path(.relay), except: "").read()
      gathering = Gathering(
        reader: PilotNewsReader(campaign.path(.results), except: ""),
        writer: PilotNewsWriter(campaign.path(.relay) + "/" + name), told: Set(told.map(\.action)))
      gathered = told
      gather()
    }
  }

  private func gather() {
    guard let news = gathering?.reader.read(sparing: true), !news.isEmpty else { return }
    for item in news where gathering!.told.insert(item.action).inserted {
      gathering!.writer.add(item)
      gathered.append(item)
    }
    // On a full disk the others go without.
    try? gathering!.writer.flush()
  }

  /// Gathers once more, if that was this pilot's part: the others may wait for its last lines.
  func end() {
    gather()
    gathering = nil
  }
}
