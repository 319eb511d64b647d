// Packs the page's data, and names the style and the scripts that a browser may take.

import CZlib
import FoundationEssentials
import PipelineCore

enum Packing {
  /// JSON in the format of zlib, as Base64: the same value gives the same text.
  static func packed(_ value: some PageValue) -> String {
    var json = JSONText()
    value.write(to: &json)
    return Data(compressed(json.bytes)).base64EncodedString()
  }

  /// Bytes in the format of zlib.
  static func compressed(_ bytes: [UInt8]) -> [UInt8] {
    var count = compressBound(uLong(bytes.count))
    var result = [UInt8](repeating: 0, count: Int(count))
    let status = compress2(&result, &count, bytes, uLong(bytes.count), 6)
    precondition(status == Z_OK, "memory is all that zlib can lack here")
    return Array(result.prefix(Int(count)))
  }

  /// The name of a text in a content security policy: `'sha256-…'`.
  static func policyName(_ text: String) -> String {
    var digest: [UInt8] = []
    Digest(of: text.utf8).append(to: &digest)
    return "'sha256-\(Data(digest).base64EncodedString())'"
  }
}
