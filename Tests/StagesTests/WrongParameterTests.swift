// Wrong parameters of each stage through a pipeline file: each is named in an error, and no check ever sees half a node.

import PipelineCore
import PipelineFile
import StageRuns
import Stages
import Testing

/// What a generated file does with a parameter.
private enum Treatment: CaseIterable { case given, missing, mistyped }

@Suite struct WrongParameterTests {
  /// A value of a type: the least number, the first word, a list of one.
  private static func right(_ type: ParameterType) -> Value {
    switch type {
    case .boolean: .boolean(true)
    case .integer(let limits): .integer(max(limits.lowerBound, min(limits.upperBound, 2)))
    case .number(let limits): .number(max(limits.lowerBound, min(limits.upperBound, 0.5)))
    case .string: .string("text")
    case .choice(let words): .string(words[0])
    case .list(let element): .list([right(element)])
    case .map(let element): .map(["NAME": right(element)])
    case .optional(let type): right(type)
    case .either(_, let type): right(type)
    }
  }

  /// A value that is not of a type; for a collection one whose element is not.
  private static func wrong(_ type: ParameterType) -> Value {
    switch type {
    case .boolean, .integer, .number: .string("text")
    case .string: .list([])
    case .choice: .string("no such word")
    case .list(let element): .list([right(element), wrong(element)])
    case .map(let element): .map(["NAME": wrong(element)])
    case .optional(let type): wrong(type)
    case .either(_, let type): wrong(type)
    }
  }

  /// All treatments of a few parameters; of many, those that treat up to two of them badly, and some random ones.
  private static func treatments(_ count: Int) -> [[Treatment]] {
    if count <= 5 {
      return (0..<count).reduce([[]]) { all, _ in
        all.flatMap { some in Treatment.allCases.map { some + [$0] } }
      }
    }
    var result: [[Treatment]] = [[Treatment](repeating: .given, count: count)]
    for first in 0..<count {
      for second in first..<count {
        for (a, b) in [(Treatment.missing, Treatment.missing), (.mistyped, .missing), (.missing, .mistyped)] {
          result.append(result[0])
          result[result.count - 1][first] = a
          result[result.count - 1][second] = b
        }
      }
    }
    var noise = Noise(UInt64(count))
    for _ in 0..<50 { result.append((0..<count).map { _ in Treatment.allCases[Int(noise.uniform() * 3)] }) }
    return result
  }

  /// What a file with one stage says; nil if nothing is wrong with it.
  private func errors(_ type: String, _ parameters: [String: Value]) -> String? {
    let text = "stages: {node: {stage: \(type), parameters: \(Value.map(parameters).json)}}"
    do throws(PipelineFileErrors) {
      let plan = try PipelineFile.parse(
        text: text, name: "file.yaml", stages: allStages.declarations, readFile: { _ in "" },
        hashFile: { Digest(of: Array($0.utf8)) }
      ).plan
      for node in plan.nodes { _ = plan.stages[node.stage].declaration.resources(node.parameters) }
      _ = plan.planKeys()
      return nil
    } catch { return error.description }
  }

  @Test(arguments: allStages.names) func eachWrongParameterIsNamed(stage: String) throws {
    let declaration = try #require(allStages.declaration(stage))
    for treatments in Self.treatments(declaration.parameters.count) {
      var given: [String: Value] = [:]
      var expected: [String] = []
      for (parameter, treatment) in zip(declaration.parameters, treatments) {
        switch treatment {
        case .given: given[parameter.name] = Self.right(parameter.type)
        case .missing where parameter.defaultValue == nil:
          expected.append("stage 'node' lacks the parameter '\(parameter.name)'")
        case .missing: break
        case .mistyped:
          given[parameter.name] = Self.wrong(parameter.type)
          expected.append("parameter '\(parameter.name)': found ")
        }
      }
      let found = errors(stage, given) ?? ""
      for message in expected { #expect(found.contains(message), "\(given) gives \(found)") }
      for parameter in declaration.parameters
      where !expected.contains("stage 'node' lacks the parameter '\(parameter.name)'") {
        #expect(!found.contains("lacks the parameter '\(parameter.name)'"), "\(given)")
      }
    }
  }

  @Test(arguments: allStages.names) func aMisspeltParameterIsSuggested(stage: String) throws {
    let declaration = try #require(allStages.declaration(stage))
    for parameter in declaration.parameters where parameter.name.count > 3 {
      let misspelt = String(parameter.name.dropLast())
      guard declaration.parameter(misspelt) == nil else { continue }
      let found = errors(stage, [misspelt: Self.right(parameter.type)]) ?? ""
      #expect(found.contains("\(stage) has no parameter '\(misspelt)'"), "\(found)")
      #expect(found.contains("did you mean '\(parameter.name)'?"), "\(found)")
      #expect(!found.contains("lacks the parameter '\(parameter.name)'"), "it was misspelt, not left out")
    }
  }
}
