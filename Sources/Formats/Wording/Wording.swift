// Numbers and the system's errors as text, without the megabytes of locales that Foundation's own formatting brings.

import FoundationEssentials
import Glibc

/// A number in the form of C's `printf`, such as `%.4f`, in no language.
public func printed(_ value: Double, _ form: String) -> String {
  var bytes = [CChar](repeating: 0, count: 64)
  while true {
    let count = Int(withVaList([value]) { vsnprintf(&bytes, bytes.count, form, $0) })
    precondition(count >= 0, "'\(form)' is a form of one number")
    if count < bytes.count {
      return String(decoding: bytes[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
    bytes = [CChar](repeating: 0, count: count + 1)
  }
}

/// `1 node`, `0 nodes`: how many there are of something whose name takes an s, or has a plural of its own.
public func counted(_ count: Int, _ one: String, _ many: String? = nil) -> String {
  "\(count) " + (count == 1 ? one : many ?? one + "s")
}

/// A text with another one in place of each occurrence of some bytes, whatever combining characters follow them: what is
/// quoted for other programs must not depend on what Swift calls one character.
public func replaced(_ text: String, _ part: String, with other: String) -> String {
  let part = Array(part.utf8)
  let bytes = Array(text.utf8)
  var result: [UInt8] = []
  var index = 0
  while index < bytes.count {
    if bytes[index...].starts(with: part) {
      result.append(contentsOf: other.utf8)
      index += part.count
    } else {
      result.append(bytes[index])
      index += 1
    }
  }
  return String(decoding: result, as: UTF8.self)
}

/// A text without the spaces and tabs at its ends.
public func trimmed(_ text: some StringProtocol) -> String {
  func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "\t" || scalar.properties.generalCategory == .spaceSeparator
  }
  let scalars = text.unicodeScalars
  guard let first = scalars.firstIndex(where: { !isBlank($0) }),
    let last = scalars.lastIndex(where: { !isBlank($0) })
  else { return "" }
  return String(String.UnicodeScalarView(scalars[first...last]))
}

/// Why an operation on a file failed, in the system's own words where it was the system that refused it.
public func reason(of error: any Error) -> String {
  let code =
    (error as? CocoaError)?.underlying.flatMap { $0 as? POSIXError }?.code ?? (error as? POSIXError)?.code
  return code.map { String(cString: strerror($0.rawValue)) } ?? "\(error)"
}
