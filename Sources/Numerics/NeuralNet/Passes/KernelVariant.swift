// Which compiled variant of the kernels is used.

import CKernels
import Glibc

/// A compiled variant of the kernels; results differ between variants in the last bits.
public struct KernelVariant: @unchecked Sendable {
  package let kernels: UnsafePointer<Kernels>

  /// The variant's name: `baseline`, `avx2` or `avx512`.
  public var name: String { String(cString: kernels.pointee.name) }

  /// The variant of that name, nil if this processor can't run it or there is none.
  public init?(named name: String) {
    guard let kernels = kernelsNamed(name) else { return nil }
    self.kernels = kernels
  }

  private init(kernels: UnsafePointer<Kernels>) { self.kernels = kernels }

  /// The variant named in the environment by `PIPELINE_KERNELS` if this processor can run it, else the fastest
  /// that it can run.
  public static let current: KernelVariant = {
    if let name = getenv("PIPELINE_KERNELS"), let variant = KernelVariant(named: String(cString: name)) {
      return variant
    }
    return KernelVariant(kernels: kernelsBest())
  }()
}
