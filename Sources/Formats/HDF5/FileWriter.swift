// Writes one HDF5 file: equal content gives equal bytes, and a failure is never left unnoticed.

import CHDF5
import Hashing

/// A new HDF5 file, open for writing until it is closed.
///
/// Nothing in the file depends on time or on the machine. Datasets of 64 KiB or more are cut into chunks with
/// a Fletcher checksum each; `close()` seals the whole file (see `Seal`) and brings it to the disk.
/// A writer that goes away without `close()` leaves a file without seal; a killed process, one that readers
/// refuse.
public struct FileWriter: ~Copyable {
  private let handle: Handle
  let site: Site
  /// By their bytes: `é` can be written in two ways, which are two names.
  private var groups: Set<[UInt8]> = [Array("/".utf8)]
  var hasher = ContentHasher()
  /// The first failure, which `close()` reports again so that a file with a hole in it is never sealed.
  private var failure: HDF5Error?

  /// Creates the file, replacing one of that name.
  public init(at path: String) throws(HDF5Error) {
    site = Site(file: path)
    try requireLibrary(site)
    handle = try site.own("create the file", H5Fclose) {
      H5Fcreate(path, chdf5_truncate(), SharedObjects.fileCreation, SharedObjects.writing)
    }
  }

  /// Writes the dataset `path` ("/a/b"; its groups are made as needed), in C order.
  ///
  /// - Precondition: `values.count` is the product of `shape`; an empty shape is one number.
  public mutating func write<T: Scalar>(_ path: String, _ values: [T], shape: [Int]) throws(HDF5Error) {
    try values.withBytes { (bytes) throws(HDF5Error) in
      try write(path, bytes, type: T.elementType, shape: shape)
    }
  }

  /// Writes a list.
  public mutating func write<T: Scalar>(_ path: String, _ values: [T]) throws(HDF5Error) {
    try write(path, values, shape: [values.count])
  }

  /// Writes one number.
  public mutating func write<T: Scalar>(_ path: String, _ value: T) throws(HDF5Error) {
    try write(path, [value], shape: [])
  }

  /// Writes a list of texts, as UTF-8 of the longest one's length, padded with NUL.
  public mutating func write(_ path: String, _ texts: [String]) throws(HDF5Error) {
    let length = max(1, texts.map(\.utf8.count).max() ?? 1)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(length * texts.count)
    for text in texts {
      try requireNoNUL(text, path)
      bytes.append(contentsOf: text.utf8)
      bytes.append(contentsOf: repeatElement(0, count: length - text.utf8.count))
    }
    try bytes.withBytes { (bytes) throws(HDF5Error) in
      try write(path, bytes, type: .string(bytes: length), shape: [texts.count])
    }
  }

  /// Writes a dataset straight from memory that holds its elements in C order, little-endian.
  ///
  /// - Precondition: `bytes.count` is the product of `shape` times the size of `type`.
  public mutating func write(
    _ path: String, _ bytes: UnsafeRawBufferPointer, type: ElementType, shape: [Int]
  ) throws(HDF5Error) {
    precondition(path.hasPrefix("/") && !path.hasSuffix("/"), "'\(path)' is no dataset path")
    precondition(bytes.count == shape.reduce(type.size, *), "\(path): \(bytes.count) bytes for \(shape)")
    try guarding { (writer) throws(HDF5Error) in
      try writer.makeGroups(above: path)
      try writer.writeDataset(path, bytes, type, shape)
    }
    hasher.addDataset(path, type: type, shape: shape, values: digest(bytes))
  }

  /// Gives the root, a group (made if needed) or a written dataset an attribute.
  public mutating func setAttribute(
    _ name: String, of object: String = "/", to value: AttributeValue
  ) throws(HDF5Error) {
    try guarding { (writer) throws(HDF5Error) in
      try writer.writeAttribute(name, object, value)
    }
    hasher.addAttribute(name, of: object, value)
  }

  /// Makes an empty group.
  public mutating func makeGroup(_ path: String) throws(HDF5Error) {
    try guarding { (writer) throws(HDF5Error) in try writer.makeGroups(above: path + "/") }
  }

  /// The content hash of what has been written so far, in hex, without those root attributes; equal to
  /// `contentHash(ofFileAt:excluding:)` of the finished file.
  public func contentHash(excluding excluded: Set<String> = []) -> String {
    hasher.hash(excluding: excluded)
  }

  /// Closes the file, seals it and, unless `sync` is false, brings it to the disk; a full disk shows here at
  /// the latest.
  public consuming func close(sync: Bool = true) throws(HDF5Error) {
    let (site, failure) = (self.site, self.failure)
    let status = handle.close()
    if let failure { throw failure }
    if status < 0 { throw site.error("close the file") }
    try Seal.append(to: site, sync: sync)
  }

  /// Runs a step and keeps its failure.
  mutating func guarding(
    _ step: (inout FileWriter) throws(HDF5Error) -> Void
  ) throws(HDF5Error) {
    do {
      try step(&self)
    } catch {
      failure = failure ?? error
      throw error
    }
  }

  mutating func makeGroups(above path: String) throws(HDF5Error) {
    let file = handle.id
    var group = ""
    for part in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().dropLast() {
      group += "/" + part
      if groups.contains(Array(group.utf8)) { continue }
      let place = site.at(group)
      let made = try place.own("make a group", H5Gclose) {
        H5Gcreate2(file, group, chdf5_default(), SharedObjects.groupCreation, chdf5_default())
      }
      if made.close() < 0 { throw place.error("make a group") }
      groups.insert(Array(group.utf8))
    }
  }

  private func writeDataset(
    _ path: String, _ bytes: UnsafeRawBufferPointer, _ type: ElementType, _ shape: [Int]
  ) throws(HDF5Error) {
    try withDataset(path, type, shape) { (dataset, typeID) throws(HDF5Error) in
      try site.at(path).check("write a dataset") {
        H5Dwrite(dataset, typeID, chdf5_all(), chdf5_all(), chdf5_default(), bytes.baseAddress)
      }
    }
  }

  /// Makes a dataset, lets the body write it, and closes it.
  func withDataset(
    _ path: String, _ type: ElementType, _ shape: [Int],
    _ body: (_ dataset: hid_t, _ type: hid_t) throws(HDF5Error) -> Void
  ) throws(HDF5Error) {
    let place = site.at(path)
    let file = handle.id
    func make(_ typeID: hid_t, _ spaceID: hid_t, _ creationID: hid_t) throws(HDF5Error) {
      let dataset = try place.own("make a dataset", H5Dclose) {
        H5Dcreate2(file, path, typeID, spaceID, chdf5_default(), creationID, chdf5_default())
      }
      try body(dataset.id, typeID)
      // Closing writes out the chunks that are still in memory.
      if dataset.close() < 0 { throw place.error("write a dataset") }
    }
    try place.withType(type) { (typeID) throws(HDF5Error) in
      try place.withSpace(shape) { (spaceID) throws(HDF5Error) in
        guard let chunk = chunkShape(of: shape, elementSize: type.size) else {
          return try make(typeID, spaceID, SharedObjects.datasetCreation)
        }
        let creation = try place.own("set up a dataset", H5Pclose) {
          SharedObjects.datasetCreation(chunk: chunk)
        }
        try make(typeID, spaceID, creation.id)
      }
    }
  }

  private mutating func writeAttribute(
    _ name: String, _ object: String, _ value: AttributeValue
  ) throws(HDF5Error) {
    let file = handle.id
    let place = site.at(object)
    chdf5_silence()
    if object != "/", H5Lexists(file, object, chdf5_default()) <= 0 { try makeGroups(above: object + "/") }

    func put(_ type: hid_t, _ shape: [Int], _ bytes: UnsafeRawPointer?) throws(HDF5Error) {
      try place.withSpace(shape) { (spaceID) throws(HDF5Error) in
        let attribute = try place.own("make attribute '\(name)'", H5Aclose) {
          H5Acreate_by_name(
            file, object, name, type, spaceID, chdf5_default(), chdf5_default(), chdf5_default())
        }
        let id = attribute.id
        // An empty list has no values to write, and the library wants an address all the same.
        if let bytes { try place.check("write attribute '\(name)'") { H5Awrite(id, type, bytes) } }
        if attribute.close() < 0 { throw place.error("write attribute '\(name)'") }
      }
    }
    func put<T: Scalar>(_ values: [T], _ shape: [Int]) throws(HDF5Error) {
      guard let type = T.elementType.libraryType else { return }
      try values.withBytes { (bytes) throws(HDF5Error) in
        try put(type, shape, values.isEmpty ? nil : bytes.baseAddress)
      }
    }
    // Text is of variable length, which h5py gives back as `str`.
    func put(_ texts: [String], _ shape: [Int]) throws(HDF5Error) {
      for text in texts { try requireNoNUL(text, object) }
      let bytes = texts.map { Array($0.utf8CString) }
      let offsets = bytes.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
      let all = bytes.flatMap { $0 }
      try all.withUnsafeBufferPointer { (all) throws(HDF5Error) in
        let pointers = offsets.dropLast().map { offset in all.baseAddress?.advanced(by: offset) }
        try pointers.withBytes { (bytes) throws(HDF5Error) in
          try put(SharedObjects.text, shape, texts.isEmpty ? nil : bytes.baseAddress)
        }
      }
    }

    switch value {
    case .string(let text): try put([text], [])
    case .integer(let number): try put([number], [])
    case .real(let number): try put([number], [])
    case .strings(let texts): try put(texts, [texts.count])
    case .integers(let numbers): try put(numbers, [numbers.count])
    case .reals(let numbers): try put(numbers, [numbers.count])
    }
  }

  /// HDF5 and h5py end a text at its first NUL.
  private func requireNoNUL(_ text: String, _ object: String) throws(HDF5Error) {
    if text.utf8.contains(0) {
      throw .unsupported(file: site.file, object: object, reason: "a text with a NUL character in it")
    }
  }
}

/// Chunks of whole trailing dimensions, as many rows as fit in 1 MiB; nil below 64 KiB, which is stored
/// in one piece.
func chunkShape(of shape: [Int], elementSize: Int) -> [Int]? {
  guard shape.reduce(elementSize, *) >= 64 << 10 else { return nil }
  var room = (1 << 20) / elementSize
  var chunk = shape
  for axis in shape.indices.reversed() {
    chunk[axis] = min(shape[axis], max(1, room))
    room /= chunk[axis]
  }
  return chunk
}

/// SHA-256 of the bytes.
func digest(_ bytes: UnsafeRawBufferPointer) -> SHA256.Digest {
  var hash = SHA256()
  hash.update(bufferPointer: bytes)
  return hash.finalize()
}

/// Opens the library; why it can't be used, or nil.
private let problemOfLibrary: String? = {
  if let problem = chdf5_load() {
    return
      "can't load the HDF5 library: \(String(cString: problem)); install it (Debian: apt-get install libhdf5-103-1)"
  }
  // Without its lock two threads would corrupt its memory.
  return chdf5_is_thread_safe() != 0 ? nil : "this build of the HDF5 library is not thread-safe"
}()

/// Comes before any other call of the library.
func requireLibrary(_ site: Site) throws(HDF5Error) {
  if let problemOfLibrary { throw .unsupported(file: site.file, object: "/", reason: problemOfLibrary) }
}
