// A run as a picture: a lane a core, a bar a node, a colour a stage.

import Wording

/// Draws the record of a run as SVG.
public struct Timeline {
  private struct Bar {
    var node: String
    var stage: String
    var began: Double
    var ended: Double
    var threads: Int
    var failed: Bool
    var lane = 0
    var note: String
  }

  private let title: String
  private let seconds: Double
  private var bars: [Bar] = []
  private var lanes = 1
  /// The stages in the order of their first node, with the number of their nodes and their core-seconds.
  private var stages: [(name: String, nodes: Int, cost: Double)] = []

  private static let colours = [
    "#4477aa", "#ee9966", "#228833", "#aa3377", "#66ccee", "#bbaa33", "#777777", "#994455", "#44aa99",
    "#332288",
  ]
  private static let width = 1000.0
  private static let left = 56.0
  private static let laneHeight = 26.0

  /// The picture of a run. Nodes that were not timed (in records of old) are left out.
  public init(_ run: RunRecord) {
    var longest = run.seconds
    for node in run.nodes {
      guard let began = node.began, let ended = node.ended, ended >= began else { continue }
      longest = max(longest, ended)
      let stage = String(node.node.prefix { $0 != "[" })
      let memory = node.peakMemory.map { ", \(formatBytes($0))" } ?? ""
      let took = "\(duration(ended - began)), \(node.threads ?? 1) threads\(memory)"
      bars.append(
        Bar(
          node: node.node, stage: stage, began: began, ended: ended, threads: max(1, node.threads ?? 1),
          failed: node.failure != nil,
          note: "\(node.node): \(took)\n\(node.reasons.joined(separator: "; "))\n\(node.failure ?? "")"))
    }
    bars.sort { ($0.began, $0.node) < ($1.began, $1.node) }
    seconds = max(longest, 1e-3)
    title =
      "\(run.pipeline), \(run.time): \(counted(bars.count, "node")) in \(duration(run.seconds)), \(run.ending)"
    pack()
    for bar in bars {
      let cost = (bar.ended - bar.began) * Double(bar.threads)
      if let known = stages.firstIndex(where: { $0.name == bar.stage }) {
        stages[known].nodes += 1
        stages[known].cost += cost
      } else {
        stages.append((bar.stage, 1, cost))
      }
    }
  }

  /// Gives each bar the first lanes that are free for as many cores as it has.
  private mutating func pack() {
    var freeFrom: [Double] = []
    for index in bars.indices {
      // Two nodes of one worker may touch: times are taken by the scheduler, a moment late.
      let began = bars[index].began + 1e-6
      let count = bars[index].threads
      var lane = 0
      while (lane..<(lane + count)).contains(where: { $0 < freeFrom.count && freeFrom[$0] > began }) {
        lane += 1
      }
      while freeFrom.count < lane + count { freeFrom.append(0) }
      for each in lane..<(lane + count) { freeFrom[each] = bars[index].ended }
      bars[index].lane = lane
    }
    lanes = max(1, freeFrom.count)
  }

  /// The picture as an SVG document.
  public var svg: String {
    let perRow = 4
    let legendRows = (stages.count + perRow - 1) / perRow
    let top = 40.0 + Double(legendRows) * 20 + 8
    let bottom = top + Double(lanes) * Self.laneHeight
    let height = bottom + 44
    let plotWidth = Self.width - Self.left - 20
    func x(_ time: Double) -> Double { Self.left + time / seconds * plotWidth }

    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(Self.number(Self.width))" height="\(Self.number(height))" \
      viewBox="0 0 \(Self.number(Self.width)) \(Self.number(height))" font-family="Helvetica, Arial, sans-serif" \
      font-size="12">
      <rect width="100%" height="100%" fill="white"/>
      <text x="\(Self.number(Self.left))" y="24" font-size="15">\(Self.escape(title + ", " + utilisation))</text>

      """
    for (index, stage) in stages.enumerated() {
      let left = Self.left + Double(index % perRow) * plotWidth / Double(perRow)
      let line = 52.0 + Double(index / perRow) * 20
      text += "<rect x=\"\(Self.number(left))\" y=\"\(Self.number(line - 10))\" width=\"12\" height=\"12\" "
      text += "fill=\"\(colour(stage.name))\"/>\n"
      let label = "\(stage.name): \(stage.nodes), \(duration(stage.cost)) of a core"
      text +=
        "<text x=\"\(Self.number(left + 17))\" y=\"\(Self.number(line))\">\(Self.escape(label))</text>\n"
    }
    for lane in 0..<lanes {
      let line = top + Double(lane) * Self.laneHeight
      if lane % 2 == 0 {
        text +=
          "<rect x=\"\(Self.number(Self.left))\" y=\"\(Self.number(line))\" width=\"\(Self.number(plotWidth))\" "
        text += "height=\"\(Self.number(Self.laneHeight))\" fill=\"#f4f4f4\"/>\n"
      }
      text += "<text x=\"\(Self.number(Self.left - 6))\" y=\"\(Self.number(line + 17))\" text-anchor=\"end\" "
      text += "fill=\"#555\">core \(lane + 1)</text>\n"
    }
    let step = Self.step(seconds)
    for tick in 0...Int(seconds / step) {
      let place = Self.number(x(Double(tick) * step))
      text +=
        "<line x1=\"\(place)\" x2=\"\(place)\" y1=\"\(Self.number(top))\" y2=\"\(Self.number(bottom + 5))\" "
      text +=
        "stroke=\"#ccc\"/>\n<text x=\"\(place)\" y=\"\(Self.number(bottom + 19))\" text-anchor=\"middle\" "
      text += "fill=\"#555\">\(tick == 0 ? "0" : duration(Double(tick) * step))</text>\n"
    }
    for bar in bars { text += draw(bar, x, top) }
    return text + "</svg>\n"
  }

  private func draw(_ bar: Bar, _ x: (Double) -> Double, _ top: Double) -> String {
    let left = x(bar.began)
    let width = max(0.5, x(bar.ended) - left)
    let line = top + Double(bar.lane) * Self.laneHeight + 2
    let height = Double(bar.threads) * Self.laneHeight - 4
    // Thin bars without an edge, or a thousand of them would be all edge.
    let edge = bar.failed ? "#cc0000" : "white"
    let edgeWidth = bar.failed ? 2.0 : width > 3 ? 0.5 : 0
    var text =
      "<g><title>\(Self.escape(bar.note))</title><rect x=\"\(Self.number(left))\" y=\"\(Self.number(line))\" "
    text += "width=\"\(Self.number(width))\" height=\"\(Self.number(height))\" fill=\"\(colour(bar.stage))\" "
    text += "stroke=\"\(edge)\" stroke-width=\"\(Self.number(edgeWidth))\"/>"
    // A letter is about 6 wide.
    let room = Int((width - 6) / 6)
    let label = bar.node.count <= room ? bar.node : bar.stage.count <= room ? bar.stage : ""
    if !label.isEmpty {
      text +=
        "<text x=\"\(Self.number(left + 4))\" y=\"\(Self.number(line + height / 2 + 4))\" font-size=\"11\" "
      text += "fill=\"white\">\(Self.escape(label))</text>"
    }
    return text + "</g>\n"
  }

  private var utilisation: String {
    let busy = stages.reduce(0) { $0 + $1.cost }
    return "cores busy \(Int((100 * busy / (seconds * Double(lanes))).rounded())) %"
  }

  private func colour(_ stage: String) -> String {
    let index = stages.firstIndex { $0.name == stage } ?? 0
    return Self.colours[index % Self.colours.count]
  }

  /// A round step that gives from 5 to 12 ticks.
  static func step(_ seconds: Double) -> Double {
    let steps = [
      1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300,
      600, 1200,
      1800, 3600, 7200, 14400,
    ]
    return steps.first { seconds / $0 <= 12 } ?? (seconds / 12)
  }

  private static func number(_ value: Double) -> String {
    let hundredths = (value * 100).rounded()
    return hundredths == (hundredths / 100).rounded() * 100
      ? "\(Int(hundredths / 100))" : "\(hundredths / 100)"
  }

  private static func escape(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      // XML has no other control characters.
      case _ where scalar.value < 0x20 && scalar != "\n": result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
