// What is written is what is read, by this module and by h5py.

import Foundation
import HDF5
import Testing

/// Writes one of everything.
func writeSample(_ path: String) throws -> String {
  var file = try FileWriter(at: path)
  try file.write("/numbers/i8", [Int8.min, 0, .max])
  try file.write("/numbers/i16", [Int16.min, 0, .max])
  try file.write("/numbers/i32", [Int32.min, 0, .max])
  try file.write("/numbers/i64", [Int64.min, 0, .max])
  try file.write("/numbers/u8", [UInt8.min, 1, .max])
  try file.write("/numbers/u16", [UInt16.min, 1, .max])
  try file.write("/numbers/u32", [UInt32.min, 1, .max])
  try file.write("/numbers/u64", [UInt64.min, 1, .max])
  try file.write("/numbers/f32", [Float.pi, -0.0, .greatestFiniteMagnitude, .infinity])
  try file.write("/numbers/f64", [Double.pi, -0.0, .leastNonzeroMagnitude, -.infinity])
  try file.write("/cube", (0..<24).map { Int($0) }, shape: [2, 3, 4])
  try file.write("/one", 0.1)
  try file.write("/none", [Double]())
  try file.write("/texts", ["", "näher", "far"])
  let images = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * $0) }
  try file.write("/deep/er/images", images, shape: [1000, 100])
  try file.setAttribute("stage", to: "train")
  try file.setAttribute("empty", to: "")
  try file.setAttribute("größe", to: 12)
  try file.setAttribute("damping", to: 0.1)
  try file.setAttribute("sizes", of: "/deep", to: .integers([100, 500]))
  try file.setAttribute("cuts", of: "/cube", to: .reals([-1.5, 2]))
  try file.setAttribute("names", of: "/cube", to: .strings(["a", "", "日本"]))
  try file.setAttribute("nothing", of: "/new/group", to: .reals([]))
  let hash = file.contentHash()
  try file.close()
  return hash
}

@Suite struct RoundTripTests {
  @Test func everyTypeAndShape() throws {
    let folder = try TemporaryFolder()
    _ = try writeSample(folder.file("a.h5"))
    let file = try FileReader(at: folder.file("a.h5"))
    let isSealed = file.isSealed
    #expect(isSealed)
    #expect(try file.read("/numbers/i8") == [Int8.min, 0, .max])
    #expect(try file.read("/numbers/i64", shape: [3]) == [Int64.min, 0, .max])
    #expect(try file.read("/numbers/i64") == [Int.min, 0, .max])
    #expect(try file.read("/numbers/u64") == [UInt64.min, 1, .max])
    #expect(try file.read("/numbers/f32") == [Float.pi, -0.0, .greatestFiniteMagnitude, .infinity])
    #expect(try file.read("/numbers/f64") == [Double.pi, -0.0, .leastNonzeroMagnitude, -.infinity])
    #expect(try file.read("/cube", shape: [2, nil, 4]) == Array(0..<24))
    #expect(try file.readScalar("/one") == 0.1)
    #expect(try file.read("/none", as: Double.self).isEmpty)
    #expect(try file.readStrings("/texts") == ["", "näher", "far"])
    let images = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * $0) }
    #expect(try file.read("/deep/er/images") == images)
    #expect(try file.read("/deep/er/images", rows: 998..<1000) == Array(images[99_800...]))
    #expect(try file.read("/deep/er/images", rows: 3..<3, as: UInt8.self).isEmpty)
    #expect(try file.info("/deep/er/images").shape == [1000, 100])
    #expect(try file.info("/deep/er/images").type == .uint8)
    #expect(file.contains("/cube") && !file.contains("/cub"))
    #expect(
      try file.datasets().map(\.path)
        == [
          "/cube", "/deep/er/images", "/none", "/numbers/f32", "/numbers/f64", "/numbers/i16", "/numbers/i32",
          "/numbers/i64", "/numbers/i8", "/numbers/u16", "/numbers/u32", "/numbers/u64", "/numbers/u8",
          "/one", "/texts",
        ])
  }

  @Test func attributes() throws {
    let folder = try TemporaryFolder()
    _ = try writeSample(folder.file("a.h5"))
    let file = try FileReader(at: folder.file("a.h5"))
    #expect(
      try file.attributes() == ["stage": "train", "empty": "", "größe": 12, "damping": 0.1])
    #expect(
      try file.attributes(of: "/cube")
        == ["cuts": .reals([-1.5, 2]), "names": .strings(["a", "", "日本"])])
    #expect(try file.attribute("sizes", of: "/deep") == .integers([100, 500]))
    #expect(try file.attribute("nothing", of: "/new/group") == .reals([]))
    #expect(try file.string("stage") == "train")
    #expect(try file.integer("größe") == 12)
    #expect(try file.real("damping") == 0.1)
    #expect(try file.real("größe") == 12)
  }

  @Test func memoryOfTheCaller() throws {
    let folder = try TemporaryFolder()
    let values = (0..<600_000).map { Float($0) }
    var writer = try FileWriter(at: folder.file("a.h5"))
    try values.withUnsafeBytes { try writer.write("/x", $0, type: .float32, shape: [600, 1000]) }
    try writer.close()
    let file = try FileReader(at: folder.file("a.h5"))
    var rows = [Float](repeating: 0, count: 2000)
    try rows.withUnsafeMutableBytes {
      try file.read("/x", rows: 299..<301, into: $0, type: .float32, shape: [nil, 1000])
    }
    #expect(rows == Array(values[299_000..<301_000]))
  }

  @Test func equalContentIsEqualBytes() throws {
    let folder = try TemporaryFolder()
    _ = try writeSample(folder.file("a.h5"))
    // The times that HDF5 would keep are in whole seconds.
    Thread.sleep(forTimeInterval: 1.1)
    _ = try writeSample(folder.file("b.h5"))
    let first = try Data(contentsOf: URL(fileURLWithPath: folder.file("a.h5")))
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("b.h5"))) == first)
  }

  @Test func h5pyReadsTheSame() throws {
    let folder = try TemporaryFolder()
    _ = try writeSample(folder.file("a.h5"))
    let program = """
      import h5py, json, math, sys
      f = h5py.File(sys.argv[1], "r")
      n = f["numbers"]
      for name in ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"):
          kind = name.replace("i", "int").replace("u", "uint").replace("8", "8")
          low = 0 if name[0] == "u" else -2 ** (int(name[1:]) - 1)
          high = 2 ** (int(name[1:]) - (0 if name[0] == "u" else 1)) - 1
          assert n[name].dtype == kind, name
          assert n[name][()].tolist() == [low, 1 if low == 0 else 0, high], name
      assert n["f32"].dtype == "<f4" and n["f64"].dtype == "<f8"
      assert n["f64"][()].tolist() == [math.pi, 0.0, 5e-324, -math.inf]
      assert math.copysign(1, n["f64"][1]) == -1
      assert f["cube"].shape == (2, 3, 4) and f["cube"][()].ravel().tolist() == list(range(24))
      assert f["one"].shape == () and f["one"][()] == 0.1
      assert f["none"].shape == (0,)
      assert f["texts"].asstr()[()].tolist() == ["", "näher", "far"]
      images = f["deep/er/images"]
      assert images.shape == (1000, 100) and images.fletcher32 and images.compression is None
      assert images[()].ravel().tolist() == [i * i % 256 for i in range(100000)]
      assert dict(f.attrs) == {"stage": "train", "empty": "", "größe": 12, "damping": 0.1}, dict(f.attrs)
      assert type(f.attrs["stage"]) is str
      assert f["deep"].attrs["sizes"].tolist() == [100, 500]
      assert f["cube"].attrs["cuts"].tolist() == [-1.5, 2]
      assert f["cube"].attrs["names"].tolist() == ["a", "", "日本"]
      assert f["new/group"].attrs["nothing"].tolist() == []
      print("same")
      """
    #expect(try python(program, folder.file("a.h5")) == "same")
  }

  @Test(arguments: [[100_000], [1000, 100], [3, 5_000_000], [300, 3, 40, 41], [2, 2, 2, 40_000]])
  func chunksOfAnyShape(shape: [Int]) throws {
    let folder = try TemporaryFolder()
    let values = (0..<shape.reduce(1, *)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    var writer = try FileWriter(at: folder.file("a.h5"))
    try writer.write("/x", values, shape: shape)
    try writer.close()
    #expect(try FileReader(at: folder.file("a.h5")).read("/x", shape: shape) == values)
  }

  @Test func manyThreadsReadOneFile() async throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a.h5")
    _ = try writeSample(path)
    let expected = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 * $0) }
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<16 {
        group.addTask { try FileReader(at: path).read("/deep/er/images") == expected }
      }
      for try await same in group { #expect(same) }
    }
  }
}
