// Reads an HDF5 file with every type and shape checked, and every failure an error that names its place.

import CHDF5

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
  let handle: Handle
  let site: Site
  /// Bytes of the file.
  let size: Int
  /// Whether the file was written and sealed by `FileWriter` and is undamaged.
  public let isSealed: Bool

  /// Opens the file.
  public init(at path: String) throws(HDF5Error) { try self.init(Site(file: path), isChecked: false) }

  /// Opens a file whose bytes the caller has just compared with a digest, without reading them all once more.
  public init(atChecked path: String) throws(HDF5Error) { try self.init(Site(file: path), isChecked: true) }

  private init(_ site: Site, isChecked: Bool) throws(HDF5Error) {
    try requireLibrary(site)
    let isSealed = try Seal.verify(site, isChecked: isChecked)
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
    do {
      return try site.own("open the file", H5Fclose) {
        H5Fopen(site.file, chdf5_read_only(), SharedObjects.reading)
      }
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
    return try array(dataset, info, rows: nil, count: info.count)
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
    return try array(dataset, info, rows: rows, count: rows.count * rowLength(info, rows))
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
    try transfer(dataset.id, info, rows: rows, into: bytes)
  }

  /// Reads texts; a shape that is given is checked as by `read`.
  public func readStrings(_ path: String, shape: [Int?]? = nil) throws(HDF5Error) -> [String] {
    let dataset = try open(path)
    let info = try info(dataset, path)
    guard case .string(let length) = info.type else {
      throw .typeMismatch(
        file: site.file, object: path, found: info.type.description, expected: "string")
    }
    try require(shape, of: info)
    var bytes = [UInt8](repeating: 0, count: info.count * length)
    try bytes.withMutableBytes { (bytes) throws(HDF5Error) in
      try transfer(dataset.id, info, rows: nil, into: bytes)
    }
    var texts: [String] = []
    for start in stride(from: 0, to: bytes.count, by: length) {
      texts.append(try site.at(path).text(bytes[start..<start + length]))
    }
    return texts
  }

  /// Whether an object has an attribute.
  public func contains(attribute name: String, of object: String = "/") throws(HDF5Error) -> Bool {
    let owner = try openObject(object)
    chdf5_silence()
    return H5Aexists(owner.id, name) > 0
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
}

/// The content hash of a file, in hex, without those root attributes; equal for equal paths, types, shapes,
/// values and attributes, however they are laid out.
public func contentHash(
  ofFileAt path: String, excluding excluded: Set<String> = []
) throws(HDF5Error) -> String {
  let file = try FileReader(at: path)
  return try file.contentHash(excluding: excluded)
}
