// The stage `ink` on 240 small images, each with one bright bar.

import Artifacts
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct InkTests {
  @Test func measuresTheShareOfBrightPixels() throws {
    let shop = try Workshop()
    let images = try shop.images()
    let made = try shop.run(InkStage.self, ["label": .integer(3)], ["images": [images]])
    let ink = try InkArtifact.read(made)
    #expect(ink.indices.count == 24 && ink.indices.first == 3)
    // A bar of 20 pixels in an image of 28 × 28; the noise around it is darker than 64.
    #expect(ink.shares.allSatisfy { $0 == 20 / 784 })
  }

  @Test func countsNothingBelowTheThreshold() throws {
    let shop = try Workshop()
    let made = try shop.run(InkStage.self, ["threshold": .integer(231)], ["images": [try shop.images()]])
    let ink = try InkArtifact.read(made)
    #expect(ink.indices.count == 240 && ink.shares.allSatisfy { $0 == 0 })
  }
}
