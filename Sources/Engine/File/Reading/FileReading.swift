// Reads a file's text within bounds, and nothing that is no file.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads pipeline files.
enum FileReading {
  /// Why a file can't be read.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// The text of a regular file of UTF-8. A pipe, a device or an endless file is refused, not waited for.
  static func text(of path: String) throws -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Failure(description: reason()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Failure(description: reason()) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw Failure(description: "it is no regular file") }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw Failure(description: reason()) }
      if count == 0 { break }
      bytes += chunk[..<count]
      guard bytes.count <= YAMLBounds.bytes else {
        throw Failure(description: "it is longer than \(YAMLBounds.bytes >> 20) MB")
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(description: "it is no UTF-8 text (\(invalidPlace(bytes)))")
    }
    return text
  }

  /// The absolute path that a relative one starts from.
  static func workingDirectory() -> String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&buffer, buffer.count) != nil else { return "/" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The line of the first byte that is not UTF-8.
  private static func invalidPlace(_ bytes: [UInt8]) -> String {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var line = 1
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      if scalar == "\n" { line += 1 }
    }
    return "line \(line)"
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
