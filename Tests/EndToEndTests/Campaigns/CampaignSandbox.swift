// What the tests of campaigns share: a pipeline of small programs that write down that they ran.

import Foundation
import Testing

extension Sandbox {
  /// Writes a pipeline of `count` programs and one that takes all of them. Each adds a line to the file `ran`.
  func writeFan(_ name: String = "fan", count: Int, seconds: Double = 0, resources: String = "") throws {
    let values = (0..<count).map(String.init).joined(separator: ", ")
    try write(
      """
      axes:
        i: [\(values)]
      stages:
        make:
          stage: command
          for: [i]
          parameters:
            argv: [sh, -c, "echo ${i} >> \(folder)/ran; sleep \(seconds); echo ${i} > out.txt"]
            outputs: [out.txt]
      \(resources)
        all:
          stage: command
          inputs: {parts: make}
          parameters:
            argv: [sh, -c, "echo all >> \(folder)/ran; cat inputs/parts/*/out.txt > all.txt"]
            outputs: [all.txt]
      """, to: "pipelines/\(name).yaml")
  }

  /// How often each program has run.
  var executions: [String: Int] {
    let text = (try? String(contentsOfFile: folder + "/ran", encoding: .utf8)) ?? ""
    return Dictionary(text.split(separator: "\n").map { (String($0), 1) }, uniquingKeysWith: +)
  }

  struct CampaignState: Decodable {
    struct Pilot: Decodable {
      var host: String
      var job: String?
      var process: Int32
      var alive: Bool
    }
    var campaign: String
    var state: String
    var open: Int
    var made: Int
    var failed: [String]
    var jobs: [String]
    var pilots: [Pilot]
  }

  /// The only campaign of the cache.
  func campaign() throws -> CampaignState {
    let answer = try pipeline("campaigns", "--json")
    #expect(answer.status == 0, "\(answer.errors)")
    return try #require(try JSONDecoder().decode([CampaignState].self, from: Data(answer.output.utf8)).first)
  }

  /// Waits until the campaign is in one of some states.
  @discardableResult
  func campaign(in states: Set<String>, within seconds: Double = 60) throws -> CampaignState {
    let end = Date().addingTimeInterval(seconds)
    while true {
      let state = try campaign()
      if states.contains(state.state) || Date() > end { return state }
      usleep(200_000)
    }
  }

  /// Ends the pilots that a test has left.
  func endPilots() throws {
    _ = try? pipeline("cancel", try campaign().campaign)
    try campaign(in: ["done", "failed"], within: 0)
    let end = Date().addingTimeInterval(20)
    while Date() < end, try campaign().pilots.contains(where: \.alive) { usleep(100_000) }
  }
}
