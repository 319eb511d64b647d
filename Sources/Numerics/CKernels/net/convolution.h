// Direct convolution: a register tile of output channels × pixels, one vector of images each.

// A part of a convolution's sums: some input channels of one source or all of both. The first part begins at the bias, the
// last has the epilogue, and between them the sums are in y.
typedef struct {
  int firstSource, endSource, firstInput, endInput, begins, ends;
} Part;

// A tile's sums begin at the bias.
INLINE void forwardStart(const ConvForward *a, const int channels, const int pixels, int o, V *acc) {
  UNROLL for (int c = 0; c < channels; c++) {
    V b = a->bias ? (V)a->bias[o + c] : zero();
    UNROLL for (int p = 0; p < pixels; p++) acc[c * pixels + p] = b;
  }
}

// A tile's sums go on from what an earlier part left in y.
INLINE void forwardResume(const ConvForward *a, const int channels, const int pixels, int o, const ptrdiff_t *to,
                          int lane, V *acc) {
  UNROLL for (int c = 0; c < channels; c++) {
    UNROLL for (int p = 0; p < pixels; p++) acc[c * pixels + p] = load(a->y + (o + c) * a->yChannel + to[p] + lane);
  }
}

// A tile's sums go to y, each pixel to its place `to`.
INLINE void forwardEnd(const ConvForward *a, const int channels, const int pixels, int o, const ptrdiff_t *to,
                       int epilogue, int lane, V *acc) {
  UNROLL for (int c = 0; c < channels; c++) {
    UNROLL for (int p = 0; p < pixels; p++) {
      const ptrdiff_t at = (o + c) * a->yChannel + to[p] + lane;
      V v = acc[c * pixels + p];
      if (epilogue == KERNEL_RELU) v = v <= zero() ? zero() : v;
      if (epilogue == KERNEL_MASK) v = load(a->mask + at) > zero() ? v : zero();
      store(a->y + at, v);
    }
  }
}

// Accumulates one tile of `channels` × `pixels` outputs over some rows of the kernel; `at` has where each pixel's
// window of x begins.
INLINE void forwardSum(const ConvForward *a, const int K, const int channels, const int pixels, int o,
                       const ptrdiff_t *at, const Span rows, const Part *part, int lane, V *acc) {
  const ptrdiff_t perOutput = (ptrdiff_t)a->inChannels * K * K;
  for (int source = part->firstSource; source < part->endSource; source++) {
    const float *weights = (source ? a->w1 : a->w0) + o * perOutput + rows.first * K;
    const float *x = (source ? a->x1 : a->x0) + lane + rows.first * a->xRow;
    for (int i = part->firstInput; i < part->endInput; i++) {
      const float *row = x + i * a->xChannel, *w = weights + (ptrdiff_t)i * K * K;
      for (int ky = rows.first; ky < rows.end; ky++, row += a->xRow, w += K) {
        UNROLL for (int kx = 0; kx < K; kx++) {
          V weight[8];
          UNROLL for (int c = 0; c < channels; c++) weight[c] = (V)w[c * perOutput + kx];
          UNROLL for (int p = 0; p < pixels; p++) {
            V in = load(row + at[p] + kx * KERNEL_LANES);
            UNROLL for (int c = 0; c < channels; c++) acc[c * pixels + p] += weight[c] * in;
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
  const Part all = {0, a->sources, 0, a->inChannels, 1, 1};
  forwardStart(a, channels, 4, o, acc);
  forwardSum(a, K, channels, 4, o, at, (Span){0, K}, &all, lane, acc);
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
INLINE void forwardRun(const ConvForward *a, const int K, const int channels, const int pixels, int o, int first,
                       const Part *part) {
  ptrdiff_t from[4], to[4];
  ptrdiff_t oy = first / a->outWidth, ox = first % a->outWidth;
  UNROLL for (int p = 0; p < pixels; p++) {
    from[p] = (oy * a->xRow + ox * KERNEL_LANES) * a->stride;
    to[p] = oy * a->yRow + ox * KERNEL_LANES;
    if (++ox == a->outWidth) {
      ox = 0;
      oy++;
    }
  }
  // A loop of constant length is worth more where the kernel is large.
  const Span rows = K == 3 ? kernelRows(a, first, pixels) : (Span){0, K};
  FOR_LANES(lane) {
    V acc[8 * 4];
    if (part->begins) forwardStart(a, channels, pixels, o, acc);
    else forwardResume(a, channels, pixels, o, to, lane, acc);
    forwardSum(a, K, channels, pixels, o, from, rows, part, lane, acc);
    forwardEnd(a, channels, pixels, o, to, part->ends ? a->epilogue : KERNEL_PLAIN, lane, acc);
  }
}

INLINE void forwardPixels(const ConvForward *a, const int K, const int channels, int o, int first, int count,
                          const Part *part) {
#define RUN(pixels) forwardRun(a, K, channels, pixels, o, first + at, part)
  IN_TILES(count, PIXELS, RUN)
#undef RUN
}

INLINE void forwardWindows(const ConvForward *a, const int K, const int channels, int o, int py) {
  for (int px = 0; px < a->outWidth / 2; px++) {
    FOR_LANES(lane) forwardPooled(a, K, channels, o, py, px, lane);
  }
}

// All channels go through some pixels, and there through the sums of some input channels, before the next ones: what they
// read of the input stays in the first-level cache.
INLINE void forwardStretch(const ConvForward *a, const int K, int first, int count) {
  const int step = NEAR_TAPS / (K * K);
  for (int source = 0; source < a->sources; source++) {
    for (int i = 0; i < a->inChannels; i += step) {
      const int end = i + step < a->inChannels ? i + step : a->inChannels;
      const Part part = {source, source + 1, i, end, source == 0 && i == 0,
                         source + 1 == a->sources && end == a->inChannels};
#define STRETCH(channels) forwardPixels(a, K, channels, at, first, count, &part)
      IN_TILES(a->outChannels, OUTPUT_CHANNELS, STRETCH)
#undef STRETCH
    }
  }
}

// All channels go through a row of windows or some pixels before the next ones, so that what they read of the input
// stays near.
INLINE void forwardKernel(const ConvForward *a, const int K) {
  if (a->epilogue >= KERNEL_POOL_RELU) {
    for (int py = 0; py < a->outHeight / 2; py++) {
#define WINDOWS(channels) forwardWindows(a, K, channels, at, py)
      IN_TILES(a->outChannels, OUTPUT_CHANNELS, WINDOWS)
#undef WINDOWS
    }
    return;
  }
  const int pixels = a->outHeight * a->outWidth;
  for (int first = 0; first < pixels; first += NEAR_PIXELS) {
    const int count = pixels - first < NEAR_PIXELS ? pixels - first : NEAR_PIXELS;
    forwardStretch(a, K, first, count);
  }
}
