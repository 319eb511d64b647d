// Reads the artifacts that several stages take: images, nets, groups.

import Artifacts
import NeuralNet
import PipelineCore
import Synchronization

/// The stage types whose artifacts are nets, by the place that a net takes in a study of removal.
enum NetStages {
  /// The net before removal.
  static let original = ["train", imported]
  /// A net that has been trained without a group.
  static let retrained = ["retrain", imported]
  /// A net that something can be removed from.
  static let trained = ["train", "retrain", "unlearn", imported]
  /// A net after removal.
  static let unlearned = ["unlearn", imported]
  /// Any net.
  static let all = ["train", "retrain", "unlearn", "rescale", imported]

  /// Nets of others may stand in any place: whoever imports one knows what it is.
  private static let imported = "import-net"
}

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

  /// The net of an artifact, which must be of an architecture.
  func loadNet(_ input: TaskInput, like network: Network) throws -> Net {
    let net = try loadNet(input)
    guard net.network.name == network.name, net.network.parameterLayouts == network.parameterLayouts else {
      throw StageFailure(
        "input net is a \(net.network.name) of \(net.network.parameterCount) parameters, but a \(network.name) of "
          + "\(network.parameterCount), of other shapes, is to be trained")
    }
    return net
  }

  /// The net of one artifact.
  func loadNet(_ input: TaskInput) throws -> Net { try ArtifactReader<NetArtifact>(input).read(\.net) }

  /// The group of slot `group`.
  func loadGroup() throws -> Group { try GroupArtifact.read(input("group")) }
}
