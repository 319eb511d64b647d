// Plain values as bytes, exact to the bit and without names: for what schedulers and workers say, which costs microseconds
// so, and for the index of a completed run.

import PipelineCore

/// Bytes that end early or mean nothing.
struct WireError: Error {}

/// Writes values one after another. A message starts with a mark and the length of what follows.
struct WireWriter {
  static let mark: [UInt8] = [0xF1, 0x70, 0x65, 0x02]
  static let headerLength = 8
  /// What has been written.
  private(set) var bytes: [UInt8]

  /// A writer of a message; see `finish`.
  init() { self.init(after: Self.mark + [0, 0, 0, 0], capacity: 1024) }

  /// A writer of anything else.
  init(after header: [UInt8], capacity: Int) {
    bytes = header
    bytes.reserveCapacity(capacity)
  }

  /// The message, whole.
  consuming func finish() -> [UInt8] {
    let length = bytes.count - Self.headerLength
    precondition(length <= UInt32.max, "a message of \(length) bytes")
    for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
    return bytes
  }

  mutating func put(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
  mutating func put(_ value: Int) { put(UInt64(bitPattern: Int64(value))) }
  mutating func put(_ value: Double) { put(value.bitPattern) }
  mutating func put(tag: UInt8) { bytes.append(tag) }
  mutating func put(_ value: Digest) { value.append(to: &bytes) }
  mutating func put(raw: ArraySlice<UInt8>) { bytes += raw }

  mutating func put(_ text: String) {
    put(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func put<T>(_ values: some Collection<T>, each: (inout WireWriter, T) -> Void) {
    put(values.count)
    for value in values { each(&self, value) }
  }

  mutating func put(_ value: Value) {
    switch value {
    case .null: put(tag: 0)
    case .boolean(let value): put(tag: value ? 2 : 1)
    case .integer(let value):
      put(tag: 3)
      put(value)
    case .number(let value):
      put(tag: 4)
      put(value)
    case .string(let value):
      put(tag: 5)
      put(value)
    case .list(let values):
      put(tag: 6)
      put(values) { $0.put($1) }
    case .map(let values):
      put(tag: 7)
      put(values)
    }
  }

  /// In the order of the names, so that equal values are equal bytes.
  mutating func put(_ values: [String: Value]) {
    put(values.sorted { $0.key < $1.key }) { writer, entry in
      writer.put(entry.key)
      writer.put(entry.value)
    }
  }
}

/// Reads values in the order in which they were written, and nothing beyond their end.
struct WireReader {
  /// What has not been read.
  private(set) var rest: ArraySlice<UInt8>

  init(_ body: ArraySlice<UInt8>) { rest = body }

  /// What `read` makes of a body; nil where the body is none, or is longer.
  static func whole<T>(
    _ body: ArraySlice<UInt8>, _ read: (inout WireReader) throws(WireError) -> T
  ) -> T? {
    var reader = WireReader(body)
    do throws(WireError) {
      let value = try read(&reader)
      return reader.rest.isEmpty ? value : nil
    } catch { return nil }
  }

  private mutating func take(_ count: Int) throws(WireError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= rest.count else { throw WireError() }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  mutating func word() throws(WireError) -> UInt64 {
    UInt64(littleEndian: try take(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
  }
  mutating func integer() throws(WireError) -> Int { Int(Int64(bitPattern: try word())) }
  mutating func number() throws(WireError) -> Double { Double(bitPattern: try word()) }
  mutating func tag() throws(WireError) -> UInt8 {
    guard let tag = rest.popFirst() else { throw WireError() }
    return tag
  }

  mutating func digest() throws(WireError) -> Digest {
    guard let digest = Digest(bytes: try take(32)) else { throw WireError() }
    return digest
  }

  mutating func text() throws(WireError) -> String {
    let count = try integer()
    guard let text = String(validating: try take(count), as: UTF8.self) else { throw WireError() }
    return text
  }

  mutating func list<T>(_ element: (inout WireReader) throws(WireError) -> T) throws(WireError) -> [T] {
    let count = try integer()
    // Each element takes a byte or more.
    guard count >= 0, count <= rest.count else { throw WireError() }
    var values: [T] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try element(&self)) }
    return values
  }

  mutating func value() throws(WireError) -> Value {
    switch try tag() {
    case 0: return .null
    case 1: return .boolean(false)
    case 2: return .boolean(true)
    case 3: return .integer(try integer())
    case 4: return .number(try number())
    case 5: return .string(try text())
    case 6: return .list(try list { (reader) throws(WireError) in try reader.value() })
    case 7: return .map(try map { (reader) throws(WireError) in try reader.value() })
    default: throw WireError()
    }
  }

  mutating func map<T>(
    _ element: (inout WireReader) throws(WireError) -> T
  ) throws(WireError) -> [String: T] {
    let count = try integer()
    guard count >= 0, count <= rest.count else { throw WireError() }
    var values = [String: T](minimumCapacity: count)
    for _ in 0..<count {
      let key = try text()
      values[key] = try element(&self)
    }
    return values
  }
}

/// Splits a stream of bytes into the bodies of messages.
package struct MessageBuffer {
  private var pending: [UInt8] = []

  package init() {}

  /// Takes bytes and returns what they complete; nil once they are no messages.
  package mutating func take(_ bytes: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
    pending += bytes
    var bodies: [ArraySlice<UInt8>] = []
    var start = 0
    while true {
      let rest = pending[start...]
      guard rest.starts(with: WireWriter.mark.prefix(rest.count)) else { return nil }
      guard rest.count >= WireWriter.headerLength else { break }
      let length = (0..<4).reduce(0) { $0 | Int(rest[start + 4 + $1]) << (8 * $1) }
      let end = start + WireWriter.headerLength + length
      guard pending.count >= end else { break }
      bodies.append(pending[(start + WireWriter.headerLength)..<end])
      start = end
    }
    if start > 0 { pending.removeFirst(start) }
    return bodies
  }
}
