// The wall around layouts: no file outside of Artifacts spells the path of a dataset.

import Foundation
import Testing

@Suite struct LayoutWallTests {
  /// The folders of those who make and read artifacts.
  private static let folders = [
    "Sources/Study/Stages", "Sources/Study/ResultTables", "Sources/Report", "Sources/pipeline",
  ]

  /// The literals that begin as a path and don't continue another one.
  private func spelledPaths(_ text: String) -> [String] {
    text.matches(of: #/(.{0,2})"(\/(?:[a-z_]+|\\\()[^"]*)"/#).filter { !$0.1.hasSuffix("+ ") }
      .map { String($0.2) }
      .filter { $0 != "/dev" && !$0.hasPrefix("/dev/") && !$0.hasPrefix("/proc/") && !$0.hasPrefix("/usr/") }
      .filter { !$0.hasPrefix("/bin/") }
  }

  @Test func noOneElseSpellsAPath() throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var files = 0
    for folder in Self.folders {
      let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path + "/" + folder)
      for path in paths where path.hasSuffix(".swift") {
        files += 1
        let text = try String(contentsOfFile: "\(root.path)/\(folder)/\(path)", encoding: .utf8)
        let found = spelledPaths(text)
        #expect(found.isEmpty, "\(folder)/\(path) spells \(found): ask a field of Artifacts instead")
        #expect(
          !text.contains("import HDF5"), "\(folder)/\(path) uses HDF5: take Artifacts instead")
      }
    }
    #expect(files > 40)
  }

  /// The test above would see the ways in which a path was ever spelled.
  @Test(arguments: [
    #"try file.read("/indices", shape: [nil])"#, #"write("/\(name)/mean", scalar: 1)"#,
    #"let paths = ["/pearson/value"]"#, #"case "/metrics/group/loss": break"#,
  ]) func aSpelledPathIsSeen(line: String) { #expect(!spelledPaths(line).isEmpty) }

  @Test(arguments: [
    #"folder + "/pixels""#, #"split(separator: "/")"#, #"open("/dev/null", O_RDONLY)"#,
    #"path.hasPrefix("/")"#,
    #""\(folder)/picture.png""#,
  ]) func otherPathsPass(line: String) { #expect(spelledPaths(line).isEmpty) }
}
