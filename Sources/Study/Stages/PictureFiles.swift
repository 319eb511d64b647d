// The files within an artifact of the stage `picture`, for those who put them in a folder.

import HDF5

/// The pictures of one artifact.
public enum PictureFiles {
  /// The stage type whose artifacts hold pictures.
  public static let stage = PictureStage.declaration.name

  /// Reads the pictures: file name endings ("png", "svg") with their bytes.
  ///
  /// - Throws: `HDF5Error` for a file that can't be read.
  public static func read(_ path: String) throws -> [(ending: String, bytes: [UInt8])] {
    let file = try FileReader(at: path)
    return try file.datasets().filter { $0.path.hasPrefix("/files/") }.map { dataset in
      let ending = dataset.path.split(separator: ".").last.map(String.init) ?? ""
      return (ending, try file.read(dataset.path))
    }
  }
}
