// Arrays as NumPy keeps them: a magic string, a header in Python's notation, then the elements.

/// An array of a .npy file, or of a member of a .npz file (the layout is that of NumPy's NEP 1).
struct NPYArray {
  /// Its file, for messages.
  let file: String
  /// The element type in NumPy's notation: `|u1`, `<i8`.
  let type: String
  /// The lengths, outermost first.
  let shape: [Int]
  private let elements: ArraySlice<UInt8>

  /// Reads a file of that name.
  init(file: String) throws(DatasetError) { try self.init(wholeFile(file), file: file) }

  /// Reads the bytes of a file.
  init(_ bytes: [UInt8], file: String) throws(DatasetError) {
    self.file = file
    func wrong(_ what: String, _ found: String, _ expected: String) -> DatasetError {
      .malformed(file: file, what: what, found: found, expected: expected)
    }
    guard bytes.count >= 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw wrong("beginning", "not that of a .npy file", "a file that numpy.save wrote")
    }
    let lengthBytes = bytes[6] == 1 ? 2 : 4
    let length = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    let start = 8 + lengthBytes + length
    guard start <= bytes.count else { throw wrong("header", "cut off", "\(length) bytes of it") }
    let text = String(decoding: bytes[8 + lengthBytes..<start], as: UTF8.self)
    guard let header = NPYHeader(text) else {
      throw wrong("header", "not in NumPy's notation", "descr, fortran_order, shape")
    }
    guard !header.isFortran || header.shape.count < 2 else {
      throw wrong("order", "Fortran's", "C order: save numpy.ascontiguousarray(array)")
    }
    guard let size = header.elementSize else {
      throw wrong("element type", header.type, "integers: |u1 for images, any integer type for labels")
    }
    var count = size
    for length in header.shape {
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      count = overflow || product > 2 * IDX.limit ? .max : product
      guard count < .max else { throw wrong("shape", "\(header.shape)", "at most \(IDX.limit) bytes") }
    }
    guard bytes.count - start == count else {
      throw wrong(
        "length of the data of shape \(header.shape)", "\(bytes.count - start) bytes", "\(count)")
    }
    type = header.type
    shape = header.shape
    elements = bytes[start...]
  }

  /// The elements, which must be bytes.
  func pixels() throws(DatasetError) -> [UInt8] {
    guard type.dropFirst() == "u1" else {
      // Which conversion is right depends on the range of the values, and a wrong one would load without a word.
      let isReal = type.dropFirst().hasPrefix("f")
      throw .malformed(
        file: file, what: "element type of the images", found: type,
        expected: "|u1: pixels are bytes from 0 to 255, as of "
          + (isReal
            ? "(255 * x).round().astype('uint8') where x is from 0 to 1"
            : "x.astype('uint8') where no x is above 255"))
    }
    return Array(elements)
  }

  /// The elements, which must be integers from 0 to 255.
  func labels() throws(DatasetError) -> [UInt8] {
    guard let kind = type.dropFirst().first, kind == "u" || kind == "i", let size = Int(type.dropFirst(2))
    else {
      throw .malformed(
        file: file, what: "element type of the labels", found: type,
        expected: "integers, as of labels.astype('uint8')")
    }
    let isBig = type.first == ">"
    var labels: [UInt8] = []
    labels.reserveCapacity(elements.count / size)
    for place in 0..<elements.count / size {
      let element = elements[elements.startIndex + place * size..<elements.startIndex + (place + 1) * size]
      let (low, high) = isBig ? (element.last!, element.dropLast()) : (element.first!, element.dropFirst())
      let isNegative = kind == "i" && ((isBig ? element.first! : element.last!) & 0x80) != 0
      guard !isNegative, high.allSatisfy({ $0 == 0 }) else {
        throw .malformed(
          file: file, what: "the label at index \(place)",
          found: isNegative ? "a negative number" : "a number above 255",
          expected: "0…255, classes counted from 0")
      }
      labels.append(low)
    }
    return labels
  }
}

/// The header of an array: a Python dictionary of three entries.
private struct NPYHeader {
  var type: String
  var isFortran: Bool
  var shape: [Int]

  /// Bytes of an element; nil for a type that no data set has, such as objects, texts and records.
  var elementSize: Int? {
    guard type.count >= 3, "<>|=".contains(type.first!), "uifb".contains(type.dropFirst().first!),
      let size = Int(type.dropFirst(2)), [1, 2, 4, 8].contains(size)
    else { return nil }
    return size
  }

  init?(_ text: String) {
    func value(_ name: String) -> Substring? {
      guard let range = text.firstRange(of: "'\(name)':") else { return nil }
      return text[range.upperBound...].drop { $0 == " " }
    }
    guard let descr = value("descr"), let order = value("fortran_order"), let lengths = value("shape"),
      lengths.first == "(", let end = lengths.firstIndex(of: ")")
    else { return nil }
    if descr.first == "'" {
      type = String(descr.dropFirst().prefix { $0 != "'" })
    } else {
      type = "a record"
    }
    isFortran = order.hasPrefix("True")
    guard isFortran || order.hasPrefix("False") else { return nil }
    shape = []
    for part in lengths[..<end].dropFirst().split(separator: ",") {
      let digits = part.filter { $0 != " " }
      if digits.isEmpty { continue }
      guard let length = Int(digits), length >= 0 else { return nil }
      shape.append(length)
    }
  }
}
