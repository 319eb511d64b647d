// Reads PNG images of 8 bits, grey or in colour, by zlib.

/// An image with its planes one after the other.
struct PNGImage: Equatable {
  /// 1 (grey) or 3 (red, green, blue).
  let channels: Int
  let height: Int
  let width: Int
  /// [channels, height, width].
  let pixels: [UInt8]

  private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
  /// Higher or wider is no image of a data set.
  private static let largestSide = 4096

  /// Reads a file (the layout is that of the W3C's specification of PNG).
  init(file: String) throws(DatasetError) {
    let bytes = try wholeFile(file)
    guard bytes.starts(with: Self.signature) else {
      throw .malformed(
        file: file, what: "beginning", found: "not that of a PNG image",
        expected: "PNG: convert images of other kinds")
    }
    let (header, packed) = try Self.chunks(bytes, file)
    let count = header.height * (1 + header.rowBytes)
    guard let rows = Inflate.bytes(packed, .zlib, count: count), let pixels = header.pixels(of: rows) else {
      throw .malformed(
        file: file, what: "image", found: "damaged", expected: "\(count) bytes of filtered rows")
    }
    (channels, height, width) = (header.channels, header.height, header.width)
    self.pixels = pixels
  }

  /// The header and the packed rows, once all chunks have been held to their checksums.
  private static func chunks(
    _ bytes: [UInt8], _ file: String
  ) throws(DatasetError) -> (header: PNGHeader, packed: [UInt8]) {
    func wrong(_ what: String, _ found: String, _ expected: String) -> DatasetError {
      .malformed(file: file, what: what, found: found, expected: expected)
    }
    var header: PNGHeader?
    var packed: [UInt8] = []
    var at = signature.count
    while true {
      guard at + 12 <= bytes.count else { throw wrong("image", "cut off", "a whole PNG image") }
      let length = PNGHeader.number(bytes[at..<at + 4])
      guard at + 12 + length <= bytes.count else { throw wrong("image", "cut off", "a whole PNG image") }
      let named = bytes[at + 4..<at + 8 + length]
      let content = named.dropFirst(4)
      let checksum = PNGHeader.number(bytes[at + 8 + length..<at + 12 + length])
      guard Int(Inflate.checksum(named)) == checksum else {
        throw wrong("image", "damaged", "a whole PNG image")
      }
      at += 12 + length
      switch String(decoding: named.prefix(4), as: UTF8.self) {
      case "IHDR": header = try PNGHeader(content, file: file)
      case "IDAT": packed += content
      case "tRNS": throw wrong("transparency", "a colour without ink", "an opaque image: flatten it")
      case "IEND":
        guard let header else { throw wrong("header", "missing", "IHDR as the first chunk") }
        return (header, packed)
      default: break
      }
    }
  }

  /// What the chunk IHDR says.
  private struct PNGHeader {
    let width: Int
    let height: Int
    let channels: Int
    var rowBytes: Int { width * channels }

    init(_ bytes: ArraySlice<UInt8>, file: String) throws(DatasetError) {
      func wrong(_ what: String, _ found: String, _ expected: String) -> DatasetError {
        .malformed(file: file, what: what, found: found, expected: expected)
      }
      let bytes = Array(bytes)
      guard bytes.count == 13 else { throw wrong("header", "\(bytes.count) bytes", "13") }
      (width, height) = (Self.number(bytes[0..<4]), Self.number(bytes[4..<8]))
      guard (1...PNGImage.largestSide).contains(width), (1...PNGImage.largestSide).contains(height) else {
        throw wrong("size", "\(width) × \(height)", "sides of 1 to \(PNGImage.largestSide) pixels")
      }
      switch bytes[9] {
      case 0: channels = 1
      case 2: channels = 3
      case 3:
        throw wrong("colour type", "a palette", "grey or RGB: convert it, as by Pillow's convert('RGB')")
      case 4, 6:
        throw wrong(
          "colour type", "one with transparency", "grey or RGB: flatten it, as by Pillow's convert('RGB')")
      default: throw wrong("colour type", "\(bytes[9])", "0 (grey) or 2 (RGB)")
      }
      guard bytes[8] == 8 else {
        // Pillow's convert would cut 16 bits off at 255 instead of scaling them.
        let way = bytes[8] > 8 ? "ImageMagick's 'convert IN.png -depth 8 OUT.png'" : "Pillow's convert('L')"
        throw wrong("depth", "\(bytes[8]) bits a channel", "8: scale it, as by \(way)")
      }
      guard bytes[12] == 0 else { throw wrong("interlacing", "by Adam7", "none: save it without") }
    }

    /// The planes of filtered rows; nil for a filter that there is not.
    func pixels(of rows: [UInt8]) -> [UInt8]? {
      var image = [UInt8](repeating: 0, count: height * rowBytes)
      for y in 0..<height {
        let from = y * (1 + rowBytes)
        let to = y * rowBytes
        guard rows[from] <= 4 else { return nil }
        for x in 0..<rowBytes {
          let left = x >= channels ? Int(image[to + x - channels]) : 0
          let above = y > 0 ? Int(image[to + x - rowBytes]) : 0
          let corner = y > 0 && x >= channels ? Int(image[to + x - rowBytes - channels]) : 0
          let predicted =
            switch rows[from] {
            case 0: 0
            case 1: left
            case 2: above
            case 3: (left + above) / 2
            default: Self.nearest(left, above, corner)
            }
          image[to + x] = rows[from + 1 + x] &+ UInt8(predicted)
        }
      }
      if channels == 1 { return image }
      return (0..<channels).flatMap { channel in
        (0..<height * width).map { image[$0 * channels + channel] }
      }
    }

    /// Paeth's predictor.
    private static func nearest(_ left: Int, _ above: Int, _ corner: Int) -> Int {
      let estimate = left + above - corner
      let (a, b, c) = (abs(estimate - left), abs(estimate - above), abs(estimate - corner))
      if a <= b, a <= c { return left }
      return b <= c ? above : corner
    }

    /// A big-endian number.
    static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
  }
}
