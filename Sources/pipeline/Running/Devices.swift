// The devices that a run may hand out: those that the user names, and the GPUs that there are.

import ArgumentParser
import FoundationEssentials
import Glibc
import Stages
import Wording

/// How many there are of something, as `gpus=2`.
struct DeviceCount: ExpressibleByArgument {
  let name: String
  let count: Int

  init?(argument: String) {
    let sides = argument.split(separator: "=", maxSplits: 1)
    guard sides.count == 2, let count = Int(sides[1]), (0...1_000_000).contains(count) else { return nil }
    (name, self.count) = (String(sides[0]), count)
  }

  /// The devices by counter. Of GPUs, those that CUDA_VISIBLE_DEVICES lists, or else those that the driver shows; of
  /// anything else, as many as the user says, numbered from 0.
  static func devices(_ counts: [DeviceCount]) -> [String: [String]] {
    var devices = ["gpus": gpus]
    for each in counts {
      let known = devices[each.name] ?? []
      devices[each.name] =
        known.count >= each.count ? Array(known.prefix(each.count)) : (0..<each.count).map(String.init)
    }
    return devices
  }

  private static var gpus: [String] {
    if let listed = ProcessInfo.processInfo.environment[CommandStage.deviceVariable(of: "gpus")] {
      return listed.split(separator: ",").map { trimmed($0) }
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev")) ?? []
    let numbers = names.compactMap { $0.hasPrefix("nvidia") ? Int($0.dropFirst("nvidia".count)) : nil }
    return numbers.sorted().map(String.init)
  }
}
