// Which OpenBLAS is installed, for those who tell where results come from.

import COpenBLAS

/// The library of matrix products.
public enum OpenBLAS {
  /// `0.3.29 for SkylakeX`: its version and the processor that it takes this one for; nil where it is not installed. The
  /// first call opens the library.
  public static var version: String? {
    guard let config = openblas_config_if_there() else { return nil }
    let words = String(cString: config).split(separator: " ")
    guard words.count > 1, words[0] == "OpenBLAS" else { return words.joined(separator: " ") }
    let processor = words.firstIndex { $0.hasPrefix("MAX_THREADS") }.map { " for \(words[$0 - 1])" }
    return words[1] + (processor ?? "")
  }
}
