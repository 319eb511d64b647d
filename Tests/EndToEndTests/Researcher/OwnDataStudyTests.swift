// The study on other data than MNIST, in small: Fashion-MNIST, and colour images that a program draws.

import Foundation
import Testing

@Suite(.serialized) struct OwnDataStudyTests {
  private static let small = ["size=[200]", "repeat=2", "hessian_images=100", "damping=0.2"]
    .flatMap { ["--set", $0] }

  /// Whether Fashion-MNIST is on this machine: not every Debian has its package.
  private static let hasFashion =
    FileManager.default.fileExists(atPath: "/usr/share/datasets/fashion-mnist")
    || FileManager.default.fileExists(atPath: Sandbox.root + "/cache/downloads/fashion-mnist")

  private func expectStudy(_ name: String, in box: Sandbox) throws {
    let first = try box.start(Sandbox.executable, ["run", name] + Self.small).1()
    #expect(first.status == 0, "\(first.errors)")
    for words in ["self accuracy", "test loss", "original", "retrain", "1-step", "3-step", "200", "±"] {
      #expect(first.output.contains(words), "the table lacks '\(words)':\n\(first.output)")
    }
    #expect(!first.output.contains("LeNet on MNIST"), "\(first.output)")
    let second = try box.start(Sandbox.executable, ["run", name] + Self.small).1()
    #expect(second.errors.contains("0 nodes run") && second.output == first.output)
  }

  @Test(.enabled(if: hasFashion, "no Debian package dataset-fashion-mnist")) func fashion() throws {
    let box = try Sandbox()
    try expectStudy("fashion", in: box)
    let path = try box.start(Sandbox.executable, ["path", "fashion", "images"] + Self.small).1().output
    let facts = try box.python([
      "-c",
      """
      import h5py, sys
      with h5py.File(sys.argv[1].strip()) as f:
          print(f.attrs["dataset"], *f["train/images"].shape, *f["train/labels"][:6])
      """, path,
    ])
    // The labels of the first six training images, as its authors' page lists them.
    #expect(facts.output == "fashion-mnist 6000 28 28 9 0 0 3 0 2\n", "\(facts)")
  }

  @Test func coloursDrawnByACommand() throws {
    let box = try Sandbox()
    try expectStudy("colour", in: box)
    let paths = try ["shapes", "images", "base", "three-step[size=200,repeat=1]"].map { node in
      try box.start(Sandbox.executable, ["path", "colour", node] + Self.small).1().output
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
    let facts = try box.python(
      [
        "-c",
        """
        import h5py, io, sys
        import numpy as np
        shapes, images, base, removed = (h5py.File(path) for path in sys.argv[1:])
        array = np.load(io.BytesIO(shapes["files/shapes/train_images.npy"][...].tobytes()))
        assert (array == images["train/images"][...]).all() and array.shape == (6000, 3, 24, 24)
        assert (images["train/labels"][:12] == np.arange(12) % 10).all()
        for net in (base, removed):
            assert net["parameters/conv1.weight"].shape == (6, 3, 5, 5)
            assert net["parameters/fc1.weight"].shape == (120, 256) and net.attrs["input"] == "3,24,24"
        """,
      ] + paths)
    #expect(facts.status == 0, "\(facts.errors)")
    let accuracy = try box.start(
      Sandbox.executable,
      ["table", "colour", "table", "--format", "csv", "--metrics", "test.accuracy"] + Self.small
    ).1()
    #expect(accuracy.status == 0, "\(accuracy)")
  }

  @Test func badDataIsAnInputThatCannotBeHad() throws {
    let box = try Sandbox()
    try box.write(
      "stages:\n  images: {stage: load-images, parameters: {folder: data}}\n", to: "pipelines/own.yaml")
    try box.write("no images", to: "pipelines/data/readme.txt")
    let none = try box.pipeline("run", "own")
    #expect(none.status == 66, "\(none.errors)")
    #expect(none.errors.contains("pipelines/data: content is readme.txt, expected one of:"), "\(none.errors)")
    try FileManager.default.removeItem(atPath: box.folder + "/pipelines/data")
    try box.write("x", to: "pipelines/data/train.bin")
    let cut = try box.pipeline("run", "own")
    #expect(cut.status == 66 && cut.errors.contains("data/train.bin: length is 1 bytes"), "\(cut.errors)")
    #expect(box.artifacts().isEmpty)
  }
}
