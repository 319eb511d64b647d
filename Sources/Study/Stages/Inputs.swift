// Reads the artifacts that several stages take: images, nets, groups.

import Artifacts
import NeuralNet
import PipelineCore
import Synchronization

/// The images that this process has read last: a worker's tasks nearly always share them.
private let lastImages = Mutex<(content: Digest, images: LoadedImages)?>(nil)

extension StageTask {
  /// The images of slot `images`.
  func loadImages() throws -> LoadedImages {
    let input = input("images")
    if let last = lastImages.withLock({ $0 }), last.content == input.content { return last.images }
    let images = try ArtifactReader<ImagesArtifact>(input).images()
    lastImages.withLock { $0 = (input.content, images) }
    return images
  }

  /// The net of a slot.
  func loadNet(_ slot: String) throws -> Net { try loadNet(input(slot)) }

  /// The net of one artifact.
  func loadNet(_ input: TaskInput) throws -> Net { try ArtifactReader<NetArtifact>(input).read(\.net) }

  /// The group of slot `group`.
  func loadGroup() throws -> Group { try GroupArtifact.read(input("group")) }
}
