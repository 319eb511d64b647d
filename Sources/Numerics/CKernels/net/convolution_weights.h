// Gradients of a convolution's weights: lane by lane, or by vectors of input channels.

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
      // The fewer vectors are held, the others go by.
      V held[8];
      if (channels <= wide) {
        UNROLL for (int i = 0; i < channels; i++) held[i] = load(dy + i * a->dyChannel);
        UNROLL for (int q = 0; q < wide; q++) {
          V in = load(x + q * KERNEL_LANES);
          UNROLL for (int i = 0; i < channels; i++) acc[i * wide + q] += held[i] * in;
        }
      } else {
        UNROLL for (int q = 0; q < wide; q++) held[q] = load(x + q * KERNEL_LANES);
        UNROLL for (int i = 0; i < channels; i++) {
          V d = load(dy + i * a->dyChannel);
          UNROLL for (int q = 0; q < wide; q++) acc[i * wide + q] += d * held[q];
        }
      }
    }
  }
  UNROLL for (int i = 0; i < channels; i++) {
    UNROLL for (int p = 0; p < wide; p++) store(sums + i * perOutput + p * KERNEL_LANES, acc[i * wide + p]);
  }
}

INLINE void weightsChannels(const ConvWeights *a, const int channels, int o, int lane) {
#define TILE(wide) weightsTile(a, channels, wide, o, c, ky, at, lane)
  for (int c = 0; c < a->inChannels; c++)
    for (int ky = 0; ky < a->kernel; ky++) { IN_TILES(a->kernel, TAPS, TILE) }
#undef TILE
}

static void convWeights(const ConvWeights *a) {
#define CHANNELS(size) weightsChannels(a, size, at, lane)
  FOR_LANES(lane) {
    if (a->kernel == 5) { IN_TILES(a->outChannels, WEIGHT_CHANNELS_5, CHANNELS) }
    else { IN_TILES(a->outChannels, WEIGHT_CHANNELS, CHANNELS) }
  }
#undef CHANNELS
}

// Gradients of `rows` outputs × `wide` vectors of input channels at one tap, over all images and the pixels of rows
// top…end that do not meet the padding.
INLINE void channelTile(const ConvChannelWeights *a, const int rows, const int wide, int o, int tap, int c, int top,
                        int end) {
  const int taps = a->kernel * a->kernel;
  float *sums = a->sums + ((ptrdiff_t)o * taps + tap) * a->inChannels + c;
  const ptrdiff_t perOutput = (ptrdiff_t)taps * a->inChannels;
  V acc[8 * 4];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int p = 0; p < wide; p++) acc[r * wide + p] = load(sums + r * perOutput + p * NATIVE_LANES);
  }
  const ptrdiff_t perPixel = (ptrdiff_t)KERNEL_LANES * a->inChannels;
  const Span columns = outputsAtTap(tap % a->kernel, a->stride, a->padding, a->inWidth, a->outWidth);
  for (int y = top; y < end; y++) {
    const float *d = a->dy + o * a->dyChannel + y * a->dyRow + columns.first * KERNEL_LANES;
    const float *line = a->xt + (y * a->stride + tap / a->kernel) * a->xtRow +
                        (columns.first * a->stride + tap % a->kernel) * perPixel + c;
    for (int x = columns.first; x < columns.end; x++, d += KERNEL_LANES, line += a->stride * perPixel) {
      const float *in = line + a->firstImage * a->inChannels;
      for (int l = a->firstImage; l < a->firstImage + a->images; l++, in += a->inChannels) {
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

INLINE void channelTiles(const ConvChannelWeights *a, const int wide, int tap, int c, int top, int end) {
#define TILE(rows) channelTile(a, rows, wide, at, tap, c, top, end)
  if (wide <= 2) { IN_TILES(a->outChannels, TAP_CHANNELS_NARROW, TILE) }
  else { IN_TILES(a->outChannels, TAP_CHANNELS, TILE) }
#undef TILE
}

// All tiles go through some rows before the next ones, so that what they read stays near; long enough to be worth
// the way of the sums to memory and back.
INLINE void channelWeightsByTaps(const ConvChannelWeights *a) {
  const int steps = a->outWidth * a->images;
  const int rows = steps < NEAR_STEPS ? (NEAR_STEPS + steps - 1) / steps : 1;
  for (int top = 0; top < a->outHeight; top += rows) {
    const int end = top + rows < a->outHeight ? top + rows : a->outHeight;
    for (int tap = 0; tap < a->kernel * a->kernel; tap++) {
      const Span met = outputsAtTap(tap / a->kernel, a->stride, a->padding, a->inHeight, a->outHeight);
      const int from = top > met.first ? top : met.first, to = end < met.end ? end : met.end;
      if (from >= to) continue;
#define TILES(wide) channelTiles(a, wide, tap, at * NATIVE_LANES, from, to)
      IN_TILES(a->inChannels / NATIVE_LANES, TAP_VECTORS, TILES)
#undef TILES
    }
  }
}
