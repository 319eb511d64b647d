// The tensors of a net in an HDF5 file that others have written in our layout.

import HDF5

/// An HDF5 file with a dataset `/parameters/NAME` for each tensor, as in a PyTorch `state_dict`.
package enum ForeignNet {
  private static let folder = "/parameters/"

  /// The tensors by name, float64 rounded to float32.
  ///
  /// - Throws: `HDF5Error` for a file that can't be read, or whose parameters are no numbers of a net.
  package static func tensors(at path: String) throws -> [String: Block<Float>] {
    let file = try FileReader(at: path)
    var tensors: [String: Block<Float>] = [:]
    for info in try file.datasets() where info.path.hasPrefix(folder) {
      let values: [Float] =
        switch info.type {
        case .float32: try file.read(info.path)
        case .float64: try file.read(info.path, as: Double.self).map { Float($0) }
        case .int64: try file.read(info.path, as: Int64.self).map { Float($0) }
        default:
          throw HDF5Error.typeMismatch(
            file: path, object: info.path, found: info.type.description, expected: "f32 or f64")
        }
      tensors[String(info.path.dropFirst(folder.count))] = Block(values, shape: info.shape)
    }
    return tensors
  }
}
