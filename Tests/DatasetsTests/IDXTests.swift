// IDX files, whole and broken, and folders of them.

import Datasets
import Foundation
import Testing

@Suite struct IDXTests {
  @Test func plainAndGzipped() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<24).map { UInt8($0) }
    try save(idx([2, 3, 4], bytes), folder.file("a"))
    try run("gzip", "-k", folder.file("a"))
    for name in ["a", "a.gz"] {
      let file = try IDX(file: folder.file(name), rank: 3)
      #expect(file.shape == [2, 3, 4])
      #expect(file.bytes == bytes)
    }
  }

  @Test(arguments: ["", ".gz"])
  func broken(ending: String) throws {
    let folder = try TemporaryFolder()
    let path = folder.file("a") + ending
    func read(_ bytes: [UInt8], rank: Int = 1) throws -> String? {
      try save(bytes, folder.file("a"))
      if ending == ".gz" { try run("gzip", "-f", folder.file("a")) }
      return message { _ = try IDX(file: path, rank: rank) }
    }
    let good = idx([3], [1, 2, 3])
    #expect(try read(good) == nil)
    #expect(try read([]) == "\(path): length of the header is 0 bytes, expected 4")
    #expect(try read([0, 0, 8]) == "\(path): length of the header is 3 bytes, expected 4")
    #expect(try read([0, 0, 8, 1, 0, 0]) == "\(path): length of the header is 2 bytes, expected 4")
    #expect(try read(good, rank: 3) == "\(path): magic number is 0x00000801, expected 0x00000803")
    #expect(
      try read([0, 0, 13, 1] + good[4...]) == "\(path): magic number is 0x00000d01, expected 0x00000801")
    #expect(
      try read(good.dropLast()) == "\(path): length of the data of shape [3] is 2 bytes, expected 3")
    #expect(try read(good + [4]) == "\(path): length is more than 11 bytes, expected 11 by its header")
    // Promises of more than there can be must not be believed.
    #expect(
      try read([0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255], rank: 2)
        == "\(path): shape is [4294967295, 4294967295], expected at most 1073741824 bytes")
    #expect(try read([0, 0, 8, 1, 64, 0, 0, 0])?.contains("is 0 bytes, expected 1073741824") == true)
  }

  @Test func brokenGzip() throws {
    let folder = try TemporaryFolder()
    try save(idx([100_000], (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }), folder.file("a"))
    try run("gzip", folder.file("a"))
    let whole = try load(folder.file("a.gz"))
    try save(whole.dropLast(20), folder.file("a.gz"))
    #expect(
      message { _ = try IDX(file: folder.file("a.gz"), rank: 1) }?.contains("unexpected end of file") == true)
    // The checksum is behind the last byte of data.
    try save(whole.dropLast(8) + [1, 2, 3, 4] + whole.suffix(4), folder.file("a.gz"))
    #expect(message { _ = try IDX(file: folder.file("a.gz"), rank: 1) }?.contains("crc error") == true)
    try save([1, 2, 3], folder.file("a.gz"))
    #expect(
      message { _ = try IDX(file: folder.file("a.gz"), rank: 1) }?.contains("not in gzip format") == true)
    #expect(
      message { _ = try IDX(file: folder.file("b.gz"), rank: 1) }
        == "\(folder.file("b.gz")): can't be read: No such file or directory")
  }
}

@Suite struct FolderTests {
  @Test func whole() throws {
    let folder = try TemporaryFolder()
    try saveDataset(folder.path)
    try run("gzip", folder.file("train-images-idx3-ubyte"))
    try run("mv", folder.file("t10k-labels-idx1-ubyte"), folder.file("t10k-labels.idx1-ubyte"))
    let data = try Dataset(folder: folder.path)
    #expect(data.name == folder.path)
    #expect(data.train.count == 3 && data.test.count == 2)
    #expect(data.train.images == (0..<3 * 784).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    #expect(data.train.labels == [0, 1, 2])
  }

  @Test func broken() throws {
    let folder = try TemporaryFolder()
    let labels = folder.file("train-labels-idx1-ubyte")
    let images = folder.file("train-images-idx3-ubyte")
    func reading(_ path: String, _ bytes: [UInt8]) throws -> String? {
      try saveDataset(folder.path)
      try save(bytes, path)
      return message { _ = try Dataset(folder: folder.path) }
    }
    #expect(
      try reading(labels, idx([2], [1, 2]))
        == "\(labels): number of labels is 2, expected 3, one an image")
    #expect(
      try reading(images, idx([3, 2, 2], Array(repeating: 0, count: 12)))
        == "\(folder.path): shape of the test images (channels, height, width) is [1, 28, 28], expected [1, 2, 2], "
        + "as that of the training images")
    #expect(
      try reading(images, idx([0, 28, 28], [])) == "\(images): number of images is 0, expected 1 or more")
    try FileManager.default.removeItem(atPath: images)
    #expect(
      message { _ = try Dataset(folder: folder.path) } == "\(images)[.gz]: can't be read: no such file")
  }
}
