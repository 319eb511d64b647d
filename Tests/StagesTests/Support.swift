// What tests of stages share besides their workshop.

import Foundation
import Stages
import Testing

extension TableReport {
  /// The small table of solves below a table, by label.
  func solves() throws -> [String: [String: Any]] {
    let document = try JSONSerialization.jsonObject(with: Data(render(.json).utf8)) as? [String: Any]
    let appendices = try #require(document?["appendices"] as? [[String: Any]])
    let records = try #require(appendices.first?["records"] as? [[String: Any]])
    return Dictionary(uniqueKeysWithValues: records.map { ($0["solves_of"] as? String ?? "", $0) })
  }
}

/// What a stage says when it fails.
func failure(_ body: () throws -> Void) -> String {
  do {
    try body()
  } catch { return "\(error)" }
  Issue.record("nothing was wrong")
  return ""
}
