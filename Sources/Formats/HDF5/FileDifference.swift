// What two files say differently: datasets that one lacks, other shapes, other values, other attributes.

import CHDF5

/// Compares what two files say.
public enum FileDifference {
  /// One sentence for each object that differs, by path; none where both files say the same.
  ///
  /// - Parameters:
  ///   - old: The path of one file, of which the sentences speak as what was before.
  ///   - new: The path of the other.
  ///   - ignored: Root attributes that may differ.
  /// - Throws: `HDF5Error` for a file that can't be read.
  public static func sentences(
    from old: String, to new: String, ignoring ignored: Set<String> = []
  ) throws(HDF5Error) -> [String] {
    let before = try FileReader(at: old)
    let after = try FileReader(at: new)
    let (oldDatasets, newDatasets) = (try before.datasets(), try after.datasets())
    var sentences: [(path: String, text: String)] = []
    for gone in oldDatasets where !newDatasets.contains(where: { $0.path == gone.path }) {
      sentences.append((gone.path, "is gone"))
    }
    for info in newDatasets {
      guard let former = oldDatasets.first(where: { $0.path == info.path }) else {
        sentences.append((info.path, "is new"))
        continue
      }
      if former.type != info.type || former.shape != info.shape {
        sentences.append((info.path, "was \(former.type) \(former.shape), is \(info.type) \(info.shape)"))
      } else if let text = try values(info, before, after) {
        sentences.append((info.path, text))
      }
    }
    sentences += try attributes("/", before, after).filter { !ignored.contains($0.name) }.map {
      ("attribute \($0.name)", $0.text)
    }
    for info in newDatasets where oldDatasets.contains(where: { $0.path == info.path }) {
      sentences += try attributes(info.path, before, after).map {
        ("\(info.path), attribute \($0.name)", $0.text)
      }
    }
    return sentences.sorted { $0.path < $1.path }.map { "\($0.path) \($0.text)" }
  }

  private static func attributes(
    _ object: String, _ before: borrowing FileReader, _ after: borrowing FileReader
  ) throws(HDF5Error) -> [(name: String, text: String)] {
    let (old, new) = (try before.attributes(of: object), try after.attributes(of: object))
    return Set(old.keys).union(new.keys).sorted().compactMap { name in
      guard old[name] != new[name] else { return nil }
      return (name, old[name] == nil ? "is new" : new[name] == nil ? "is gone" : "has another value")
    }
  }

  /// How many values of a dataset differ; nil where none does. Both are read a few MiB of rows at a time.
  private static func values(
    _ info: DatasetInfo, _ before: borrowing FileReader, _ after: borrowing FileReader
  ) throws(HDF5Error) -> String? {
    let old = try before.open(info.path)
    let new = try after.open(info.path)
    let size = info.type.size
    let rowBytes = info.shape.dropFirst().reduce(size, *)
    let rowCount = info.shape.first ?? 1
    let step = max(1, min(rowCount, (4 << 20) / max(1, rowBytes)))
    let (a, b) = (block(step * rowBytes), block(step * rowBytes))
    defer {
      a.deallocate()
      b.deallocate()
    }
    var count = 0
    var first: Int?
    for start in stride(from: 0, to: rowCount, by: step) {
      let rows = info.shape.isEmpty ? nil : start..<min(rowCount, start + step)
      let length = (rows?.count ?? 1) * rowBytes
      try before.transfer(
        old.id, info, rows: rows, into: UnsafeMutableRawBufferPointer(rebasing: a[..<length]))
      try after.transfer(
        new.id, info, rows: rows, into: UnsafeMutableRawBufferPointer(rebasing: b[..<length]))
      for place in stride(from: 0, to: length, by: size)
      where !a[place..<place + size].elementsEqual(b[place..<place + size]) {
        count += 1
        if first == nil { first = (start * rowBytes + place) / size }
      }
    }
    guard let first else { return nil }
    return "has other values: \(count) of \(info.count), the first at \(first)"
  }

  private static func block(_ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count), alignment: 64)
  }
}
