// Declarations: every stage file is registered, agrees with the layout of artifacts, and writes what it declares.

import Foundation
import HDF5
import PipelineCore
import StageRuns
import Stages
import Testing

/// A declared layout line: `/{a,b}/NAME` stands for several paths, words in capitals for any text.
private struct Pattern {
  let text: String
  let type: String

  init(_ text: String, _ type: String) {
    self.text = text
    self.type = type
  }

  /// The paths with their braces opened.
  static func expand(_ text: String) -> [String] {
    guard let open = text.firstIndex(of: "{"), let close = text[open...].firstIndex(of: "}") else {
      return [text]
    }
    let words = text[text.index(after: open)..<close].split(separator: ",")
    return words.flatMap { word in
      expand(String(text[..<open]) + String(word) + String(text[text.index(after: close)...]))
    }
  }

  func matches(_ path: String) -> Bool {
    let words = #/[A-Z]{3,}/#
    if text.contains(words) {
      let expression =
        "^" + text.replacing(words) { _ in ".+" }.replacingOccurrences(of: "/", with: "\\/") + "$"
      return path.range(of: expression, options: .regularExpression) != nil
    }
    return text == path
  }

  /// Whether a dataset has the declared type and number of dimensions.
  func describes(_ info: DatasetInfo) -> Bool {
    let parts = type.split(separator: " ", maxSplits: 1)
    // As in `[n,d]`, or in `[n,d] or [n,3,d]`.
    let ranks =
      parts.count == 1 ? [0] : parts[1].split(separator: "] or [").map { $0.split(separator: ",").count }
    // A net's parameters are of any shape.
    let rankFits = text.contains("NAME") || ranks.contains(info.shape.count)
    let found = info.type.description
    return rankFits && (found == parts[0] || parts[0] == "string" && found.hasPrefix("string["))
  }
}

private func patterns(_ layouts: [LayoutDeclaration]) -> [Pattern] {
  layouts.flatMap { layout in Pattern.expand(layout.name).map { Pattern($0, layout.type) } }
}

@Suite struct DeclarationTests {
  @Test func everyStageFileIsRegistered() throws {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources/Study/Stages")
    let registered = Set(allStages.stages.values.map { "\($0)" })
    var found: Set<String> = []
    let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: #/(?:enum|struct|class|actor) (\w+): Stage\b/#) {
        found.insert(String(match.1))
      }
    }
    #expect(found.count > 10)
    #expect(found == registered)
  }

  @Test func namesAndSummariesAreInOrder() {
    for (name, stage) in allStages.stages {
      let declaration = stage.declaration
      #expect(declaration.name == name && declaration.version >= 1)
      let lines =
        declaration.parameters.map { ($0.name, $0.summary) }
        + declaration.inputs.map { ($0.name, $0.summary) }
        + (declaration.datasets + declaration.attributes).map { ($0.name, $0.summary) }
      for (line, summary) in lines { #expect(!summary.isEmpty, "\(name) \(line)") }
      let parameters = declaration.parameters.map(\.name)
      #expect(Set(parameters).count == parameters.count, "\(name)")
      for slot in declaration.inputs {
        for type in slot.accepts {
          #expect(allStages.stages[type] != nil, "\(name).\(slot.name) takes \(type)")
        }
      }
    }
  }

  /// The layout of artifacts that other programs rely on.
  static let contract: [String: [String: String]] = [
    "load-images": [
      "/train/images": "u8 [N,28,28]", "/train/labels": "u8 [N]", "/test/images": "u8", "/test/labels": "u8",
      "dataset": "",
    ],
    "train": ["/parameters/NAME": "f32", "/history/{loss,accuracy,learning_rate}": "f64", "{net,width}": ""],
    "import-net": [
      "/parameters/NAME": "f32", "/history/{loss,accuracy,learning_rate}": "f64", "{net,width}": "",
    ],
    "retrain": [
      "/parameters/NAME": "f32", "/history/{loss,accuracy,learning_rate}": "f64", "{net,width}": "",
    ],
    "unlearn": [
      "/parameters/NAME": "f32", "/history/{loss,accuracy,learning_rate}": "f64", "{net,width}": "",
    ],
    "features": ["/features": "f32 [n,d]", "/indices": "i64 [n]", "{extractor,pixels,pooling}": ""],
    "neighbours": ["/reference": "i64", "/distances": "f64 [n]", "/order": "i64 [n]", "metric": ""],
    "normality": [
      "/distances": "f64 [n]", "/{shapiro,normaltest}/{statistic,pvalue}": "f64",
      "/probplot/{theoretical,ordered}": "f64 [n]", "/probplot/{slope,intercept,r}": "f64",
      "/boxplot/{q1,median,q3,whisker_low,whisker_high}": "f64", "/boxplot/outliers": "f64 [k]",
    ],
    "cluster": ["/assignment": "u8 [n]", "/fractions": "f64", "/indices": "i64 [n]"],
    "group": ["/indices": "i64 [m]", "/parts": "u8 [m]"],
    "influence": [
      "/gradient": "f32 [p]", "/influence": "f32 [p]",
      "{scheme,solver,damping,iterations,residual,curvature_min,curvature_max,hessian_images}": "",
    ],
    "evaluate": ["/metrics/SPLIT/{loss,accuracy}": "f64"],
  ]

  @Test(arguments: contract.keys.sorted()) func declaresTheLayoutThatOthersRelyOn(name: String) throws {
    let declaration = try #require(allStages.declaration(name))
    let datasets = patterns(declaration.datasets)
    let attributes = Set(patterns(declaration.attributes).map(\.text))
    for (line, type) in try #require(Self.contract[name]) {
      for item in Pattern.expand(line) {
        guard item.hasPrefix("/") else {
          #expect(attributes.contains(item), "\(name) lacks the attribute \(item)")
          continue
        }
        let found = datasets.first { $0.text == item }
        #expect(found != nil, "\(name) lacks \(item)")
        #expect(
          found?.type.split(separator: " ").first == type.split(separator: " ").first, "\(name) \(item)")
      }
    }
  }
}

// Programs are started with the folder of the whole process changed, so one at a time.
@Suite(.serialized) struct ProgramTests {
  @Test func writeWhatTheyDeclareAndNothingElse() throws {
    let shop = try Workshop()
    let each = try EachStage(shop)
    let made = each.made
    #expect(Set(made.keys) == Set(allStages.names), "every stage type has a small run here")
    let identity: Set<String> = ["stage", "stage_version", "key", "content", "parameters", "inputs"]
    for (name, artifacts) in made {
      let declaration = try #require(allStages.declaration(name))
      let declared = patterns(declaration.datasets)
      var unwritten = Set(declared.map(\.text))
      var missing = Set(patterns(declaration.attributes).map(\.text))
      for artifact in artifacts + (each.inColour[name] ?? []) {
        let file = try FileReader(at: artifact.path)
        for info in try file.datasets() {
          let fitting = declared.filter { $0.matches(info.path) }
          #expect(!fitting.isEmpty, "\(name) writes \(info.path), which it does not declare")
          #expect(
            fitting.contains { $0.describes(info) },
            "\(name) writes \(info.path) as \(info.type) \(info.shape), declared \(fitting.map(\.type))")
          unwritten.subtract(fitting.map(\.text))
        }
        let attributes = Set(try file.attributes().keys)
        #expect(identity.isSubset(of: attributes))
        let own = attributes.subtracting(identity)
        #expect(own.isSubset(of: patterns(declaration.attributes).map(\.text)), "\(name) attributes")
        missing.subtract(own)
        // The digest that the stage returned is the one in its file, and that of what is there.
        #expect(try file.string("content") == artifact.content.hex)
        #expect(try file.contentHash(excluding: identity) == artifact.content.hex)
      }
      #expect(unwritten.isEmpty, "\(name) declares but does not write \(unwritten.sorted())")
      #expect(missing.isEmpty, "\(name) declares but does not write the attributes \(missing.sorted())")
    }
  }

  /// One picture of each kind, from small real artifacts.
  @Test(arguments: [
    "histogram", "box-plot", "probability-plot", "cluster-bands", "contact-sheet", "influence-norms",
  ]) func picturesAreTheSameBytesEachTime(kind: String) throws {
    let shop = try Workshop()
    let images = try shop.images()
    let net = try shop.run(
      "train", ["epochs": .integer(1), "batch_size": .integer(20)], ["images": [images]])
    let features = try shop.run("features", ["extractor": .string("pixels")], ["images": [images]])
    let neighbours = try shop.run("neighbours", ["k": .integer(20)], ["features": [features]])
    let inputs = [
      "normality": try shop.run("normality", [:], ["neighbours": [neighbours]]), "neighbours": neighbours,
      "cluster": try shop.run("cluster", [:], ["neighbours": [neighbours]]), "images": images,
      "norms": try shop.run(
        "influence-norms", [:], ["images": [images], "net": [net], "neighbours": [neighbours]]),
    ].mapValues { [$0] }
    let parameters: [String: Value] = ["kind": .string(kind), "title": .string("Label '0' `ls` _{x}")]
    let first = try shop.run("picture", parameters, inputs)
    let second = try shop.run("picture", parameters, inputs)
    #expect(first.content == second.content)
    let file = try FileReader(at: first.path)
    let png: [UInt8] = try file.read("/files/\(kind).png")
    #expect(png.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    let svg = String(decoding: try file.read("/files/\(kind).svg", as: UInt8.self), as: UTF8.self)
    #expect(
      svg.contains("Label 'O'".replacingOccurrences(of: "O", with: "0"))
        || svg.contains("Label &apos;0&apos;"))
    #expect(svg.contains("`ls`"))
    #expect(try PictureFiles.read(first.path).map(\.ending) == ["png", "svg"])
  }

  @Test func pictureNamesTheInputThatItLacks() throws {
    let shop = try Workshop()
    let message = failure { _ = try shop.run("picture", ["kind": .string("cluster-bands")]) }
    #expect(
      message == "a picture of kind cluster-bands needs input neighbours and cluster; neighbours is not given"
    )
  }
}
