// What can go wrong with a vision transformer: its weights file, its input, its output.

/// An error in loading or running a vision transformer.
public enum VisionTransformerError: Error, Equatable, Sendable {
  /// The file can't be read.
  case unreadable(file: String, reason: String)
  /// The file is cut short or is not in its format.
  case malformed(file: String, reason: String)
  /// A tensor of the backbone is not in the file.
  case missingTensor(file: String, name: String)
  /// The file has a tensor in the backbone that this architecture has no place for.
  case extraTensor(file: String, name: String)
  /// A tensor has not the shape that the others imply.
  case wrongShape(file: String, name: String, found: [Int], expected: String)
  /// A tensor holds a NaN or an infinity.
  case notFinite(file: String, name: String)
  /// The side of the input image is not a positive multiple of the patch's.
  case pixelsNotAMultiple(pixels: Int, patch: Int)
  /// The features of an image came out as NaN or infinite.
  case featuresNotFinite(image: Int)
}

extension VisionTransformerError: CustomStringConvertible {
  /// What is wrong and what was expected.
  public var description: String {
    switch self {
    case .unreadable(let file, let reason):
      "\(file): can't be read: \(reason)"
    case .malformed(let file, let reason):
      "\(file): not a whole weights file: \(reason)"
    case .missingTensor(let file, let name):
      "\(file): the tensor '\(name)' is missing"
    case .extraTensor(let file, let name):
      "\(file): the tensor '\(name)' has no place in a vision transformer of this layout"
    case .wrongShape(let file, let name, let found, let expected):
      "\(file): the tensor '\(name)' has shape \(found), expected \(expected)"
    case .notFinite(let file, let name):
      "\(file): the tensor '\(name)' holds values that are not finite"
    case .pixelsNotAMultiple(let pixels, let patch):
      "\(pixels) pixels are not a positive multiple of the patch's \(patch)"
    case .featuresNotFinite(let image):
      "the features of image \(image) are not finite"
    }
  }
}
