// Reads safetensors: a header's length (u64), the header (JSON: name → type, shape, offsets), the data.

import FoundationEssentials

/// Reads weights from safetensors (the layout is that of the format's public description).
enum SafetensorsFile {
  private struct Entry: Decodable {
    var dtype: String
    var shape: [Int]
    var data_offsets: [Int]
  }

  /// An entry, or the free-form `__metadata__`, which has other fields.
  private struct Lenient: Decodable {
    var entry: Entry?
    init(from decoder: any Decoder) throws { entry = try? Entry(from: decoder) }
  }

  /// Whether a file's beginning is that of this format.
  static func recognises(_ data: Data) -> Bool {
    data.count > 8 && data[data.startIndex + 8] == UInt8(ascii: "{")
  }

  /// The tensors of some element types by name; their bytes are slices of `data`.
  ///
  /// - Parameter skipping: gets name and type of each tensor of another type, which may be no part of a model.
  static func tensors(
    _ data: Data, file: String, of elements: [StoredTensor.Element] = [.float32, .float16, .bfloat16],
    skipping: (String, String) throws(VisionTransformerError) -> Void = { _, _ in }
  ) throws(VisionTransformerError) -> [String: StoredTensor] {
    guard data.count >= 8 else { throw .malformed(file: file, reason: "it has \(data.count) bytes") }
    let length = data.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= UInt64(data.count - 8) else {
      throw .malformed(
        file: file, reason: "its header of \(length) bytes goes beyond its \(data.count) bytes")
    }
    let header: [String: Lenient]
    do {
      let json = data[data.startIndex + 8..<data.startIndex + 8 + Int(length)]
      header = try JSONDecoder().decode([String: Lenient].self, from: json)
    } catch {
      throw .malformed(file: file, reason: "its header is not JSON of the format")
    }
    let body = data.startIndex + 8 + Int(length)
    let available = data.endIndex - body
    var tensors: [String: StoredTensor] = [:]
    for (name, value) in header where name != "__metadata__" {
      guard let entry = value.entry, entry.data_offsets.count == 2 else {
        throw .malformed(file: file, reason: "the tensor '\(name)' lacks dtype, shape or data_offsets")
      }
      let (begin, end) = (entry.data_offsets[0], entry.data_offsets[1])
      guard 0 <= begin, begin <= end, end <= available else {
        throw .malformed(
          file: file,
          reason: "the tensor '\(name)' is at \(begin)..<\(end), but there are \(available) bytes of data")
      }
      guard let element = StoredTensor.Element(rawValue: entry.dtype), elements.contains(element) else {
        try skipping(name, entry.dtype)
        continue
      }
      guard let count = elementCount(entry.shape), count <= end - begin, count * element.size == end - begin
      else {
        throw .malformed(
          file: file,
          reason: "the tensor '\(name)' of shape \(entry.shape) has \(end - begin) bytes of \(entry.dtype)")
      }
      tensors[name] = StoredTensor(
        shape: entry.shape, element: element, bytes: data[body + begin..<body + end])
    }
    return tensors
  }
}
