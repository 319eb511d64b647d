// Which edits of a pipeline file change which keys.

import PipelineCore
import PipelineFile
import Testing

@Suite struct YAMLKeyTests {
  private func keys(_ text: String, _ overrides: [String] = []) throws -> [String: Digest] {
    let plan = try plan(text, overrides)
    let keys = plan.planKeys()
    return Dictionary(uniqueKeysWithValues: plan.ids.map { (plan[$0].name, keys[$0]) })
  }

  private func changed(_ overrides: [String]) throws -> [String] {
    let (before, after) = (try keys(coherent), try keys(coherent, overrides))
    return after.filter { before[$0.key] != $0.value }.map(\.key).sorted()
  }

  /// The same file with comments, another order of everything that has none, other quotes and other numerals.
  @Test func writingChangesNoKey() throws {
    let other = """
      # A comment.
      stages:
        each:
          inputs: { rows: [group, retrain] }
          for: size
          stage: table
        table: { inputs: { rows: { 1-step: retrain, base: base } } }
        retrain:
          timeout: 5            # in no key
          inputs: { start: base, group: group, images: images }
          for: [size, repeat]
        group:
          parameters: { size: "${size}", label: '${label}' }
          inputs: { images: images }
          for: [size, repeat]
        base:
          parameters: { learning_rate: 1.0, epochs: 3, memory: 77 }
          inputs: { images: images }
          stage: train
        images: { stage: load-images }
      axes: { repeat: [0, 1, 2], size: [100.0, 500] }
      parameters: { label: 0x0 }
      """
    #expect(try keys(other) == keys(coherent))
  }

  @Test func settingAValueThatItHasChangesNoKey() throws {
    #expect(
      try changed(["label=0", "base.learning_rate=1e0", "base.memory=9", "retrain.timeout=1", "text=x"]) == []
    )
  }

  @Test func changesReachWhatFollows() throws {
    #expect(try changed(["images.dataset=fashion-mnist"]).count == 17)
    let nodes = try plan(coherent).names
    let follows = { (stages: [String]) in
      nodes.filter { name in stages.contains { name.hasPrefix($0) } }.sorted()
    }
    #expect(try changed(["base.seed=2"]) == follows(["base", "retrain", "table", "each"]))
    #expect(try changed(["retrain.seed=2"]) == follows(["retrain", "table", "each"]))
    #expect(try changed(["label=1"]) == follows(["group", "retrain", "table", "each"]))
  }

  /// Raising `repeat` adds chains and changes what gathers them, and nothing else.
  @Test func moreRepeats() throws {
    let before = try keys(coherent)
    let after = try keys(coherent, ["repeat=5"])
    #expect(after.count == before.count + 2 * 2 * 2)
    #expect(
      before.keys.filter { before[$0] != after[$0] }.sorted() == [
        "each[size=100]", "each[size=500]", "table",
      ])
  }

  /// A stage that draws no random numbers has one key at all axis values that its parameters do not mention.
  @Test func axesOfStagesThatAreNotRandom() throws {
    let text = """
      axes: { n: 3, m: [5, 6] }
      stages:
        images: { stage: load-images, for: n }
        run: { stage: command, for: [n, m], inputs: { i: [images] }, parameters: { argv: ["${m}"] } }
        group: { for: n, inputs: { images: images }, parameters: { label: 1 } }
        one: { stage: command, for: [n, m], inputs: { i: images }, parameters: { argv: ["${m}"] } }
      """
    let plan = try plan(text)
    let keys = plan.planKeys().nodes
    #expect(Set(keys[0..<3]).count == 1)
    // Here the join's labels tell the axis values of its members.
    #expect(Set(keys[3..<9]).count == 6)
    #expect(Set(keys[9..<12]).count == 3)
    // Of a single artifact nothing is told but its content.
    #expect(Set(keys[12..<18]).count == 2)
  }
}
