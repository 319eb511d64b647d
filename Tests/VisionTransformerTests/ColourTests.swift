// Features of colour images and of other sizes, held to those of grey images of 28 × 28 pixels.

import Foundation
import Tensor
import Testing
import VisionTransformer

@Suite struct ColourTests {
  private let grey: [UInt8] = (0..<784).map { UInt8($0 * 37 % 256) }

  private func toy() throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: "\(goldenFolder)/dinov2-f32.safetensors"))
  }

  private func tokens(_ data: Data, _ image: [UInt8], _ shape: ImageShape) throws -> [Float] {
    let extractor = try FeatureExtractor(
      VisionTransformer(data, file: "toy"), pixels: 56, pooling: .class, image: shape)
    return extractor.tokens(of: image, indices: [0], pool: ThreadPool(threads: 1))
  }

  /// The weights with the kernels of all channels but one set to zero.
  private func seeingOnly(_ channel: Int) throws -> Data {
    var data = try toy()
    let length = Int(data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    let name = "embeddings.patch_embeddings.projection.weight"
    let header = try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any]
    let entry = try #require(header?[name] as? [String: Any])
    let start = 8 + length + (try #require(entry["data_offsets"] as? [Int]))[0]
    let area = 14 * 14 * 4
    for output in 0..<64 {
      for other in 0..<3 where other != channel {
        let place = start + (output * 3 + other) * area
        data.replaceSubrange(place..<place + area, with: [UInt8](repeating: 0, count: area))
      }
    }
    return data
  }

  private func expectClose(_ a: [Float], _ b: [Float]) {
    #expect(a.count == b.count)
    let largest = zip(a, b).map { abs($0 - $1) }.max() ?? .infinity
    #expect(largest < 1e-4, "\(largest)")
  }

  @Test func threeEqualChannelsAreAGreyImage() throws {
    let colour = ImageShape(channels: 3, height: 28, width: 28)
    expectClose(try tokens(toy(), grey + grey + grey, colour), try tokens(toy(), grey, .mnist))
  }

  @Test(arguments: 0..<3) func eachChannelHasItsOwnWeights(channel: Int) throws {
    let data = try seeingOnly(channel)
    var planes = [[UInt8]](repeating: [], count: 3)
    for other in 0..<3 {
      for place in 0..<784 { planes[other].append(UInt8((place * 11 + other * 50) % 256)) }
    }
    planes[channel] = grey
    let colour = ImageShape(channels: 3, height: 28, width: 28)
    expectClose(try tokens(data, Array(planes.joined()), colour), try tokens(data, grey, .mnist))
  }

  /// Rows that are all the same look the same however many there are, and so do columns.
  @Test func imagesNeedNotBeSquare() throws {
    let row = (0..<28).map { UInt8($0 * 9) }
    let tall = (0..<40).flatMap { _ in row }
    let square = (0..<28).flatMap { _ in row }
    expectClose(
      try tokens(toy(), tall, ImageShape(channels: 1, height: 40, width: 28)),
      try tokens(toy(), square, .mnist))
    let across = row.flatMap { [UInt8](repeating: $0, count: 40) }
    let turned = row.flatMap { [UInt8](repeating: $0, count: 28) }
    expectClose(
      try tokens(toy(), across, ImageShape(channels: 1, height: 28, width: 40)),
      try tokens(toy(), turned, .mnist))
  }
}
