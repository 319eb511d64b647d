// Reads the attributes of one object.

import CHDF5

/// Reads the attributes of the object at `site` in a file of `limit` bytes.
struct AttributeReader {
  let site: Site
  let limit: Int
  /// The library's parser of variable-length text is only safe on bytes that are known to be whole.
  let sealed: Bool

  /// The names of the attributes, in alphabetic order.
  func names(of object: hid_t) throws(HDF5Error) -> [String] {
    var names: [String] = []
    try withUnsafeMutablePointer(to: &names) { (list) throws(HDF5Error) in
      var index: hsize_t = 0
      try site.check("list attributes") {
        H5Aiterate2(
          object, H5_INDEX_NAME, H5_ITER_INC, &index,
          { _, name, _, list in
            guard let name, let list else { return -1 }
            list.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
            return 0
          }, list)
      }
    }
    return names
  }

  func read(_ name: String, of object: hid_t) throws(HDF5Error) -> AttributeValue {
    let place = site.at("\(site.object): attribute '\(name)'")
    let attribute = try place.own("open it", H5Aclose) { H5Aopen(object, name, chdf5_default()) }
    let id = attribute.id
    let space = try place.own("read its shape", H5Sclose) { H5Aget_space(id) }
    let type = try place.own("read its type", H5Tclose) { H5Aget_type(id) }
    let shape = try place.shape(of: space.id)
    guard shape.count <= 1 else {
      throw .unsupported(file: site.file, object: place.object, reason: "more than one dimension")
    }
    let count = shape.first ?? 1
    let size = H5Tget_size(type.id)
    if count > limit / max(1, size) {
      throw .damaged(file: site.file, reason: "\(place.object): longer than the file")
    }
    switch H5Tget_class(type.id) {
    case H5T_INTEGER:
      if size > 8 || size == 8 && H5Tget_sign(type.id) == H5T_SGN_NONE {
        throw .unsupported(file: site.file, object: place.object, reason: "an unsigned 64-bit integer")
      }
      let values: [Int64] = try numbers(id, count, place)
      return shape.isEmpty ? .integer(values[0]) : .integers(values)
    case H5T_FLOAT:
      let values: [Double] = try numbers(id, count, place)
      return shape.isEmpty ? .real(values[0]) : .reals(values)
    case H5T_STRING:
      let texts =
        H5Tis_variable_str(type.id) > 0
        ? try variableTexts(id, count, space.id, place) : try fixedTexts(id, count, size, place)
      return shape.isEmpty ? .string(texts[0]) : .strings(texts)
    default:
      throw .unsupported(
        file: site.file, object: place.object, reason: "a type that is neither number nor text")
    }
  }

  private func numbers<T: Scalar>(_ id: hid_t, _ count: Int, _ place: Site) throws(HDF5Error) -> [T] {
    var values = [T](repeating: .zero, count: count)
    guard count > 0, let type = T.elementType.libraryType else { return values }
    try place.check("read it") { H5Aread(id, type, &values) }
    return values
  }

  private func fixedTexts(
    _ id: hid_t, _ count: Int, _ size: Int, _ place: Site
  ) throws(HDF5Error) -> [String] {
    var bytes = [UInt8](repeating: 0, count: count * size)
    if bytes.isEmpty { return [] }
    // The file's own type keeps the library from converting, which it refuses between character sets.
    let type = try place.own("read its type", H5Tclose) { H5Aget_type(id) }
    let typeID = type.id
    try place.check("read it") { H5Aread(id, typeID, &bytes) }
    var texts: [String] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      texts.append(try place.text(bytes[start..<start + size]))
    }
    return texts
  }

  private func variableTexts(
    _ id: hid_t, _ count: Int, _ space: hid_t, _ place: Site
  ) throws(HDF5Error) -> [String] {
    if count == 0 { return [] }
    guard sealed else {
      throw .unsupported(
        file: site.file, object: place.object,
        reason: "text of variable length in a file that this program did not write, or that is damaged")
    }
    let type = try place.own("read its type", H5Tclose) { H5Aget_type(id) }
    let typeID = type.id
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    try place.check("read it") { H5Aread(id, typeID, &pointers) }
    defer { _ = H5Dvlen_reclaim(typeID, space, chdf5_default(), &pointers) }
    return pointers.map { $0.map { String(cString: $0) } ?? "" }
  }
}
