// What looks after campaigns: which results they keep, when they go, and whether their files are whole.

import Glibc
import PipelineCore

extension Campaign {
  /// A campaign without pilots stays for so many seconds after its last change.
  static let keptFor = 7.0 * 86400

  /// The nodes with their plan keys, whose results stay as long as the campaign does.
  func keys() -> [(node: String, key: Digest)] {
    let bytes = ((try? POSIX.read(path(.keys))) ?? nil) ?? []
    return Experiment.lines(bytes).compactMap { line in
      if case .node(let name, let key) = line { (name, key) } else { nil }
    }
  }

  /// The folders of campaigns in which no pilot is at work, each with the time of the last change in it.
  static func foldersAtRest(_ layout: CacheLayout) -> [(path: String, facts: FileFacts)] {
    POSIX.list(layout[.campaigns]).filter { CacheLayout.isCampaignName($0) }.compactMap { name in
      let folder = layout[.campaigns] + "/" + name
      guard var facts = POSIX.facts(folder) else { return nil }
      let inner = POSIX.list(folder).map { folder + "/" + $0 }
      for path in inner
        + POSIX.list(layout.campaign(name, .pilots)).map({ layout.campaign(name, .pilots) + "/" + $0 })
      {
        // A pilot touches its mark, so that one at work is a change.
        if let each = POSIX.facts(path) { facts.modified = max(facts.modified, each.modified) }
      }
      return (folder, facts)
    }
  }

  /// The files of campaigns that are not as they were written.
  static func damage(in layout: CacheLayout, checked: inout Int) -> [(path: String, problem: String)] {
    var damage: [(String, String)] = []
    for id in POSIX.list(layout[.campaigns]) where CacheLayout.isCampaignName(id) {
      func check(_ path: String, _ isWhole: ([UInt8]) -> Bool) {
        // One that goes between two looks is no damage; nor is one that is replaced meanwhile.
        guard let bytes = (try? POSIX.read(path)) ?? nil else { return }
        checked += 1
        if !isWhole(bytes), let again = (try? POSIX.read(path)) ?? nil, !isWhole(again) {
          damage.append((path, "is not as it was written"))
        }
      }
      check(layout.campaign(id, .plan), FrozenPlan.isWhole)
      check(layout.campaign(id, .known)) { KnownArtifacts($0) != nil }
      check(layout.campaign(id, .facts)) { RecordFile($0, kind: .campaign) != nil }
      check(layout.campaign(id, .keys)) { bytes in
        bytes.split(separator: 0x0A).allSatisfy { Experiment.Line($0) != nil }
      }
      for (part, kind) in [
        (CacheLayout.CampaignPart.pilots, RecordKind.pilot), (.failures, .failure), (.jobs, .job),
      ] {
        for name in POSIX.list(layout.campaign(id, part)) {
          check(layout.campaign(id, part) + "/" + name) { RecordFile($0, kind: kind) != nil }
        }
      }
      for part in [CacheLayout.CampaignPart.results, .relay] {
        for name in POSIX.list(layout.campaign(id, part)) {
          // The last line may be one that is being written.
          check(layout.campaign(id, part) + "/" + name) { bytes in
            let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
            return lines.allSatisfy { $0.isEmpty || PilotNews($0) != nil }
          }
        }
      }
    }
    return damage
  }
}
