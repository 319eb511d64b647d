// Which HDF5 library is installed, for those who tell where results come from.

import CHDF5

/// The library that reads and writes HDF5 files.
public enum HDF5Library {
  /// `1.14.5`; nil where it is not installed. The first call opens the library.
  public static var version: String? {
    guard (try? requireLibrary(Site(file: ""))) != nil else { return nil }
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    return H5get_libversion(&major, &minor, &release) >= 0 ? "\(major).\(minor).\(release)" : nil
  }
}
