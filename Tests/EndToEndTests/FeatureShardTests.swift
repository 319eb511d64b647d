// Features by a vision transformer, interrupted and by two processes at once.

import Foundation
import Testing

@Suite struct FeatureShardTests {
  /// Features of 8,000 images by small weights, in a pipeline each for two sets of images.
  private func write(_ box: Sandbox) throws {
    let weights = Sandbox.root + "/Tests/VisionTransformerTests/Golden/dinov2-f32.safetensors"
    for (name, count) in [("whole", 8000), ("most", 7000)] {
      try box.write(
        """
        stages:
          images: {stage: load-images}
          features:
            inputs: {images: images}
            parameters: {extractor: vit, weights: "\(weights)", pixels: 112, count: \(count)}
        """, to: "pipelines/\(name).yaml")
    }
  }

  /// The files of the cache's shards, by path, with their inodes.
  private func shards(_ box: Sandbox) -> [String: UInt64] {
    let folder = box.cache + "/sections/features"
    let paths = (FileManager.default.subpaths(atPath: folder) ?? []).filter { $0.hasSuffix(".shard") }
    return Dictionary(
      uniqueKeysWithValues: paths.map { path in
        let attributes = try? FileManager.default.attributesOfItem(atPath: folder + "/" + path)
        return (path, (attributes?[.systemFileNumber] as? UInt64) ?? 0)
      })
  }

  @Test func aKillLosesOneShardAtMost() throws {
    let box = try Sandbox()
    try write(box)
    #expect(try box.pipeline("run", "whole", "images").status == 0)
    let (process, answer) = try box.start(Sandbox.executable, ["run", "whole"])
    while shards(box).count < 3, process.isRunning { usleep(1000) }
    kill(process.processIdentifier, SIGKILL)
    #expect(answer().status == -SIGKILL)
    // The worker ends when its scheduler is gone; what it still publishes counts.
    usleep(300_000)
    let before = shards(box)
    #expect(before.count >= 3 && before.count < 8, "\(before.count)")
    #expect(try box.run("whole") == ["features"])
    let after = shards(box)
    #expect(after.count == 8)
    for (path, inode) in before { #expect(after[path] == inode, "made again: \(path)") }
    #expect(try box.pipeline("cache", "verify").status == 0)
  }

  @Test func twoProcessesDivideTheShards() throws {
    let box = try Sandbox()
    try write(box)
    #expect(try box.pipeline("run", "whole", "images").status == 0)
    #expect(try box.pipeline("run", "most", "images").status == 0)
    // The nodes differ, so no lease keeps one from working while the other does.
    let (_, whole) = try box.start(Sandbox.executable, ["run", "whole"])
    let (_, most) = try box.start(Sandbox.executable, ["run", "most"])
    #expect(whole().status == 0 && most().status == 0)
    #expect(shards(box).count == 8, "a shard was made twice")
    #expect(try box.pipeline("cache", "verify").status == 0)
    let read = """
      import sys, h5py
      a, b = (h5py.File(path)["features"][...] for path in sys.argv[1:])
      assert a.shape == (8000, 64) and b.shape == (7000, 64) and (a[:7000] == b).all()
      """
    let paths = try ["whole", "most"].map { name in
      try box.pipeline("path", name, "features").output.trimmingCharacters(in: .newlines)
    }
    let answer = try box.python(["-c", read] + paths)
    #expect(answer.status == 0, "\(answer.errors)")
  }
}
