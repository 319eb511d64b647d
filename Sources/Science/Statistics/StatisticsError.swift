// The errors with which the statistics refuse input that they have no answer for.

/// Input that a statistic is not defined for.
public enum StatisticsError: Error, Equatable, Sendable {
  /// Fewer values than the statistic needs.
  case tooFew(statistic: String, count: Int, minimum: Int)
  /// All values are equal (or differ by rounding only), so nothing can be divided by their spread.
  case constant(statistic: String, value: Double)
  /// Values so large or with a spread so small that their powers leave the range of a double.
  case unrepresentable(statistic: String)
  /// A NaN or an infinity; `index` is its first position in the input.
  case notFinite(index: Int)
  /// Two inputs that belong together differ in length.
  case countMismatch(expected: Int, actual: Int)
  /// A number of neighbours or clusters outside 1…`available`.
  case invalidCount(what: String, count: Int, available: Int)
  /// An index outside 0..<`count`.
  case indexOutOfRange(index: Int, count: Int)
  /// A row of zeros, which has no direction, where cosine distance was asked for.
  case zeroLengthRow(index: Int)
  /// A parameter outside its range; `reason` says which range.
  case invalidParameter(name: String, reason: String)
  /// More rows than a method with quadratic memory accepts.
  case tooLarge(method: String, rows: Int, maximum: Int)
}

extension StatisticsError: CustomStringConvertible {
  /// One sentence for a person.
  public var description: String {
    switch self {
    case .tooFew(let statistic, let count, let minimum):
      "\(statistic) needs at least \(minimum) values, got \(count)"
    case .constant(let statistic, let value):
      "\(statistic) is not defined for constant values (all are \(value))"
    case .unrepresentable(let statistic):
      "the values are too large or too close for \(statistic) in double precision"
    case .notFinite(let index):
      "value \(index) is not a finite number"
    case .countMismatch(let expected, let actual):
      "expected \(expected) values, got \(actual)"
    case .invalidCount(let what, let count, let available):
      "\(what) must be between 1 and \(available), got \(count)"
    case .indexOutOfRange(let index, let count):
      "index \(index) is outside 0..<\(count)"
    case .zeroLengthRow(let index):
      "row \(index) is all zeros, so its cosine distance is not defined"
    case .invalidParameter(let name, let reason):
      "\(name) \(reason)"
    case .tooLarge(let method, let rows, let maximum):
      "\(method) takes at most \(maximum) rows, got \(rows)"
    }
  }
}
