// What differs between two artifacts of one node, in the words of whoever made it.

import HDF5

/// Compares two artifacts of one node.
public enum ArtifactDifference {
  /// One sentence for each dataset and attribute that differs; files of commands and pictures under their own names.
  ///
  /// - Throws: `HDF5Error` for a file that can't be read.
  public static func sentences(from old: String, to new: String) throws -> [String] {
    try FileDifference.sentences(from: old, to: new, ignoring: ArtifactIdentity.names)
      .map(CommandFileFields.naming)
  }
}
