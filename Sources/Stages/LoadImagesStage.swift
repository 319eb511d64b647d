// The stage `load-images`: a labelled data set of 28 × 28 images, fetched and checked or read from a folder.

import Datasets
import PipelineCore

/// Loads MNIST, Fashion-MNIST or a folder of IDX files.
public enum LoadImagesStage: Stage {
  /// What it says of itself.
  public static let declaration = StageDeclaration(
    name: "load-images", version: 1, summary: "loads a labelled data set of 28 × 28 images",
    parameters: [
      ParameterDeclaration(
        "dataset", .choice(["mnist", "fashion-mnist"]), default: .string("mnist"),
        "which data set; fetched once, checked by SHA-256 and kept among the cache's downloads"),
      ParameterDeclaration(
        "folder", .optional(.string), default: .null,
        "a folder of four IDX files (train-images-idx3-ubyte, …; also .gz) to read instead of fetching"),
      ParameterDeclaration(
        "train_images", .optional(.integer(atLeast: 1)), default: .null,
        "use only the first so many training images (null: all)"),
      ParameterDeclaration(
        "test_images", .optional(.integer(atLeast: 1)), default: .null,
        "use only the first so many test images (null: all)"),
    ],
    datasets: [
      LayoutDeclaration("/train/images", "u8 [N,28,28]", "pixels, 0 background to 255"),
      LayoutDeclaration("/train/labels", "u8 [N]", "classes 0…9"),
      LayoutDeclaration("/test/images", "u8 [M,28,28]", "pixels"),
      LayoutDeclaration("/test/labels", "u8 [M]", "classes"),
    ],
    attributes: [LayoutDeclaration("dataset", "string", "the data set's name, or `folder`")],
    resources: { _ in Resources(cores: 1, memory: 512 << 20) },
    externalFiles: { parameters in parameters.optionalString("folder").map { [$0] } ?? [] },
    allowsOutsideFiles: true)

  /// Writes the images.
  public static func run(_ task: StageTask, _ context: some StageContext) throws -> Digest {
    let dataset: Dataset
    let name: String
    do throws(DatasetError) {
      if let folder = task.parameters.optionalString("folder") {
        name = "folder"
        dataset = try Dataset(folder: task.resolve(folder))
      } else {
        name = task.parameters.string("dataset")
        dataset = try Dataset.load(name, downloads: task.downloads) { context.log($0) }
      }
    } catch {
      throw StageFailure("\(error)", kind: .unavailable)
    }
    var artifact = try ArtifactWriter(task)
    for (split, images, limit) in [
      ("train", dataset.train, task.parameters.optionalInteger("train_images")),
      ("test", dataset.test, task.parameters.optionalInteger("test_images")),
    ] {
      let count = limit ?? images.count
      guard count <= images.count else {
        throw StageFailure("\(split)_images is \(count), but there are only \(images.count)")
      }
      try artifact.write(
        "/\(split)/images", Array(images.images.prefix(count * 784)), shape: [count, 28, 28])
      try artifact.write("/\(split)/labels", Array(images.labels.prefix(count)))
    }
    try artifact.attribute("dataset", .string(name))
    return try artifact.finish()
  }
}

extension StageTask {
  /// A path of the pipeline file, relative to the file's folder.
  func resolve(_ path: String) -> String { path.hasPrefix("/") ? path : baseDirectory + "/" + path }
}
