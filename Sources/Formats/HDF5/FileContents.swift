// How a file is looked into: datasets opened, checked and read, groups walked through.

import CHDF5
import Hashing

extension FileReader {
  func open(_ path: String) throws(HDF5Error) -> Handle {
    let file = handle.id
    do {
      return try site.at(path).own("open a dataset", H5Dclose) { H5Dopen2(file, path, chdf5_default()) }
    } catch {
      // A link that is there but can't be followed is damage, and the library says what kind.
      if H5Lexists(file, path, chdf5_default()) > 0 { throw error }
      throw .missingDataset(file: site.file, object: path)
    }
  }

  func info(_ dataset: borrowing Handle, _ path: String) throws(HDF5Error) -> DatasetInfo {
    let place = site.at(path)
    let id = dataset.id
    let space = try place.own("read a shape", H5Sclose) { H5Dget_space(id) }
    let type = try place.own("read a type", H5Tclose) { H5Dget_type(id) }
    guard let element = ElementType(library: type.id) else {
      throw .unsupported(
        file: site.file, object: path,
        reason:
          "its elements are \(ElementType.words(of: type.id)); expected u8 to u64, i8 to i64, f32, f64 (little-endian), or "
          + "texts of one length")
    }
    let shape = try place.shape(of: space.id)
    var bytes = element.size
    for length in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
      bytes = overflow ? .max : product
    }
    // A length that the file can't hold is damage, and must not reach an allocation.
    if bytes > size {
      let creation = try place.own("read a layout", H5Pclose) { H5Dget_create_plist(id) }
      // Deflate, the densest filter that others may have used, packs at most 1 : 1032.
      let (limit, overflow) = size.multipliedReportingOverflow(by: 1032)
      if H5Pget_nfilters(creation.id) <= 0 || !overflow && bytes > limit {
        throw .damaged(file: site.file, reason: "\(path): shape \(shape) is more than the file can hold")
      }
    }
    return DatasetInfo(path: path, type: element, shape: shape)
  }

  func checked(
    _ dataset: borrowing Handle, _ path: String, _ type: ElementType, _ shape: [Int?]?
  ) throws(HDF5Error) -> DatasetInfo {
    let info = try info(dataset, path)
    if info.type != type {
      throw .typeMismatch(
        file: site.file, object: path, found: info.type.description, expected: type.description)
    }
    try require(shape, of: info)
    return info
  }

  /// Throws unless a dataset has the lengths that are expected, nil standing for any.
  func require(_ shape: [Int?]?, of info: DatasetInfo) throws(HDF5Error) {
    guard let shape else { return }
    let fits = zip(info.shape, shape).allSatisfy { found, expected in expected.map { $0 == found } ?? true }
    if info.shape.count != shape.count || !fits {
      throw .shapeMismatch(file: site.file, object: info.path, found: info.shape, expected: shape)
    }
  }

  func rowLength(_ info: DatasetInfo, _ rows: Range<Int>) throws(HDF5Error) -> Int {
    guard let all = info.shape.first, rows.lowerBound >= 0, rows.upperBound <= all else {
      throw .unsupported(
        file: site.file, object: info.path, reason: "rows \(rows) of a dataset of shape \(info.shape)")
    }
    return info.shape.dropFirst().reduce(1, *)
  }

  func transfer(
    _ id: hid_t, _ info: DatasetInfo, rows: Range<Int>?,
    into bytes: UnsafeMutableRawBufferPointer
  ) throws(HDF5Error) {
    if bytes.isEmpty { return }
    let place = site.at(info.path)
    try place.withType(info.type) { (type) throws(HDF5Error) in
      guard let rows else {
        return try place.check("read a dataset") {
          H5Dread(id, type, chdf5_all(), chdf5_all(), chdf5_default(), bytes.baseAddress)
        }
      }
      let counts = [rows.count] + info.shape.dropFirst()
      let space = try place.own("read a shape", H5Sclose) { H5Dget_space(id) }
      let spaceID = space.id
      let start = [hsize_t(rows.lowerBound)] + repeatElement(0, count: counts.count - 1)
      let length = counts.map { hsize_t($0) }
      try place.withSpace(counts) { (memoryID) throws(HDF5Error) in
        try place.check("read rows") {
          H5Sselect_hyperslab(spaceID, H5S_SELECT_SET, start, nil, length, nil) < 0
            || H5Dread(id, type, memoryID, spaceID, chdf5_default(), bytes.baseAddress) < 0 ? -1 : 0
        }
      }
    }
  }

  /// Reads into a new array, whose memory is not touched before.
  func array<T: Scalar>(
    _ dataset: borrowing Handle, _ info: DatasetInfo, rows: Range<Int>?, count: Int
  ) throws(HDF5Error) -> [T] {
    let id = dataset.id
    var failure: HDF5Error?
    let values = [T](unsafeUninitializedCapacity: count) { buffer, filled in
      do throws(HDF5Error) {
        let bytes = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
        try transfer(id, info, rows: rows, into: bytes)
        filled = count
      } catch { failure = error }
    }
    if let failure { throw failure }
    return values
  }

  /// SHA-256 of a dataset's values, read a few MiB of rows at a time.
  func digest(_ dataset: borrowing Handle, _ info: DatasetInfo) throws(HDF5Error) -> SHA256.Digest {
    let rowBytes = info.shape.dropFirst().reduce(info.type.size, *)
    let rowCount = info.shape.first ?? 1
    let step = max(1, min(rowCount, (4 << 20) / max(1, rowBytes)))
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step * rowBytes, alignment: 64)
    defer { buffer.deallocate() }
    var hash = SHA256()
    for start in stride(from: 0, to: rowCount, by: step) {
      let rows = start..<min(rowCount, start + step)
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<(rows.count * rowBytes)])
      try transfer(dataset.id, info, rows: info.shape.isEmpty ? nil : rows, into: part)
      hash.update(bufferPointer: UnsafeRawBufferPointer(part))
    }
    return hash.finalize()
  }

  func openObject(_ path: String) throws(HDF5Error) -> Handle {
    let file = handle.id
    do {
      return try site.at(path).own("open an object", H5Oclose) { H5Oopen(file, path, chdf5_default()) }
    } catch {
      throw .missingDataset(file: site.file, object: path)
    }
  }

  /// The paths of all groups (the root first) and datasets, each sorted. Only hard links are followed.
  func objects() throws(HDF5Error) -> (groups: [String], datasets: [String]) {
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

  func links(of group: String) throws(HDF5Error) -> [String] {
    let place = site.at(group)
    let owner = try openObject(group)
    let id = owner.id
    // In one walk: to ask for each name by its number would sort the whole group each time.
    var names: [String] = []
    try place.check("list a group") {
      withUnsafeMutablePointer(to: &names) { names in
        chdf5_hard_links(
          id,
          { name, names in
            guard let name, let names else { return }
            names.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
          }, names)
      }
    }
    return names
  }

  func mismatch(
    _ name: String, _ object: String, _ value: AttributeValue, _ expected: String
  ) -> HDF5Error {
    .typeMismatch(
      file: site.file, object: "\(object): attribute '\(name)'", found: value.kind, expected: expected)
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
