// ONNX files: one model in each form that the wire format allows, against PyTorch, and damaged ones.

import Foundation
import Testing
import VisionTransformer

/// Writes messages, by the description of the format rather than by the reader.
private enum Wire {
  static func number(_ value: UInt64) -> [UInt8] {
    var (rest, bytes) = (value, [UInt8]())
    while rest > 0x7F {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  static func field(_ number: UInt64, _ bytes: some Sequence<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    return self.number(number << 3 | 2) + self.number(UInt64(bytes.count)) + bytes
  }

  static func field(_ number: UInt64, _ value: UInt64) -> [UInt8] {
    self.number(number << 3) + self.number(value)
  }

  static func fixed(_ number: UInt64, _ bytes: some Sequence<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    return self.number(number << 3 | (bytes.count == 4 ? 5 : 1)) + bytes
  }
}

@Suite struct OnnxTests {
  enum Form: CaseIterable { case raw, packed, single }

  private static func toy() throws -> [String: WeightTensor] {
    try WeightsFile.safetensors("\(goldenFolder)/dinov2-f32.safetensors")
  }

  private static func tensor(_ name: String, _ stored: WeightTensor, _ form: Form) -> [UInt8] {
    let elements = stored.values.withUnsafeBytes(Array.init)
    let shape = stored.shape.map { Wire.number(UInt64($0)) }
    let (kind, title) = (Wire.field(2, 1), Wire.field(8, Array(name.utf8)))
    switch form {
    case .raw: return Wire.field(1, shape.joined()) + kind + title + Wire.field(9, elements)
    case .packed:
      // The elements in two packed runs, and fields of other numbers between them.
      let half = elements.count / 8 * 4
      return title + Wire.fixed(200, [1, 2, 3, 4, 5, 6, 7, 8]) + Wire.field(4, elements.prefix(half))
        + Wire.field(99, Array("unknown".utf8)) + Wire.field(4, elements.dropFirst(half)) + kind
        + stored.shape.flatMap { Wire.field(1, UInt64($0)) }
    case .single:
      return stride(from: 0, to: elements.count, by: 4).flatMap { Wire.fixed(4, elements[$0..<$0 + 4]) }
        + kind + Wire.field(77, UInt64.max) + Wire.field(1, shape.joined()) + title
    }
  }

  /// The toy as an ONNX model, its graph in two pieces.
  private static func model(_ form: Form) throws -> Data {
    let tensors = try toy().sorted { $0.key < $1.key }.map { Wire.field(5, tensor($0.key, $0.value, form)) }
    let half = tensors.count / 2
    return Data(
      Wire.field(1, 8) + Wire.field(7, tensors[..<half].joined()) + Wire.field(2, Array("toy".utf8))
        + Wire.field(7, tensors[half...].joined()))
  }

  @Test(arguments: Form.allCases) func everyFormGivesPyTorchsTokens(form: Form) throws {
    try expectTokensOfPyTorch(VisionTransformer(Self.model(form), file: "toy"), "dinov2-f32")
  }

  @Test func everyCutIsAnError() throws {
    let data = try Self.model(.packed)
    for count in Array(0..<300) + Array(stride(from: 300, to: data.count, by: 997)) {
      #expect(throws: VisionTransformerError.self, "cut at \(count)") {
        _ = try VisionTransformer(data.prefix(count), file: "toy")
      }
    }
  }

  /// A changed byte is an error or another model; it never ends the program.
  @Test func noByteEndsTheProgram() throws {
    let data = try Self.model(.raw)
    var (random, refused) = (SystemRandomNumberGenerator(), 0)
    for _ in 0..<2000 {
      var changed = data
      // Half of them where names, shapes and lengths stand, which are few beside the elements.
      let place = Bool.random(using: &random) ? Int.random(in: 0..<400) : Int.random(in: 0..<data.count)
      changed[place] = UInt8.random(in: 0...255, using: &random)
      do { _ = try VisionTransformer(changed, file: "toy") } catch { refused += 1 }
    }
    #expect(refused > 100)
  }

  @Test func theFormatsOwnExamplesAreRead() throws {
    // "Encoding" in the documentation of Protocol Buffers: 150, "testing", and 3, 270, 86942 packed.
    var reader = ProtobufReader(
      Data([0x08, 0x96, 0x01, 0x12, 0x07] + Array("testing".utf8) + [0x32, 0x06, 0x03]))
    #expect(try reader.next() == ProtobufField(number: 1, value: .number(150), offset: 0))
    #expect(try reader.next() == ProtobufField(number: 2, value: .bytes(Data("testing".utf8)), offset: 3))
    #expect(
      throws: ProtobufError(
        offset: 14, reason: "a field of 6 bytes goes beyond the end of its message at byte 15")
    ) {
      _ = try reader.next()
    }
    var packed = ProtobufReader(Data([0x03, 0x8E, 0x02, 0x9E, 0xA7, 0x05]))
    #expect(try (0..<3).map { _ in try packed.number() } == [3, 270, 86942])
    #expect(packed.isAtEnd)
    // -2 as an int64 takes ten bytes.
    var negative = ProtobufReader(Data([0xFE] + Array(repeating: 0xFF, count: 8) + [0x01]))
    #expect(try Int64(bitPattern: negative.number()) == -2)
  }

  @Test(
    arguments: [
      ([0x08], 1, "a number has no end"), ([0x08] + Array(repeating: 0xFF, count: 9) + [0x02], 1, "64 bits"),
      ([0x00], 0, "no field has the tag 0"), ([0x0B], 0, "unknown wire type 3"),
      ([0x0D, 1, 2, 3], 1, "4 bytes"),
      ([0x3A, 0x02, 0x28, 0x01], 2, "'initializer'"), ([0x38, 0x01], 0, "'graph'"),
      ([0x3A, 0x07, 0x2A, 0x05, 0x10, 0x01, 0x42, 0x01, 0xFF], 6, "'name'"),
      ([0x3A, 0x05, 0x2A, 0x03, 0x22, 0x01, 0x00], 4, "'float_data'"),
    ] as [([UInt8], Int, String)]
  )
  func damageIsNamedWithItsPlace(bytes: [UInt8], place: Int, words: String) throws {
    let error = try #require(throws: ProtobufError.self) { _ = try OnnxGraph(ofModel: Data(bytes)) }
    #expect(error.offset == place && error.reason.contains(words), "\(error)")
  }
}
