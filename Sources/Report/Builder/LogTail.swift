// The last lines of what a node printed.

import PipelineExecution

enum LogTail {
  private static let lines = 20
  private static let bytes = 4000

  /// The last lines of a log's file, at most 20 and 4,000 bytes; empty where there is none.
  static func lines(of path: String) -> String {
    guard let log = KeptLog(path: path) else { return "" }
    let end = log.text(after: max(0, log.printed - bytes)).suffix(bytes)
    let all = String(decoding: end, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    // The first may be cut, and after the last line's end there is nothing.
    let whole = log.printed > bytes ? all.dropFirst() : all[...]
    return whole.drop { $0.isEmpty }.reversed().drop { $0.isEmpty }.prefix(lines).reversed().joined(
      separator: "\n")
  }

  /// Whether a message has these lines already, perhaps indented.
  static func isTold(_ log: String, by message: String) -> Bool {
    func plain(_ text: String) -> String {
      text.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }.joined(separator: "\n")
    }
    return plain(message).contains(plain(log))
  }
}
