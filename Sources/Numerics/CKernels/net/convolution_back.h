// Direct convolution back to its input, whose kernels may be packed: a register tile of input channels × pixels of one row.

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

// How far apart the kernels of a tile's input channels lie: as they are, or packed so that what a tile goes through follows
// one another, [source][tile][tap][output][channel].
typedef struct {
  ptrdiff_t output, channel, tap;
} TileKernels;

INLINE TileKernels tileKernels(const ConvBackward *a, const int packed, const int channels) {
  const ptrdiff_t taps = (ptrdiff_t)a->kernel * a->kernel;
  return packed ? (TileKernels){channels, 1, (ptrdiff_t)a->outChannels * channels}
                : (TileKernels){a->inChannels * taps, taps, 1};
}

// Where the kernels of the tile at input channel c begin.
INLINE const float *kernelsAt(const ConvBackward *a, const int packed, int source, int c) {
  const ptrdiff_t taps = (ptrdiff_t)a->kernel * a->kernel;
  return packed ? a->room + ((ptrdiff_t)source * a->inChannels + c) * a->outChannels * taps
                : (source ? a->w1 : a->w0) + c * taps;
}

// `channels` × `wide` input pixels of one row; the pixels are `stride` apart, so that dy's are adjacent.
INLINE void backwardTile(const ConvBackward *a, const int stride, const int packed, const int channels,
                         const int wide, int c, int y, int x, int lane) {
  const int K = a->kernel;
  const TileKernels kernels = tileKernels(a, packed, channels);
  V acc[24];
  UNROLL for (int i = 0; i < channels * wide; i++) acc[i] = zero();
  for (int source = 0; source < a->sources; source++) {
    const float *dy = (source ? a->dy1 : a->dy0) + lane, *w = kernelsAt(a, packed, source, c);
    for (int ky = (y + a->padding) % stride; ky < K; ky += stride) {
      const int top = y + a->padding - ky;
      if (top < 0 || top / stride >= a->outHeight) continue;
      for (int kx = (x + a->padding) % stride; kx < K; kx += stride) {
        // Exact division: kx has the remainder of x + padding.
        const int left = (x + a->padding - kx) / stride;
        if (left + wide <= 0 || left >= a->outWidth) continue;
        const float *d = dy + top / stride * a->dyRow + left * KERNEL_LANES;
        const float *weight = w + (ky * K + kx) * kernels.tap;
        for (int o = 0; o < a->outChannels; o++, d += a->dyChannel, weight += kernels.output) {
          // The fewer vectors are held, the others go by.
          V held[4];
          if (channels <= wide) {
            UNROLL for (int i = 0; i < channels; i++) held[i] = (V)weight[i * kernels.channel];
            UNROLL for (int p = 0; p < wide; p++) {
              V in = load(d + p * KERNEL_LANES);
              UNROLL for (int i = 0; i < channels; i++) acc[i * wide + p] += held[i] * in;
            }
          } else {
            UNROLL for (int p = 0; p < wide; p++) held[p] = load(d + p * KERNEL_LANES);
            UNROLL for (int i = 0; i < channels; i++) {
              V one = (V)weight[i * kernels.channel];
              UNROLL for (int p = 0; p < wide; p++) acc[i * wide + p] += one * held[p];
            }
          }
        }
      }
    }
  }
  backwardEnd(a, stride, channels, wide, c, y, x, lane, acc);
}

// Where a row has no more than two pixels of a kind, a tile has more channels instead.
INLINE int isNarrow(const ConvBackward *a) { return a->inWidth <= 2 * a->stride; }

INLINE void backwardRow(const ConvBackward *a, const int stride, const int packed, const int narrow, const int channels,
                        int c, int y) {
#define TILE(wide) \
  FOR_LANES(lane) backwardTile(a, stride, packed, channels, wide, c, y, first + at * stride, lane)
  for (int first = 0; first < stride && first < a->inWidth; first++) {
    const int pixels = (a->inWidth - first + stride - 1) / stride;
    if (narrow) { IN_TILES(pixels, NARROW_PIXELS, TILE) }
    else { IN_TILES(pixels, ROW_PIXELS, TILE) }
  }
#undef TILE
}

// All channels go through some rows before the next ones, so that what they read of dy stays near. The stride is a
// constant where it can be: divisions by another take longer than a small tile.
INLINE void backwardRows(const ConvBackward *a, const int stride, const int packed) {
  const int rows = a->inWidth < NEAR_PIXELS ? NEAR_PIXELS / a->inWidth : 1;
  for (int top = 0; top < a->inHeight; top += rows) {
    const int end = top + rows < a->inHeight ? top + rows : a->inHeight;
#define ROWS(channels) \
  for (int y = top; y < end; y++) backwardRow(a, stride, packed, 0, channels, at, y)
#define NARROW_ROWS(channels) \
  for (int y = top; y < end; y++) backwardRow(a, stride, packed, 1, channels, at, y)
    if (isNarrow(a)) { IN_TILES(a->inChannels, INPUT_CHANNELS_NARROW, NARROW_ROWS) }
    else { IN_TILES(a->inChannels, INPUT_CHANNELS, ROWS) }
#undef NARROW_ROWS
#undef ROWS
  }
}

// Packs the kernels of `channels` input channels; see TileKernels.
INLINE void packTile(const ConvBackward *a, const int channels, const float *w, int c, float *out) {
  const int taps = a->kernel * a->kernel;
  for (int o = 0; o < a->outChannels; o++) {
    const float *from = w + ((ptrdiff_t)o * a->inChannels + c) * taps;
    for (int tap = 0; tap < taps; tap++) {
      float *to = out + ((ptrdiff_t)tap * a->outChannels + o) * channels;
      UNROLL for (int i = 0; i < channels; i++) to[i] = from[i * taps + tap];
    }
  }
}

static void packKernels(const ConvBackward *a) {
  const ptrdiff_t perChannel = (ptrdiff_t)a->outChannels * a->kernel * a->kernel;
  for (int source = 0; source < a->sources; source++) {
    const float *w = source ? a->w1 : a->w0;
    float *out = a->room + source * a->inChannels * perChannel;
#define PACK(channels) packTile(a, channels, w, at, out + at * perChannel)
    if (isNarrow(a)) { IN_TILES(a->inChannels, INPUT_CHANNELS_NARROW, PACK) }
    else { IN_TILES(a->inChannels, INPUT_CHANNELS, PACK) }
#undef PACK
  }
}

// Kernels far apart in memory are packed: a tile would take a few numbers of each line of it.
INLINE void backwardKernel(const ConvBackward *a, const int stride) {
  const ptrdiff_t packed = (ptrdiff_t)a->sources * a->inChannels * a->outChannels * a->kernel * a->kernel;
  if (!a->room || a->roomFloats < packed || a->outChannels < KERNEL_WIDE) {
    backwardRows(a, stride, 0);
    return;
  }
  packKernels(a);
  backwardRows(a, stride, 1);
}

static void backwardDirectly(const ConvBackward *a) {
  switch (a->stride) {
    case 1: backwardKernel(a, 1); break;
    case 2: backwardKernel(a, 2); break;
    default: backwardRows(a, a->stride, 0);
  }
}
