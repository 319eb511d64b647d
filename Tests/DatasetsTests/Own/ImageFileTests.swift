// Folders of PNG images, CIFAR's binary files, IDX files of other sizes, and folders of no form.

import Datasets
import Foundation
import Testing

/// Writes PNG images by Python's zlib: each row with another filter, as the specification has them.
private let writer = """
  import os, struct, sys, zlib

  def chunk(kind, data):
      return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

  def filtered(row, above, kind, step):
      left = bytes(step) + row[:-step]
      corner = bytes(step) + above[:-step]
      def paeth(a, b, c):
          return min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
      guess = {0: bytes(len(row)), 1: left, 2: above, 3: bytes((a + b) // 2 for a, b in zip(left, above)),
               4: bytes(map(paeth, left, above, corner))}[kind]
      return bytes([kind]) + bytes((x - g) % 256 for x, g in zip(row, guess))

  def png(rows, step, depth=8, colour=None, interlace=0, more=b""):
      width = len(rows[0]) // step
      head = struct.pack(">IIBBBBB", width, len(rows), depth, {1: 0, 3: 2}[step] if colour is None else colour, 0, 0, interlace)
      above = [bytes(len(rows[0]))] + rows
      body = zlib.compress(b"".join(filtered(row, a, i % 5, step) for i, (row, a) in enumerate(zip(rows, above))))
      half = len(body) // 2
      return (b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", body[:half]) + chunk(b"IDAT", body[half:])
              + chunk(b"IEND", b""))

  def rows(seed, height, width, step):
      return [bytes((x * x * 3 + y * 31 + seed * 17 + x * y) % 256 for x in range(width * step)) for y in range(height)]

  def save(path, data):
      os.makedirs(os.path.dirname(path), exist_ok=True)
      open(path, "wb").write(data)

  folder = sys.argv[1]

  """

/// A pixel of `rows`, at a place within the row.
private func pixel(_ seed: Int, _ y: Int, _ x: Int) -> UInt8 {
  UInt8(truncatingIfNeeded: x * x * 3 + y * 31 + seed * 17 + x * y)
}

@Suite struct ImageFileTests {
  @Test(arguments: [1, 3]) func pngsOfAllFiltersByClass(channels: Int) throws {
    let folder = try TemporaryFolder()
    // Class 10 comes after class 2, and the images of the classes in turn.
    try python(
      writer + """
        for split, label, seed in [("train", 2, 1), ("train", 2, 2), ("train", 10, 3), ("test", 10, 4)]:
            save(f"{folder}/{split}/{label}/{seed}.png", png(rows(seed, 7, 5, \(channels)), \(channels)))
        """, folder.path)
    let data = try Dataset(at: folder.path)
    #expect(data.classes == 2 && data.train.labels == [0, 1, 0] && data.test.labels == [1])
    #expect(data.train.channels == channels && data.train.height == 7 && data.train.width == 5)
    var expected: [UInt8] = []
    for seed in [1, 3, 2] {
      for channel in 0..<channels {
        for y in 0..<7 { for x in 0..<5 { expected.append(pixel(seed, y, x * channels + channel)) } }
      }
    }
    #expect(data.train.images == expected)
  }

  /// By their values only if all are numbers: pairs that are judged one by one have no order (9 < 10 < 1a < 9).
  @Test(arguments: [["10", "9", "1a"], ["10", "9", "2"], ["010", "9", "10"]])
  func classesAreNumberedByOneRule(names: [String]) throws {
    let folder = try TemporaryFolder()
    let order = names.allSatisfy { Int($0) != nil } ? ["2", "9", "010", "10"] : ["10", "1a", "9"]
    try python(
      writer + """
        for split in ["train", "test"]:
            for name in \(names):
                save(f"{folder}/{split}/{name}/0.png", png([bytes([int(name.strip("a"))])], 1))
        """, folder.path)
    let data = try Dataset(at: folder.path)
    let values = order.filter(names.contains).map { UInt8($0.prefix { $0.isNumber })! }
    #expect(data.train.images == values && data.train.labels == [0, 1, 2])
  }

  @Test(arguments: [
    ("png([b'\\0\\1'], 1, colour=3)", "colour type is a palette"),
    ("png([b'\\0\\1'], 1, colour=4)", "colour type is one with transparency"),
    ("png([b'\\0\\1'], 1, colour=6)", "colour type is one with transparency"),
    ("png([b'\\0\\1'], 1, depth=16)", "depth is 16 bits a channel, expected 8: scale it, as by ImageMagick"),
    ("png([b'\\0\\1'], 1, depth=1)", "depth is 1 bits a channel"),
    ("png([b'\\0\\1'], 1, interlace=1)", "interlacing is by Adam7, expected none"),
    ("png([b'\\0\\1'], 1, more=chunk(b'tRNS', b'\\0\\0'))", "transparency is a colour without ink"),
    ("png(rows(1, 4, 4, 1), 1)[:-20]", "image is cut off"),
    ("png(rows(1, 4, 4, 1), 1)[:50] + b'?' + png(rows(1, 4, 4, 1), 1)[51:]", "image is damaged"),
    ("b'\\xff\\xd8\\xff\\xe0 no PNG'", "beginning is not that of a PNG image"),
    ("png(rows(1, 4, 5, 1), 1)", "image is 5 × 4 pixels in grey, expected 4 × 4 pixels in grey"),
    ("png(rows(1, 4, 4, 3), 3)", "image is 4 × 4 pixels in colour, expected 4 × 4 pixels in grey"),
  ])
  func brokenImages(image: String, words: String) throws {
    let folder = try TemporaryFolder()
    try python(
      writer + """
        for split in ["train", "test"]:
            for label in ["a", "b"]:
                save(f"{folder}/{split}/{label}/0.png", png(rows(1, 4, 4, 1), 1))
        save(folder + "/train/b/1.png", \(image))
        """, folder.path)
    let text = message { _ = try Dataset(at: folder.path) }
    #expect(text?.hasPrefix(folder.file("train/b/1.png: ") + words) == true, "\(text ?? "no error")")
  }

  @Test func classesOfTheTwoSplitsAgree() throws {
    let folder = try TemporaryFolder()
    try python(
      writer + """
        for name in ["train/a", "train/b", "test/a", "test/c"]:
            save(f"{folder}/{name}/0.png", png(rows(1, 4, 4, 1), 1))
        """, folder.path)
    #expect(
      message { _ = try Dataset(at: folder.path) }?.contains("test: class 'c' is not among those of train")
        == true)
    try FileManager.default.removeItem(atPath: folder.file("test/c"))
    try FileManager.default.removeItem(atPath: folder.file("train/b"))
    #expect(message { _ = try Dataset(at: folder.path) }?.contains("number of classes is 1") == true)
    try save([1], folder.file("train/x.txt"))
    #expect(
      message { _ = try Dataset(at: folder.path) }?.contains("x.txt: it is a file, expected a folder") == true
    )
  }

  @Test(arguments: [false, true]) func cifar(isFine: Bool) throws {
    let folder = try TemporaryFolder()
    func row(_ label: UInt8, _ seed: Int) -> [UInt8] {
      (isFine ? [200, label] : [label]) + (0..<3072).map { UInt8(truncatingIfNeeded: $0 &* seed) }
    }
    let files = isFine ? ["train.bin"] : ["data_batch_1.bin", "data_batch_2.bin"]
    for (index, name) in files.enumerated() {
      try save(row(UInt8(index + 3), 5) + row(9, 7), folder.file(name))
    }
    let test = folder.file(isFine ? "test.bin" : "test_batch.bin")
    try save(row(isFine ? 99 : 9, 3), test)
    let data = try Dataset(at: folder.path)
    #expect(data.classes == (isFine ? 100 : 10) && data.test.labels == [isFine ? 99 : 9])
    #expect(data.train.labels == (isFine ? [3, 9] : [3, 9, 4, 9]))
    #expect(data.train.channels == 3 && data.train.height == 32 && data.train.width == 32)
    #expect(
      data.train.images.prefix(3072) == ArraySlice((0..<3072).map { UInt8(truncatingIfNeeded: $0 &* 5) }))
    try save(row(isFine ? 100 : 10, 3), test)
    #expect(
      message { _ = try Dataset(at: folder.path) }
        == "\(test): label of image 0 is \(isFine ? "100, expected 0…99" : "10, expected 0…9")")
    try save(row(1, 3).dropLast(), test)
    let length = isFine ? 3074 : 3073
    #expect(
      message { _ = try Dataset(at: folder.path) }
        == "\(test): length is \(length - 1) bytes, expected a multiple of \(length), as many as an image takes"
    )
    try FileManager.default.removeItem(atPath: test)
    #expect(message { _ = try Dataset(at: folder.path) }?.hasPrefix("\(test): can't be read") == true)
  }

  @Test func idxFilesOfAnySizeAndNumberOfClasses() throws {
    let folder = try TemporaryFolder()
    for (prefix, count) in [("train", 3), ("t10k", 1)] {
      let bytes = (0..<count * 35).map { UInt8($0) }
      try save(idx([count, 5, 7], bytes), folder.file("\(prefix)-images-idx3-ubyte"))
      try save(idx([count], (0..<count).map { UInt8(11 * $0) }), folder.file("\(prefix)-labels-idx1-ubyte"))
    }
    let data = try Dataset(at: folder.path)
    #expect(data.train.height == 5 && data.train.width == 7 && data.train.channels == 1)
    #expect(data.classes == 23 && data.train.images == (0..<105).map { UInt8($0) })
  }

  @Test func aFolderOfNoFormSaysWhichThereAre() throws {
    let folder = try TemporaryFolder()
    let nothing = message { _ = try Dataset(at: folder.path) }
    #expect(nothing?.hasPrefix("\(folder.path): content is nothing, expected one of: the IDX files") == true)
    try save([1], folder.file("notes.txt"))
    #expect(message { _ = try Dataset(at: folder.path) }?.contains("content is notes.txt, expected") == true)
    try save([1], folder.file("a.npz"))
    try save([1], folder.file("train.bin"))
    let both = message { _ = try Dataset(at: folder.path) }
    #expect(both?.contains("content is one .npz file; and CIFAR-100's") == true, "\(both ?? "")")
    #expect(
      message { _ = try Dataset(at: folder.file("none")) }
        == "\(folder.file("none")): can't be read: no such file or folder")
  }
}
