// Data sets of one's own in the stages: the shape of images and the number of classes reach nets, features and pictures.

import Artifacts
import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

@Suite struct OwnDataTests {
  private let shop: Workshop

  init() throws {
    shop = try Workshop()
    try shop.writeCIFAR(to: "colours")
  }

  private func load(_ parameters: [String: Value] = [:]) throws -> TaskInput {
    try shop.run("load-images", ["folder": "colours"].merging(parameters) { $1 })
  }

  @Test func imagesKeepTheirPlanes() throws {
    let images = try load()
    let file = try FileReader(at: images.path)
    #expect(try file.info("/train/images").shape == [60, 3, 32, 32])
    #expect(try file.info("/test/images").shape == [20, 3, 32, 32])
    let bytes: [UInt8] = try file.read("/train/images")
    let raw = [UInt8](try Data(contentsOf: URL(fileURLWithPath: shop.folder + "/colours/data_batch_1.bin")))
    #expect(Array(bytes[3072..<6144]) == Array(raw[3074..<6146]))
    // Ten classes are the usual number, and leave no trace.
    #expect(try !file.contains(attribute: "classes"))
    let more = try FileReader(at: load(["classes": .integer(12)]).path)
    #expect(try more.integer("classes") == 12)
    #expect { _ = try load(["classes": .integer(9)]) } throws: {
      "\($0)".contains("classes is 9, but there is an image of label 9")
    }
  }

  @Test(arguments: ["lenet", "tinynet", "mlp", "softmax", "resnet18"]) func netsFollowTheShape(name: String)
    throws
  {
    let images = try load(["classes": .integer(12)])
    let training: [String: Value] = [
      "net": .string(name), "width": .integer(4), "epochs": .integer(30), "batch_size": .integer(10),
      "learning_rate": .number(0.03),
    ]
    let net = try shop.run("train", training, ["images": [images]])
    let file = try FileReader(at: net.path)
    #expect(try file.string("input") == "3,32,32")
    let last = ["lenet": "fc3", "tinynet": "9", "mlp": "fc2", "softmax": "linear", "resnet18": "fc"][name]!
    #expect(try file.info("/parameters/\(last).bias").shape == [12])
    // Read again it is the same net: it has learnt the bars, each of a row and a colour of its own.
    let group = try shop.run("group", ["size": .integer(3), "label": .integer(2)], ["images": [images]])
    let evaluation = try shop.run("evaluate", [:], ["images": [images], "net": [net], "group": [group]])
    let accuracy = try EvaluationArtifact.read(evaluation).metrics[EvaluationMetric(.test, .accuracy)]
    #expect(accuracy ?? 0 > 0.7, "\(accuracy ?? 0)")
    // And it is refused on images of another shape.
    let grey = try shop.images()
    let digits = try shop.run("group", ["size": .integer(3)], ["images": [grey]])
    #expect {
      _ = try shop.run("evaluate", [:], ["images": [grey], "net": [net], "group": [digits]])
    } throws: {
      "\($0)".contains("the net takes images of shape [3, 32, 32], but these have [1, 28, 28]")
    }
  }

  @Test func featuresAndPicturesFollowTheShape() throws {
    let images = try load()
    let features = try shop.run("features", ["extractor": "pixels"], ["images": [images]])
    let rows = try FileReader(at: features.path)
    #expect(try rows.info("/features").shape == [60, 3072])
    let values: [Float] = try rows.read("/features", rows: 0..<1)
    let raw = try Data(contentsOf: URL(fileURLWithPath: shop.folder + "/colours/data_batch_1.bin"))
    #expect(values == raw[1..<3073].map { Float($0) / 255 })
    let neighbours = try shop.run("neighbours", ["k": .integer(10)], ["features": [features]])
    let picture = try shop.run(
      "picture", ["kind": "contact-sheet"], ["images": [images], "neighbours": [neighbours]])
    let png: [UInt8] = try FileReader(at: picture.path).read("/files/contact-sheet.png")
    #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
  }

  @Test func logisticRegressionFollowsTheShape() throws {
    let images = try load(["classes": .integer(11)])
    let fit = try shop.run("logistic", ["weight_decay": .number(0.1)], ["images": [images]])
    #expect(try FileReader(at: fit.path).info("/parameters/linear.weight").shape == [11, 3072])
    // From its own minimum there is nothing left to do.
    let again = try shop.run(
      "logistic", ["weight_decay": .number(0.1)], ["images": [images], "start": [fit]])
    let norms: [Double] = try FileReader(at: again.path).read("/history/gradient_norm")
    #expect(norms.count <= 1)
  }

  @Test func labelsBeyondTheClassesAreSaid() throws {
    let images = try load()
    let training: [String: Value] = ["net": "softmax", "epochs": .integer(1), "batch_size": .integer(20)]
    let net = try shop.run("train", training, ["images": [images]])
    let group = try shop.run("group", ["size": .integer(3)], ["images": [images]])
    #expect {
      _ = try shop.run(
        "evaluate", ["label": .integer(10)], ["images": [images], "net": [net], "group": [group]])
    } throws: { "\($0)".contains("label is 10, but the data set has the classes 0…9") }
    #expect {
      _ = try shop.run("group", ["size": .integer(3), "label": .integer(12)], ["images": [images]])
    } throws: {
      "\($0)".contains("no training image has label 12")
    }
  }

  @Test func whatACommandMadeIsNamedByItsNode() throws {
    let made = try shop.command(
      ["sh", "-c", "mkdir d; echo x > d/train.bin; echo x > d/test.bin"], outputs: ["d/"])
    #expect { _ = try shop.run("load-images", ["output": "d"], ["command": [made]]) } throws: {
      "\($0)".contains("command: d/train.bin: length is 2 bytes, expected a multiple of 3074")
    }
    #expect { _ = try shop.run("load-images", ["output": "e"], ["command": [made]]) } throws: {
      "\($0)".contains("command has made no 'e'; it made d")
    }
    #expect { _ = try shop.run("load-images", ["folder": "colours"], ["command": [made]]) } throws: {
      "\($0)".contains("exclude each other")
    }
    #expect { _ = try load(["output": "d"]) } throws: { "\($0)".contains("there is none") }
  }
}
