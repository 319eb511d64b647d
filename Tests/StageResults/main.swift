// Prints a line `STAGE VERSION DIGEST` for each stage type: the digest of all that its small runs make. The digests are
// the same on every x86-64 processor if the environment holds OpenBLAS, the C library and the kernels to their baseline,
// as `ResultTests` does; they may differ between versions of OpenBLAS and of the C library, so these stand in the first line.

import COpenBLAS
import Foundation
import Glibc
import HDF5
import PipelineCore
import StageRuns
import Stages

var library = [CChar](repeating: 0, count: 64)
confstr(Int32(_CS_GNU_LIBC_VERSION), &library, library.count)
let blas = String(cString: openblas_get_config()).split(separator: " ").prefix(2).joined(separator: " ")
print(
  "# \(blas), \(String(decoding: library.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self))")

do {
  let shop = try Workshop()
  // The files are gone with their workshop.
  defer { withExtendedLifetime(shop) {} }
  let each = try EachStage(shop)
  let runs = each.made
  for (name, artifacts) in runs.sorted(by: { $0.key < $1.key }) {
    guard let stage = allStages.declaration(name) else { continue }
    if name == "picture" {
      // The pixels depend on fonts; what gnuplot draws as text depends on its version only.
      let file = try FileReader(at: artifacts[0].path)
      let drawn = try PictureFiles.read(artifacts[0].path).filter { $0.ending == "svg" }.flatMap(\.bytes)
      print(name, "\(stage.version)/gnuplot-\(try file.string("gnuplot"))", Digest(of: drawn).hex)
    } else {
      print(name, stage.version, Digest(of: artifacts.map(\.content.hex).joined(separator: "\n").utf8).hex)
    }
  }
  for (name, artifacts) in each.inColour.sorted(by: { $0.key < $1.key }) {
    guard let stage = allStages.declaration(name) else { continue }
    let contents = artifacts.map(\.content.hex).joined(separator: "\n")
    print(name, "\(stage.version)/colour", Digest(of: contents.utf8).hex)
  }
} catch {
  FileHandle.standardError.write(Data("\(error)\n".utf8))
  exit(1)
}
