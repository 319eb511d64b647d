// Reads an HDF5 file with every type and shape checked, and every failure an error that names its place.

import CHDF5
import Crypto

/// What a dataset holds.
public struct DatasetInfo: Equatable, Sendable {
  /// Its path, from the root: "/a/b".
  public let path: String
  /// The type of its elements.
  public let type: ElementType
  /// Its lengths, outermost first; empty for a single value.
  public let shape: [Int]

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }
}

/// A finished HDF5 file, open for reading until it goes out of scope.
///
/// A file that `FileWriter` closed is verified against its seal as it is opened. The file's content never
/// changes any more, so HDF5's file locks are not used.
public struct FileReader: ~Copyable {
  private let handle: Handle
  private let site: Site
  private let size: Int
  /// Whether the file was written and sealed by `FileWriter` and is undamaged.
  public let isSealed: Bool

  /// Opens the file.
  public init(at path: String) throws(HDF5Error) {
    let site = Site(file: path)
    try requireLibrary(site)
    let isSealed = try Seal.verify(site)
    let file = try Self.openFile(site)
    let id = file.id
    var size: hsize_t = 0
    try site.check("look at the file") { H5Fget_filesize(id, &size) }
    self.site = site
    self.isSealed = isSealed
    self.size = Int(clamping: size)
    handle = file
  }

  private static func openFile(_ site: Site) throws(HDF5Error) -> Handle {
    let access = try fileAccess(site)
    let id = access.id
    try site.check("set up the file") { H5Pset_file_locking(id, false, true) }
    do {
      return try site.own("open the file", H5Fclose) { H5Fopen(site.file, chdf5_read_only(), id) }
    } catch .failed(_, _, _, let reason) {
      throw .unreadableFile(file: site.file, reason: reason)
    }
  }

  /// All datasets, sorted by path. One whose type this module doesn't read is an error.
  public func datasets() throws(HDF5Error) -> [DatasetInfo] {
    var found: [DatasetInfo] = []
    for path in try objects().datasets { found.append(try info(path)) }
    return found
  }

  /// Whether there is a dataset of that path.
  public func contains(_ path: String) -> Bool {
    (try? open(path)) != nil
  }

  /// The type and shape of a dataset.
  public func info(_ path: String) throws(HDF5Error) -> DatasetInfo {
    let dataset = try open(path)
    return try info(dataset, path)
  }

  /// Reads a whole dataset.
  ///
  /// - Parameter shape: the lengths that are expected, outermost first, nil for any; not checked if omitted.
  public func read<T: Scalar>(
    _ path: String, as type: T.Type = T.self, shape: [Int?]? = nil
  ) throws(HDF5Error) -> [T] {
    let dataset = try open(path)
    let info = try checked(dataset, path, T.elementType, shape)
    var values = [T](repeating: .zero, count: info.count)
    try values.withMutableBytes { (bytes) throws(HDF5Error) in
      try transfer(dataset, info, rows: nil, into: bytes)
    }
    return values
  }

  /// Reads the only element of a dataset without dimensions.
  public func readScalar<T: Scalar>(_ path: String, as type: T.Type = T.self) throws(HDF5Error) -> T {
    try read(path, as: T.self, shape: [])[0]
  }

  /// Reads some rows (entries of the first dimension) of a dataset.
  ///
  /// - Parameter shape: the expected shape of the whole dataset.
  public func read<T: Scalar>(
    _ path: String, rows: Range<Int>, as type: T.Type = T.self, shape: [Int?]? = nil
  ) throws(HDF5Error) -> [T] {
    let dataset = try open(path)
    let info = try checked(dataset, path, T.elementType, shape)
    let length = try rowLength(info, rows)
    var values = [T](repeating: .zero, count: rows.count * length)
    try values.withMutableBytes { (bytes) throws(HDF5Error) in
      try transfer(dataset, info, rows: rows, into: bytes)
    }
    return values
  }

  /// Reads a dataset, or some of its rows, into memory that the caller owns.
  ///
  /// - Precondition: `bytes` has exactly the room needed.
  public func read(
    _ path: String, rows: Range<Int>? = nil, into bytes: UnsafeMutableRawBufferPointer, type: ElementType,
    shape: [Int?]? = nil
  ) throws(HDF5Error) {
    let dataset = try open(path)
    let info = try checked(dataset, path, type, shape)
    var count = info.count
    if let rows { count = try rows.count * rowLength(info, rows) }
    precondition(bytes.count == count * type.size, "\(path): \(bytes.count) bytes for \(count) \(type)")
    try transfer(dataset, info, rows: rows, into: bytes)
  }

  /// Reads a list of texts.
  public func readStrings(_ path: String) throws(HDF5Error) -> [String] {
    let dataset = try open(path)
    let info = try info(dataset, path)
    guard case .string(let length) = info.type else {
      throw .typeMismatch(
        file: site.file, object: path, found: info.type.description, expected: "string")
    }
    var bytes = [UInt8](repeating: 0, count: info.count * length)
    try bytes.withMutableBytes { (bytes) throws(HDF5Error) in
      try transfer(dataset, info, rows: nil, into: bytes)
    }
    var texts: [String] = []
    for start in stride(from: 0, to: bytes.count, by: length) {
      texts.append(try text(bytes[start..<start + length], path))
    }
    return texts
  }

  /// Reads an attribute of the root, a group or a dataset.
  public func attribute(_ name: String, of object: String = "/") throws(HDF5Error) -> AttributeValue {
    let owner = try openObject(object)
    let id = owner.id
    chdf5_silence()
    guard H5Aexists(id, name) > 0 else {
      throw .missingAttribute(file: site.file, object: object, name: name)
    }
    return try AttributeReader(site: site.at(object), limit: size, sealed: isSealed).read(name, of: id)
  }

  /// Reads an attribute that has to be text.
  public func string(_ name: String, of object: String = "/") throws(HDF5Error) -> String {
    let value = try attribute(name, of: object)
    if case .string(let text) = value { return text }
    throw mismatch(name, object, value, "string")
  }

  /// Reads an attribute that has to be an integer.
  public func integer(_ name: String, of object: String = "/") throws(HDF5Error) -> Int {
    let value = try attribute(name, of: object)
    if case .integer(let number) = value { return Int(number) }
    throw mismatch(name, object, value, "integer")
  }

  /// Reads an attribute that has to be a number; an integer will do.
  public func real(_ name: String, of object: String = "/") throws(HDF5Error) -> Double {
    let value = try attribute(name, of: object)
    if case .real(let number) = value { return number }
    if case .integer(let number) = value { return Double(number) }
    throw mismatch(name, object, value, "real")
  }

  /// All attributes of an object, by name.
  public func attributes(of object: String = "/") throws(HDF5Error) -> [String: AttributeValue] {
    let owner = try openObject(object)
    let reader = AttributeReader(site: site.at(object), limit: size, sealed: isSealed)
    var values: [String: AttributeValue] = [:]
    for name in try reader.names(of: owner.id) { values[name] = try reader.read(name, of: owner.id) }
    return values
  }

  /// The content hash of the file, in hex, without those root attributes.
  public func contentHash(excluding excluded: Set<String> = []) throws(HDF5Error) -> String {
    var hasher = ContentHasher()
    let objects = try objects()
    for path in objects.datasets {
      let dataset = try open(path)
      let info = try info(dataset, path)
      hasher.addDataset(path, type: info.type, shape: info.shape, values: try digest(dataset, info))
    }
    for object in objects.groups + objects.datasets {
      for (name, value) in try attributes(of: object) { hasher.addAttribute(name, of: object, value) }
    }
    return hasher.hash(excluding: excluded)
  }

  // MARK: - Datasets

  private func open(_ path: String) throws(HDF5Error) -> Handle {
    let file = handle.id
    do {
      return try site.at(path).own("open a dataset", H5Dclose) { H5Dopen2(file, path, chdf5_default()) }
    } catch {
      // A link that is there but can't be followed is damage, and the library says what kind.
      if H5Lexists(file, path, chdf5_default()) > 0 { throw error }
      throw .missingDataset(file: site.file, object: path)
    }
  }

  private func info(_ dataset: borrowing Handle, _ path: String) throws(HDF5Error) -> DatasetInfo {
    let place = site.at(path)
    let id = dataset.id
    let space = try place.own("read a shape", H5Sclose) { H5Dget_space(id) }
    let type = try place.own("read a type", H5Tclose) { H5Dget_type(id) }
    guard let element = ElementType(library: type.id) else {
      throw .unsupported(file: site.file, object: path, reason: "a type that is neither number nor text")
    }
    let shape = try place.shape(of: space.id)
    let creation = try place.own("read a layout", H5Pclose) { H5Dget_create_plist(id) }
    // A length that the file can't hold is damage, and must not reach an allocation. Deflate, the densest
    // filter that others may have used, packs at most 1 : 1032.
    let limit = H5Pget_nfilters(creation.id) > 0 ? size.multipliedReportingOverflow(by: 1032) : (size, false)
    var bytes = element.size
    for length in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      bytes = overflow ? .max : product
    }
    if bytes > (limit.1 ? .max : limit.0) {
      throw .damaged(file: site.file, reason: "\(path): shape \(shape) is more than the file can hold")
    }
    return DatasetInfo(path: path, type: element, shape: shape)
  }

  private func checked(
    _ dataset: borrowing Handle, _ path: String, _ type: ElementType, _ shape: [Int?]?
  ) throws(HDF5Error) -> DatasetInfo {
    let info = try info(dataset, path)
    if info.type != type {
      throw .typeMismatch(
        file: site.file, object: path, found: info.type.description, expected: type.description)
    }
    if let shape {
      let fits = zip(info.shape, shape).allSatisfy { found, expected in expected.map { $0 == found } ?? true }
      if info.shape.count != shape.count || !fits {
        throw .shapeMismatch(file: site.file, object: path, found: info.shape, expected: shape)
      }
    }
    return info
  }

  private func rowLength(_ info: DatasetInfo, _ rows: Range<Int>) throws(HDF5Error) -> Int {
    guard let all = info.shape.first, rows.lowerBound >= 0, rows.upperBound <= all else {
      throw .unsupported(
        file: site.file, object: info.path, reason: "rows \(rows) of a dataset of shape \(info.shape)")
    }
    return info.shape.dropFirst().reduce(1, *)
  }

  private func transfer(
    _ dataset: borrowing Handle, _ info: DatasetInfo, rows: Range<Int>?,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(HDF5Error) {
    if bytes.isEmpty { return }
    let place = site.at(info.path)
    let id = dataset.id
    let text = try place.stringType(bytes: info.type.size)
    let type = info.type.libraryType ?? text.id
    guard let rows else {
      return try place.check("read a dataset") {
        H5Dread(id, type, chdf5_all(), chdf5_all(), chdf5_default(), bytes.baseAddress)
      }
    }
    let counts = [rows.count] + info.shape.dropFirst()
    let memory = try place.space(counts)
    let space = try place.own("read a shape", H5Sclose) { H5Dget_space(id) }
    let (memoryID, spaceID) = (memory.id, space.id)
    let start = [hsize_t(rows.lowerBound)] + repeatElement(0, count: counts.count - 1)
    let length = counts.map { hsize_t($0) }
    try place.check("read rows") {
      H5Sselect_hyperslab(spaceID, H5S_SELECT_SET, start, nil, length, nil) < 0
        || H5Dread(id, type, memoryID, spaceID, chdf5_default(), bytes.baseAddress) < 0 ? -1 : 0
    }
  }

  /// SHA-256 of a dataset's values, read a few MiB of rows at a time.
  private func digest(_ dataset: borrowing Handle, _ info: DatasetInfo) throws(HDF5Error) -> SHA256.Digest {
    let rowBytes = info.shape.dropFirst().reduce(info.type.size, *)
    let rowCount = info.shape.first ?? 1
    let step = max(1, min(rowCount, (4 << 20) / max(1, rowBytes)))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step * rowBytes, alignment: 64)
    defer { buffer.deallocate() }
    var hash = SHA256()
    for start in stride(from: 0, to: rowCount, by: step) {
      let rows = start..<min(rowCount, start + step)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(rows.count * rowBytes)])
      try transfer(dataset, info, rows: info.shape.isEmpty ? nil : rows, into: part)
      hash.update(bufferPointer: UnsafeRawBufferPointer(part))
    }
    return hash.finalize()
  }

  // MARK: - Objects

  private func openObject(_ path: String) throws(HDF5Error) -> Handle {
    let file = handle.id
    do {
      return try site.at(path).own("open an object", H5Oclose) { H5Oopen(file, path, chdf5_default()) }
    } catch {
      throw .missingDataset(file: site.file, object: path)
    }
  }

  /// The paths of all groups (the root first) and datasets, each sorted. Only hard links are followed.
  private func objects() throws(HDF5Error) -> (groups: [String], datasets: [String]) {
    var groups = ["/"]
    var datasets: [String] = []
    var next = 0
    while next < groups.count {
      let group = groups[next]
      next += 1
      for name in try links(of: group) {
        let path = (group == "/" ? "" : group) + "/" + name
        let object = try openObject(path)
        switch H5Iget_type(object.id) {
        case H5I_GROUP: groups.append(path)
        case H5I_DATASET: datasets.append(path)
        default: break
        }
      }
      // Links that form a ring would go on for ever.
      if groups.count + datasets.count > 1_000_000 || group.utf8.count > 4096 {
        throw .damaged(file: site.file, reason: "its groups have no end")
      }
    }
    return (groups.sorted(), datasets.sorted())
  }

  private func links(of group: String) throws(HDF5Error) -> [String] {
    let place = site.at(group)
    let owner = try openObject(group)
    let id = owner.id
    var info = H5G_info_t()
    try place.check("list a group") { H5Gget_info(id, &info) }
    var names: [String] = []
    for index in 0..<info.nlinks {
      var buffer = [CChar](repeating: 0, count: 1025)
      chdf5_silence()
      let length = H5Lget_name_by_idx(
        id, ".", H5_INDEX_NAME, H5_ITER_INC, index, &buffer, buffer.count, chdf5_default())
      if length < 0 { throw place.error("list a group") }
      let name = String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if chdf5_is_hard_link(id, name) != 0 { names.append(name) }
    }
    return names
  }

  private func mismatch(
    _ name: String, _ object: String, _ value: AttributeValue, _ expected: String
  ) -> HDF5Error {
    .typeMismatch(
      file: site.file, object: "\(object): attribute '\(name)'", found: value.kind, expected: expected)
  }

  private func text(_ bytes: ArraySlice<UInt8>, _ object: String) throws(HDF5Error) -> String {
    try site.at(object).text(bytes)
  }
}

extension Site {
  /// The lengths of a dataspace.
  func shape(of space: hid_t) throws(HDF5Error) -> [Int] {
    let rank = H5Sget_simple_extent_ndims(space)
    if rank < 0 { throw error("read a shape") }
    if H5Sget_simple_extent_type(space) == H5S_NULL {
      throw .unsupported(file: file, object: object, reason: "an empty dataspace")
    }
    var lengths = [hsize_t](repeating: 0, count: Int(rank))
    try check("read a shape") { H5Sget_simple_extent_dims(space, &lengths, nil) }
    return lengths.map { Int(clamping: $0) }
  }

  /// The text before the padding.
  func text(_ bytes: some Sequence<UInt8>) throws(HDF5Error) -> String {
    guard let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) else {
      throw .damaged(file: file, reason: "\(object): text that is not UTF-8")
    }
    return text
  }
}

/// The content hash of a file, in hex, without those root attributes; equal for equal paths, types, shapes,
/// values and attributes, however they are laid out.
public func contentHash(
  ofFileAt path: String, excluding excluded: Set<String> = []
) throws(HDF5Error) -> String {
  let file = try FileReader(at: path)
  return try file.contentHash(excluding: excluded)
}
