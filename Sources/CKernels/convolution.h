// Direct convolution: a register tile of output channels × pixels, one vector of images each.

// Accumulates one tile of `channels` × (tall × wide) outputs.
INLINE void forwardSum(const ConvForward *a, const int K, const int channels, const int tall, const int wide,
                       int o, int oy, int ox, int lane, V *acc) {
  const int inputs = a->inChannels, stride = a->stride;
  const ptrdiff_t perOutput = (ptrdiff_t)inputs * K * K;
  UNROLL for (int c = 0; c < channels; c++) {
    V b = a->bias ? (V)a->bias[o + c] : zero();
    UNROLL for (int p = 0; p < tall * wide; p++) acc[c * tall * wide + p] = b;
  }
  for (int source = 0; source < a->sources; source++) {
    const float *w = (source ? a->w1 : a->w0) + o * perOutput;
    const float *x = (source ? a->x1 : a->x0) + (ptrdiff_t)oy * stride * a->xRow +
                     (ptrdiff_t)ox * stride * KERNEL_LANES + lane;
    for (int i = 0; i < inputs; i++) {
      const float *row = x + i * a->xChannel;
      for (int ky = 0; ky < K; ky++, row += a->xRow, w += K) {
        UNROLL for (int kx = 0; kx < K; kx++) {
          V in[4];
          UNROLL for (int y = 0; y < tall; y++) {
            UNROLL for (int p = 0; p < wide; p++) {
              in[y * wide + p] = load(row + y * stride * a->xRow + (p * stride + kx) * KERNEL_LANES);
            }
          }
          UNROLL for (int c = 0; c < channels; c++) {
            V weight = (V)w[c * perOutput + kx];
            UNROLL for (int p = 0; p < tall * wide; p++) acc[c * tall * wide + p] += weight * in[p];
          }
        }
      }
    }
  }
}

// A 2×2 window of `channels` outputs, pooled.
INLINE void forwardPooled(const ConvForward *a, const int K, const int channels, int o, int py, int px,
                          int lane) {
  V acc[8 * 4];
  forwardSum(a, K, channels, 2, 2, o, 2 * py, 2 * px, lane, acc);
  const ptrdiff_t height = a->outHeight / 2, width = a->outWidth / 2;
  UNROLL for (int c = 0; c < channels; c++) {
    float *y = a->y + (o + c) * a->yChannel + py * a->yRow + px * KERNEL_LANES + lane;
    B *code = (B *)(a->code + (((o + c) * height + py) * width + px) * KERNEL_LANES + lane);
    V *v = acc + c * 4;
    if (a->epilogue == KERNEL_POOL_RELU) {
      V best = v[0];
      I branch = (I)0;
      UNROLL for (int p = 1; p < 4; p++) {
        I better = v[p] > best;
        best = better ? v[p] : best;
        branch = better ? (I)p : branch;
      }
      // Written so that NaN passes on.
      I dead = best <= zero();
      store(y, dead ? zero() : best);
      *code = __builtin_convertvector(dead ? (I)KERNEL_DEAD : branch, B);
    } else {
      I branch = __builtin_convertvector(*code, I);
      V chosen = zero();
      UNROLL for (int p = 0; p < 4; p++) chosen = branch == (I)p ? v[p] : chosen;
      store(y, chosen);
    }
  }
}

INLINE void forwardRow(const ConvForward *a, const int K, const int channels, const int wide, int o, int oy,
                       int ox, int lane) {
  V acc[8 * 4];
  forwardSum(a, K, channels, 1, wide, o, oy, ox, lane, acc);
  UNROLL for (int c = 0; c < channels; c++) {
    const ptrdiff_t at = (o + c) * a->yChannel + oy * a->yRow + ox * KERNEL_LANES + lane;
    UNROLL for (int p = 0; p < wide; p++) {
      V v = acc[c * wide + p];
      if (a->epilogue == KERNEL_RELU) v = v <= zero() ? zero() : v;
      if (a->epilogue == KERNEL_MASK) v = load(a->mask + at + p * KERNEL_LANES) > zero() ? v : zero();
      store(a->y + at + p * KERNEL_LANES, v);
    }
  }
}

INLINE void forwardChannels(const ConvForward *a, const int K, const int channels, int o, int lane) {
  if (a->epilogue >= KERNEL_POOL_RELU) {
    for (int py = 0; py < a->outHeight / 2; py++)
      for (int px = 0; px < a->outWidth / 2; px++) forwardPooled(a, K, channels, o, py, px, lane);
    return;
  }
  for (int oy = 0; oy < a->outHeight; oy++) {
    int ox = 0;
    for (; ox + 4 <= a->outWidth; ox += 4) forwardRow(a, K, channels, 4, o, oy, ox, lane);
    for (; ox < a->outWidth; ox++) forwardRow(a, K, channels, 1, o, oy, ox, lane);
  }
}

INLINE void forwardKernel(const ConvForward *a, const int K) {
  FOR_LANES(lane) {
    int o = 0, left = a->outChannels;
    while (left > 0) {
#if FEW_REGISTERS
      if (left >= 2) { forwardChannels(a, K, 2, o, lane); o += 2; left -= 2; continue; }
#else
      if (left >= 6 && left != 8) { forwardChannels(a, K, 6, o, lane); o += 6; left -= 6; continue; }
      if (left >= 4) { forwardChannels(a, K, 4, o, lane); o += 4; left -= 4; continue; }
      if (left >= 2) { forwardChannels(a, K, 2, o, lane); o += 2; left -= 2; continue; }
#endif
      forwardChannels(a, K, 1, o, lane);
      o += 1;
      left -= 1;
    }
  }
}

static void convForward(const ConvForward *a) {
  switch (a->kernel) {
    case 1: forwardKernel(a, 1); break;
    case 3: forwardKernel(a, 3); break;
    case 5: forwardKernel(a, 5); break;
    default: forwardKernel(a, 7);
  }
}

INLINE int least(int a, int b) { return a < b ? a : b; }
INLINE int most(int a, int b) { return a > b ? a : b; }

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
      store(a->dx + (c + i) * a->dxChannel + y * a->dxRow + column, v);
    }
  }
}

INLINE void backwardChannels(const ConvBackward *a, const int K, const int channels, int c, int lane) {
  for (int y = 0; y < a->inHeight; y++) {
    for (int first = 0; first < least(a->stride, a->inWidth); first++) {
      int x = first;
      for (; x + 3 * a->stride < a->inWidth; x += 4 * a->stride)
        backwardTile(a, K, channels, 4, c, y, x, lane);
      for (; x + a->stride < a->inWidth; x += 2 * a->stride) backwardTile(a, K, channels, 2, c, y, x, lane);
      for (; x < a->inWidth; x += a->stride) backwardTile(a, K, channels, 1, c, y, x, lane);
    }
  }
}

INLINE void backwardKernel(const ConvBackward *a, const int K) {
  FOR_LANES(lane) {
    int c = 0, left = a->inChannels;
    while (left > 0) {
#if FEW_REGISTERS
      if (left >= 2) { backwardChannels(a, K, 2, c, lane); c += 2; left -= 2; continue; }
#else
      if (left >= 6 && left != 8) { backwardChannels(a, K, 6, c, lane); c += 6; left -= 6; continue; }
      if (left >= 4) { backwardChannels(a, K, 4, c, lane); c += 4; left -= 4; continue; }
      if (left >= 2) { backwardChannels(a, K, 2, c, lane); c += 2; left -= 2; continue; }
#endif
      backwardChannels(a, K, 1, c, lane);
      c += 1;
      left -= 1;
    }
  }
}

static void convBackward(const ConvBackward *a) {
  switch (a->kernel) {
    case 1: backwardKernel(a, 1); break;
    case 3: backwardKernel(a, 3); break;
    case 5: backwardKernel(a, 5); break;
    default: backwardKernel(a, 7);
  }
}

// One kernel row of `channels` outputs: `channels` × `wide` sums stay in registers over all pixels.
INLINE void weightsTile(const ConvWeights *a, const int channels, const int wide, int o, int c, int ky, int kx,
                        int lane) {
  const int K = a->kernel;
  const ptrdiff_t perOutput = (ptrdiff_t)a->inChannels * K * K * KERNEL_LANES;
  float *sums = a->sums + o * perOutput + (((ptrdiff_t)c * K + ky) * K + kx) * KERNEL_LANES + lane;
  V acc[8 * 5];
  UNROLL for (int i = 0; i < channels; i++) {
    UNROLL for (int p = 0; p < wide; p++) acc[i * wide + p] = load(sums + i * perOutput + p * KERNEL_LANES);
  }
  const ptrdiff_t step = (ptrdiff_t)a->stride * KERNEL_LANES;
  for (int y = 0; y < a->rows; y++) {
    const float *dy = a->dy + o * a->dyChannel + y * a->dyRow + lane;
    const float *x = a->x + c * a->xChannel + ((ptrdiff_t)y * a->stride + ky) * a->xRow +
                     (ptrdiff_t)kx * KERNEL_LANES + lane;
    for (int p = 0; p < a->outWidth; p++, dy += KERNEL_LANES, x += step) {
      V d[8];
      UNROLL for (int i = 0; i < channels; i++) d[i] = load(dy + i * a->dyChannel);
      UNROLL for (int q = 0; q < wide; q++) {
        V in = load(x + q * KERNEL_LANES);
        UNROLL for (int i = 0; i < channels; i++) acc[i * wide + q] += d[i] * in;
      }
    }
  }
  UNROLL for (int i = 0; i < channels; i++) {
    UNROLL for (int p = 0; p < wide; p++) store(sums + i * perOutput + p * KERNEL_LANES, acc[i * wide + p]);
  }
}

INLINE void weightsChannels(const ConvWeights *a, const int channels, int o, int lane) {
  for (int c = 0; c < a->inChannels; c++) {
    for (int ky = 0; ky < a->kernel; ky++) {
      int kx = 0;
#if !FEW_REGISTERS
      for (; kx + 5 <= a->kernel; kx += 5) weightsTile(a, channels, 5, o, c, ky, kx, lane);
#endif
      for (; kx + 3 <= a->kernel; kx += 3) weightsTile(a, channels, 3, o, c, ky, kx, lane);
      for (; kx < a->kernel; kx++) weightsTile(a, channels, 1, o, c, ky, kx, lane);
    }
  }
}

static void convWeights(const ConvWeights *a) {
  FOR_LANES(lane) {
    int o = 0, left = a->outChannels;
    while (left > 0) {
#if !FEW_REGISTERS
      if (left >= 4 && left != 6) { weightsChannels(a, 4, o, lane); o += 4; left -= 4; continue; }
#endif
      if (left >= 3) { weightsChannels(a, 3, o, lane); o += 3; left -= 3; continue; }
      weightsChannels(a, 1, o, lane);
      o += 1;
      left -= 1;
    }
  }
}
