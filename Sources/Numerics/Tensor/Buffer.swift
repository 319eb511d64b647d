// Owning, 64-byte aligned storage for the kernels.

/// A block of `Element`s that is aligned for vector loads, zero at first, and freed with its owner.
public struct Buffer<Element: BitwiseCopyable>: ~Copyable, @unchecked Sendable {
  /// The first element; valid while the buffer lives.
  public let pointer: UnsafeMutablePointer<Element>
  /// Number of elements.
  public let count: Int

  /// `count` elements of zero bits.
  public init(count: Int) {
    precondition(count >= 0)
    self.count = count
    let bytes = max(count * MemoryLayout<Element>.stride, 64)
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    pointer = raw.bindMemory(to: Element.self, capacity: count)
  }

  deinit { UnsafeMutableRawPointer(pointer).deallocate() }

  /// All elements.
  public var elements: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }

  /// Sets all bits to zero.
  public func clear() {
    UnsafeMutableRawPointer(pointer).initializeMemory(
      as: UInt8.self, repeating: 0, count: count * MemoryLayout<Element>.stride)
  }
}
