// Which library reads and writes artifacts here, for those who tell where results come from.

import HDF5

/// The library behind all artifacts.
package enum FileLibrary {
  /// HDF5's version, as in `1.10.8`; nil where the library is missing.
  package static var version: String? { HDF5Library.version }
}
