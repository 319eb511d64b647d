// Direct convolution back to its input: a register tile of input channels × pixels of one row.

// A tile's sums go to dx.
INLINE void backwardEnd(const ConvBackward *a, const int stride, const int channels, const int wide, int c, int y, int x,
                        int lane, const V *acc) {
  UNROLL for (int i = 0; i < channels; i++) {
    UNROLL for (int p = 0; p < wide; p++) {
      const ptrdiff_t column = (x + p * stride) * KERNEL_LANES + lane;
      V v = acc[i * wide + p];
      if (a->epilogue == KERNEL_MASK)
        v = load(a->mask + (c + i) * a->maskChannel + y * a->maskRow + column) > zero() ? v : zero();
      float *dx = a->dx + (c + i) * a->dxChannel + y * a->dxRow + column;
      store(dx, a->epilogue == KERNEL_ADD ? load(dx) + v : v);
    }
  }
}

// `channels` × `wide` input pixels of one row; the pixels are `stride` apart, so that dy's are adjacent.
INLINE void backwardTile(const ConvBackward *a, const int K, const int stride, const int channels, const int wide,
                         int c, int y, int x, int lane) {
  const int inputs = a->inChannels;
  V acc[8 * 4];
  UNROLL for (int i = 0; i < channels * wide; i++) acc[i] = zero();
  for (int source = 0; source < a->sources; source++) {
    const float *dy = (source ? a->dy1 : a->dy0) + lane;
    const float *w = (source ? a->w1 : a->w0) + (ptrdiff_t)c * K * K;
    for (int ky = (y + a->padding) % stride; ky < K; ky += stride) {
      const int top = y + a->padding - ky;
      if (top < 0 || top / stride >= a->outHeight) continue;
      for (int kx = (x + a->padding) % stride; kx < K; kx += stride) {
        // Exact division: kx has the remainder of x + padding.
        const int left = (x + a->padding - kx) / stride;
        if (left + wide <= 0 || left >= a->outWidth) continue;
        const float *d = dy + top / stride * a->dyRow + left * KERNEL_LANES;
        const float *weight = w + ky * K + kx;
        for (int o = 0; o < a->outChannels; o++, d += a->dyChannel, weight += (ptrdiff_t)inputs * K * K) {
          V one[8];
          UNROLL for (int i = 0; i < channels; i++) one[i] = (V)weight[i * K * K];
          UNROLL for (int p = 0; p < wide; p++) {
            V in = load(d + p * KERNEL_LANES);
            UNROLL for (int i = 0; i < channels; i++) acc[i * wide + p] += one[i] * in;
          }
        }
      }
    }
  }
  backwardEnd(a, stride, channels, wide, c, y, x, lane, acc);
}

INLINE void backwardRow(const ConvBackward *a, const int K, const int stride, const int channels, int c, int y) {
#define TILE(wide) \
  FOR_LANES(lane) backwardTile(a, K, stride, channels, wide, c, y, first + at * stride, lane)
  for (int first = 0; first < stride && first < a->inWidth; first++) {
    IN_TILES((a->inWidth - first + stride - 1) / stride, ROW_PIXELS, TILE)
  }
#undef TILE
}

// All channels go through some rows before the next ones, so that what they read of dy stays near. The stride is a
// constant where it can be: divisions by another take longer than a small tile.
INLINE void backwardKernel(const ConvBackward *a, const int K, const int stride) {
  const int rows = a->inWidth < NEAR_PIXELS ? NEAR_PIXELS / a->inWidth : 1;
  for (int top = 0; top < a->inHeight; top += rows) {
    const int end = top + rows < a->inHeight ? top + rows : a->inHeight;
#define ROWS(channels) \
  for (int y = top; y < end; y++) backwardRow(a, K, stride, channels, at, y)
    IN_TILES(a->inChannels, INPUT_CHANNELS, ROWS)
#undef ROWS
  }
}

INLINE void backwardStride(const ConvBackward *a, const int K) {
  switch (a->stride) {
    case 1: backwardKernel(a, K, 1); break;
    case 2: backwardKernel(a, K, 2); break;
    default: backwardKernel(a, K, a->stride);
  }
}
