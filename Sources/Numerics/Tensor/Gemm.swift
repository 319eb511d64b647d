// Matrix products over OpenBLAS, called single-threaded: parallelism is above them, over blocks of rows.

import COpenBLAS

/// Matrix products of row-major matrices.
public enum Gemm {
  /// OpenBLAS's own threads are off: they would fight with the pool's and depend on their number.
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// C ← alpha·op(A)·op(B) + beta·C in float32, on the calling thread.
  ///
  /// op(A) is m×k and op(B) k×n, each transposed from its storage where asked; `lda`, `ldb` and `ldc` are the
  /// floats between the starts of stored rows.
  public static func multiply(
    m: Int, n: Int, k: Int, alpha: Float = 1,
    a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false,
    b: UnsafePointer<Float>, ldb: Int, transposeB: Bool = false,
    beta: Float = 0, c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(lda), b, blasint(ldb), beta, c, blasint(ldc))
  }

  /// C ← alpha·op(A)·op(B) + beta·C in float64, on the calling thread; see the float32 form.
  public static func multiply(
    m: Int, n: Int, k: Int, alpha: Double = 1,
    a: UnsafePointer<Double>, lda: Int, transposeA: Bool = false,
    b: UnsafePointer<Double>, ldb: Int, transposeB: Bool = false,
    beta: Double = 0, c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    _ = singleThreaded
    cblas_dgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(lda), b, blasint(ldb), beta, c, blasint(ldc))
  }
}
