// Direct convolution back to its input: a register tile of input channels × pixels of one row.

// `channels` × `wide` input pixels of one row; the pixels are `stride` apart, so that dy's are adjacent.
INLINE void backwardTile(const ConvBackward *a, const int K, const int channels, const int wide, int c, int y,
                         int x, int lane) {
  const int stride = a->stride, inputs = a->inChannels;
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
          V in[4];
          UNROLL for (int p = 0; p < wide; p++) in[p] = load(d + p * KERNEL_LANES);
          UNROLL for (int i = 0; i < channels; i++) {
            V one = (V)weight[i * K * K];
            UNROLL for (int p = 0; p < wide; p++) acc[i * wide + p] += one * in[p];
          }
        }
      }
    }
  }
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

INLINE void backwardChannels(const ConvBackward *a, const int K, const int channels, int c, int lane) {
  const int stride = a->stride;
#define TILE(wide) backwardTile(a, K, channels, wide, c, y, first + at * stride, lane)
  for (int y = 0; y < a->inHeight; y++)
    for (int first = 0; first < stride && first < a->inWidth; first++) {
      IN_TILES((a->inWidth - first + stride - 1) / stride, ROW_PIXELS, TILE)
    }
#undef TILE
}

INLINE void backwardKernel(const ConvBackward *a, const int K) {
#define CHANNELS(size) backwardChannels(a, K, size, at, lane)
  FOR_LANES(lane) { IN_TILES(a->inChannels, INPUT_CHANNELS, CHANNELS) }
#undef CHANNELS
}

static void convBackward(const ConvBackward *a) {
  switch (a->kernel) {
    case 1: backwardKernel(a, 1); break;
    case 3: backwardKernel(a, 3); break;
    case 5: backwardKernel(a, 5); break;
    default: backwardKernel(a, 7);
  }
}
