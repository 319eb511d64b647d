// Direct convolution: a register tile of output channels × pixels, one vector of images each.

// Accumulates one tile of `channels` × `pixels` outputs; `at` has where each pixel's window of x begins.
INLINE void forwardSum(const ConvForward *a, const int K, const int channels, const int pixels, int o,
                       const ptrdiff_t *at, int lane, V *acc) {
  const int inputs = a->inChannels;
  const ptrdiff_t perOutput = (ptrdiff_t)inputs * K * K;
  UNROLL for (int c = 0; c < channels; c++) {
    V b = a->bias ? (V)a->bias[o + c] : zero();
    UNROLL for (int p = 0; p < pixels; p++) acc[c * pixels + p] = b;
  }
  for (int source = 0; source < a->sources; source++) {
    const float *w = (source ? a->w1 : a->w0) + o * perOutput;
    const float *x = (source ? a->x1 : a->x0) + lane;
    for (int i = 0; i < inputs; i++) {
      const float *row = x + i * a->xChannel;
      for (int ky = 0; ky < K; ky++, row += a->xRow, w += K) {
        UNROLL for (int kx = 0; kx < K; kx++) {
          V in[4];
          UNROLL for (int p = 0; p < pixels; p++) in[p] = load(row + at[p] + kx * KERNEL_LANES);
          UNROLL for (int c = 0; c < channels; c++) {
            V weight = (V)w[c * perOutput + kx];
            UNROLL for (int p = 0; p < pixels; p++) acc[c * pixels + p] += weight * in[p];
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
  const ptrdiff_t across = (ptrdiff_t)a->stride * KERNEL_LANES, down = a->stride * a->xRow;
  const ptrdiff_t corner = 2 * py * down + 2 * px * across;
  const ptrdiff_t at[4] = {corner, corner + across, corner + down, corner + down + across};
  forwardSum(a, K, channels, 4, o, at, lane, acc);
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

// `pixels` outputs that follow one another, from one row into the next.
INLINE void forwardRun(const ConvForward *a, const int K, const int channels, const int pixels, int o,
                       int first, int lane) {
  V acc[8 * 4];
  ptrdiff_t from[4], to[4];
  UNROLL for (int p = 0; p < pixels; p++) {
    const ptrdiff_t oy = (first + p) / a->outWidth, ox = (first + p) % a->outWidth;
    from[p] = oy * a->stride * a->xRow + ox * a->stride * KERNEL_LANES;
    to[p] = oy * a->yRow + ox * KERNEL_LANES + lane;
  }
  forwardSum(a, K, channels, pixels, o, from, lane, acc);
  UNROLL for (int c = 0; c < channels; c++) {
    UNROLL for (int p = 0; p < pixels; p++) {
      const ptrdiff_t at = (o + c) * a->yChannel + to[p];
      V v = acc[c * pixels + p];
      if (a->epilogue == KERNEL_RELU) v = v <= zero() ? zero() : v;
      if (a->epilogue == KERNEL_MASK) v = load(a->mask + at) > zero() ? v : zero();
      store(a->y + at, v);
    }
  }
}

INLINE void forwardChannels(const ConvForward *a, const int K, const int channels, int o, int lane) {
  if (a->epilogue >= KERNEL_POOL_RELU) {
    for (int py = 0; py < a->outHeight / 2; py++)
      for (int px = 0; px < a->outWidth / 2; px++) forwardPooled(a, K, channels, o, py, px, lane);
    return;
  }
  const int pixels = a->outHeight * a->outWidth;
  int first = 0;
  for (; first + 4 <= pixels; first += 4) forwardRun(a, K, channels, 4, o, first, lane);
  for (; first < pixels; first++) forwardRun(a, K, channels, 1, o, first, lane);
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
      float *dx = a->dx + (c + i) * a->dxChannel + y * a->dxRow + column;
      store(dx, a->epilogue == KERNEL_ADD ? load(dx) + v : v);
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

// Gradients of `rows` outputs × `wide` vectors of input channels at one tap, over all pixels and images.
INLINE void channelTile(const ConvChannelWeights *a, const int rows, const int wide, int o, int tap, int c) {
  const int taps = a->kernel * a->kernel;
  float *sums = a->sums + ((ptrdiff_t)o * taps + tap) * a->inChannels + c;
  const ptrdiff_t perOutput = (ptrdiff_t)taps * a->inChannels;
  V acc[8 * 4];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < wide; p++) acc[r * wide + p] = load(sums + r * perOutput + p * NATIVE_LANES);
  }
  for (int y = 0; y < a->outHeight; y++) {
    const float *d = a->dy + o * a->dyChannel + y * a->dyRow;
    const float *line = a->xt + (y * a->stride + tap / a->kernel) * a->xtRow +
                        (ptrdiff_t)(tap % a->kernel) * a->inChannels + c;
    for (int x = 0; x < a->outWidth; x++, d += KERNEL_LANES, line += (ptrdiff_t)a->stride * a->inChannels) {
      const float *in = line + a->firstImage * a->xtImage;
      for (int l = a->firstImage; l < a->firstImage + a->images; l++, in += a->xtImage) {
        V v[4];
        UNROLL for (int p = 0; p < wide; p++) v[p] = load(in + p * NATIVE_LANES);
        UNROLL for (int r = 0; r < rows; r++) {
          V one = (V)d[r * a->dyChannel + l];
          UNROLL for (int p = 0; p < wide; p++) acc[r * wide + p] += one * v[p];
        }
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < wide; p++) store(sums + r * perOutput + p * NATIVE_LANES, acc[r * wide + p]);
  }
}

INLINE void channelTiles(const ConvChannelWeights *a, const int wide, int tap, int c) {
  int o = 0;
#if !FEW_REGISTERS
  for (; o + 6 <= a->outChannels; o += 6) channelTile(a, 6, wide, o, tap, c);
#endif
  for (; o + 4 <= a->outChannels; o += 4) channelTile(a, 4, wide, o, tap, c);
  for (; o < a->outChannels; o++) channelTile(a, 1, wide, o, tap, c);
}

static void convChannelWeights(const ConvChannelWeights *a) {
  for (int tap = 0; tap < a->kernel * a->kernel; tap++) {
    int c = 0;
#if !FEW_REGISTERS
    for (; c + 4 * NATIVE_LANES <= a->inChannels; c += 4 * NATIVE_LANES) channelTiles(a, 4, tap, c);
#endif
    for (; c + 2 * NATIVE_LANES <= a->inChannels; c += 2 * NATIVE_LANES) channelTiles(a, 2, tap, c);
    for (; c < a->inChannels; c += NATIVE_LANES) channelTiles(a, 1, tap, c);
  }
}
