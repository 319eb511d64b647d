// Every token of twelve images against onnxruntime and PyTorch, where the environment variable PEERS names a Python
// environment that has them: `make test PEERS=FOLDER`.

import Foundation
import Tensor
import Testing
import VisionTransformer

@Suite struct PeerTests {
  static let python = ProcessInfo.processInfo.environment["PEERS"].map { $0 + "/bin/python" }

  @Test(.enabled(if: python != nil, "PEERS names no Python environment with torch, onnx and onnxruntime"))
  func everyTokenAgrees() throws {
    let folder = NSTemporaryDirectory() + "vit-peers-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let root = (#filePath as NSString).deletingLastPathComponent + "/../.."
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(Self.python))
    process.arguments = [
      root + "/scripts/golden/vit.py", "peers", try defaultWeightsPath(),
      root + "/cache/downloads/mnist/train-images-idx3-ubyte", folder,
    ]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    let images = Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/images.bin")))
    let cases = try String(contentsOfFile: folder + "/cases.txt", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(cases.count == 7)
    for one in cases {
      let extractor = try FeatureExtractor(
        VisionTransformer(contentsOf: one[0]), pixels: try #require(Int(one[1])), pooling: .class)
      let ours = extractor.tokens(of: images, indices: Array(0..<12), pool: ThreadPool(threads: 2))
      let data = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + one[2]))
      try #require(data.count == 4 * ours.count)
      let theirs = floats(data, from: 0, count: ours.count)
      var (cosine, difference) = (1.0, 0.0)
      let width = extractor.width
      for at in stride(from: 0, to: ours.count, by: width) {
        let same = expectSame(
          ours[at..<at + width], theirs[at..<at + width], "\(one[2]), token \(at / width)")
        (cosine, difference) = (min(cosine, same.cosine), max(difference, same.difference))
      }
      print(
        "\(one[2]): \(ours.count / width) tokens, least cosine \(cosine), largest difference \(difference)")
    }
  }
}
