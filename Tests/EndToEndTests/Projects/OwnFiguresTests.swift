// Figures of one's own programs in tables, pictures and comparisons, as those of evaluations.

import Foundation
import Testing

@Suite struct OwnFiguresTests {
  /// Three seeds each of two methods on two data sets; `rmse` is a number that can be told beforehand.
  private func project(_ box: Sandbox, _ more: String = "") throws {
    try box.write(
      """
      parameters: {offset: 0}
      axes: {data: [1, 2], seed: 3}
      stages:
        fit:
          stage: command
          for: [data, seed]
          parameters: {outputs: [m.json], metrics: m.json}
          cases:
            ridge: {argv: [sh, -c, "echo '{\\"rmse\\": '$((${data} * 10 + ${seed} + ${offset}))', \\"bias\\": 0.5}' > m.json"]}
            lasso: {argv: [sh, -c, "echo '{\\"rmse\\": '$((${data} * 20 + ${seed}))'}' > m.json"]}
        none: {stage: command, parameters: {argv: [touch, o], outputs: [o]}}
        table: {inputs: {rows: fit}, parameters: {title: Fits, columns: data, over: seed}}
      \(more)
      """, to: "pipelines/p.yaml")
  }

  @Test func aTableShowsThemWithMeansAndIntervals() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    let text = try box.pipeline("table", "p").output
    #expect(text.contains("data │                1                 2"), "\(text)")
    // Mean 11 of 10, 11, 12; half of the interval: t(0.975, 2) / √3 = 2.4841.
    #expect(text.contains("ridge   bias    │"), "\(text)")
    #expect(text.contains("11.0000 ± 2.4841  21.0000 ± 2.4841"), "\(text)")
    #expect(!text.contains("self") && !text.contains("retrain"), "\(text)")
    let one = try box.pipeline(
      "table", "p", "--metrics", "rmse", "--rows", "lasso", "--columns", "2", "--format", "csv")
    let lines = one.output.split(separator: "\r\n")
    #expect(lines.count == 3 && lines[1].hasPrefix("lasso,2,rmse,own,rmse,3,41.0,1.0,"), "\(one)")
    let wrong = try box.pipeline("table", "p", "--metrics", "rmsee")
    #expect(
      wrong.status == 64 && wrong.errors.contains("'rmsee' is no metric of this table; it has bias, rmse"),
      "\(wrong)")
  }

  @Test func whatCantBeShownIsSaid() throws {
    let box = try Sandbox()
    try project(
      box,
      "  bad: {stage: table, inputs: {rows: fit}, parameters: {columns: data, over: seed, metrics: [mse]}}\n  empty: {stage: table, inputs: {rows: none}}"
    )
    let answer = try box.pipeline("run", "p", "--keep-going")
    #expect(answer.status == 1)
    #expect(answer.errors.contains("no row has the metric 'mse'; did you mean 'rmse'?"), "\(answer)")
    #expect(answer.errors.contains("none has no figures: name one of its outputs as 'metrics'"), "\(answer)")
    let early = try box.pipeline("plan", "p", "--set", "table.metrics=[group.los]")
    #expect(early.status == 65 && early.errors.contains("'group.los' is no metric"), "\(early)")
  }

  @Test func aPictureDrawsThem() throws {
    let box = try Sandbox()
    try project(
      box,
      "  curve: {stage: picture, inputs: {table: table}, parameters: {kind: schemes, metric: rmse}}\n  bad: {stage: picture, inputs: {table: table}, parameters: {kind: schemes, metric: rmsx}}"
    )
    let run = try box.pipeline("run", "p", "--keep-going")
    #expect(
      run.status == 1 && run.errors.contains("'rmsx' is no figure of a picture; did you mean 'rmse'?"),
      "\(run)")
    #expect(try box.pipeline("cat", "p", "curve", "picture.svg").output.contains(">lasso<"))
  }

  @Test func twoPipelinesAreComparedByThem() throws {
    let box = try Sandbox()
    try project(box)
    _ = try box.run("p")
    try box.write("extends: p.yaml\nparameters: {offset: 3}\nstages: {table: null}\n", to: "pipelines/q.yaml")
    _ = try box.run("q")
    try box.write("extends: p.yaml\nstages: {table: null}\n", to: "pipelines/p0.yaml")
    _ = try box.run("p0")
    let answer = try box.pipeline("compare", "p0", "q").output
    #expect(answer.contains("metrics: 6 of 18 differ"), "\(answer)")
    #expect(answer.contains("fit[ridge,data=2,seed=1]"), "\(answer)")
    let tables = try box.pipeline("compare", "p", "p").output
    #expect(tables.contains("metrics: 0 of 6 differ"), "\(tables)")
  }
}
