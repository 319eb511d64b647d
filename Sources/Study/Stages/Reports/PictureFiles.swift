// The files within an artifact of the stage `picture`, for those who put them in a folder.

import Artifacts
import PipelineCore
import Plot

/// The pictures of one artifact.
public enum PictureFiles {
  /// The stage type whose artifacts hold pictures.
  public static let stage = PictureStage.declaration.name

  /// Reads the pictures: file name endings ("png", "svg") with their bytes.
  ///
  /// - Throws: `HDF5Error` for a file that can't be read.
  public static func read(_ path: String) throws -> [(ending: String, bytes: [UInt8])] {
    try ArtifactReader<PictureArtifact>(at: path).read(\.files).map { file in
      (file.path.split(separator: ".").last.map(String.init) ?? "", file.bytes)
    }
  }

  /// Draws a picture's node as PDF.
  ///
  /// - Parameter task: The node with its inputs; its `scratch` is a folder to draw in.
  /// - Throws: `StageFailure`, of kind `unavailable` where there is no gnuplot; `HDF5Error` for an input that can't be read.
  public static func pdf(_ task: StageTask, _ style: PaperStyle) throws -> [UInt8] {
    try Gnuplot.pdf(PictureStage.drawing(task), style, in: task.scratch)
  }
}
