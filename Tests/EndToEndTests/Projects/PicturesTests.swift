// Pictures as nodes and as files, with gnuplot and without it.

import Foundation
import Testing

@Suite struct PicturesTests {
  private func write(_ box: Sandbox) throws {
    try box.write(
      """
      axes:
        label: [0, 8]
      stages:
        images: {stage: load-images, parameters: {train_images: 600, test_images: 10}}
        features:
          for: [label]
          inputs: {images: images}
          parameters: {extractor: pixels, label: "${label}"}
        neighbours: {for: [label], inputs: {features: features}}
        normality: {for: [label], inputs: {neighbours: neighbours}}
        cluster: {for: [label], inputs: {neighbours: neighbours}}
        histogram:
          stage: picture
          for: [label]
          inputs: {normality: normality}
          parameters: {kind: histogram, title: "Label ${label}"}
        digits:
          stage: picture
          inputs: {images: images, neighbours: "neighbours[label=8]"}
          parameters: {kind: contact-sheet, count: 10}
      """, to: "pipelines/near.yaml")
  }

  private let pictures: Set = ["histogram[label=0]", "histogram[label=8]", "digits"]

  @Test func areNodesAndFiles() throws {
    let box = try Sandbox()
    try write(box)
    let early = try box.pipeline("pictures", "near")
    #expect(early.status == 1)
    let missing = "not up to date: histogram[label=0], histogram[label=8], digits; first: pipeline run near"
    #expect(early.errors.contains(missing))
    #expect(try box.run("near").isSuperset(of: pictures))
    let answer = try box.pipeline("pictures", "near")
    #expect(answer.status == 0)
    let names = ["digits", "histogram-label=0", "histogram-label=8"].flatMap { ["\($0).png", "\($0).svg"] }
    let folder = box.folder + "/pictures/near"
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == names)
    #expect(Set(answer.output.split(separator: "\n")) == Set(names.map { "pictures/near/\($0)" }))
    // A title is drawn again; a comment is not.
    #expect(try box.run("near", "--set", "digits.title=Eights") == ["digits"])
    #expect(try box.run("near", "--set", "digits.title=Eights") == [])
    #expect(try box.pipeline("pictures", "near", "histogram", "--into", "elsewhere").status == 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: box.folder + "/elsewhere").count == 4)
    #expect(try box.pipeline("pictures", "tiny").status == 65)
  }

  @Test func withoutGnuplotOnlyPicturesFail() throws {
    let box = try Sandbox()
    try write(box)
    let answer = try box.start(
      "/usr/bin/env", ["PATH=" + box.folder, Sandbox.executable, "run", "near", "--keep-going"]
    ).1()
    #expect(answer.status == 66)
    for picture in pictures {
      #expect(
        answer.errors.contains(
          "error: \(picture): pictures are drawn by gnuplot, which is not on PATH; install it"))
    }
    // All else is done: with gnuplot there, nothing but the pictures is left.
    #expect(try box.run("near") == pictures)
  }
}
