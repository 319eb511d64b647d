// Wide 3×3 convolutions of stride 1, forward and back: the windows that a tile reads are copied side by side first.
//
// Channels lie pages apart. A sum over many of them misses the translation buffer at each step, and where a pack is two
// registers it fetches each cache line twice. One copy serves the tiles of all channels. It changes no term and no
// order.

enum { WINDOW = 3, WINDOW_PIXELS = 4, WINDOW_RUNS = 16, WINDOW_TILE = 6 };

INLINE ptrdiff_t wholeVectors(ptrdiff_t floats) { return (floats + 15) / 16 * 16; }

// Four pixels that follow one another, from one row into the next.
typedef struct {
  float *windows;            // [part of a pack][source][input channel][row of `rows`][width][NATIVE_LANES]
  ptrdiff_t at[WINDOW_PIXELS];  // where each pixel's window begins in a line of `windows`, in vectors
  ptrdiff_t from[2];         // where the first and the second row's part of a line begins in x
  int first, columns[2], width;
  Span rows;                 // of the kernel
} WindowRun;

INLINE ptrdiff_t placeRun(const ConvForward *a, int first, WindowRun *run) {
  const int y = first / a->outWidth, x = first % a->outWidth, left = a->outWidth - x;
  const int near = left < WINDOW_PIXELS ? left : WINDOW_PIXELS;
  run->first = first;
  run->from[0] = y * a->xRow + x * KERNEL_LANES;
  run->from[1] = (y + 1) * a->xRow;
  run->columns[0] = near + WINDOW - 1;
  run->columns[1] = near < WINDOW_PIXELS ? WINDOW_PIXELS - near + WINDOW - 1 : 0;
  run->width = run->columns[0] + run->columns[1];
  for (int p = 0; p < WINDOW_PIXELS; p++) run->at[p] = p + (p < near ? 0 : WINDOW - 1);
  run->rows = kernelRows(a, first, WINDOW_PIXELS);
  return (ptrdiff_t)a->sources * a->inChannels * (run->rows.end - run->rows.first) * run->width * KERNEL_LANES;
}

INLINE void copyRun(const ConvForward *a, const WindowRun *run) {
  float *out = run->windows;
  FOR_LANES(lane) {
    for (int source = 0; source < a->sources; source++) {
      for (int i = 0; i < a->inChannels; i++) {
        for (int ky = run->rows.first; ky < run->rows.end; ky++) {
          const float *row = (source ? a->x1 : a->x0) + i * a->xChannel + ky * a->xRow + lane;
          for (int part = 0; part < 2; part++) {
            const float *in = row + run->from[part];
            for (int q = 0; q < run->columns[part]; q++, in += KERNEL_LANES, out += NATIVE_LANES) store(out, load(in));
          }
        }
      }
    }
  }
}

INLINE void forwardWindowRun(const ConvForward *a, const int channels, const WindowRun *run, int o, int lane) {
  const int lines = a->inChannels * (run->rows.end - run->rows.first);
  const ptrdiff_t perOutput = (ptrdiff_t)a->inChannels * WINDOW * WINDOW, line = (ptrdiff_t)run->width * NATIVE_LANES;
  const float *x = run->windows + lane * ((ptrdiff_t)a->sources * lines * run->width);
  V acc[8 * WINDOW_PIXELS];
  forwardStart(a, channels, WINDOW_PIXELS, o, acc);
  for (int source = 0; source < a->sources; source++) {
    const float *weights = (source ? a->w1 : a->w0) + o * perOutput + run->rows.first * WINDOW;
    for (int i = 0; i < a->inChannels; i++, weights += WINDOW * WINDOW) {
      const float *w = weights;
      for (int ky = run->rows.first; ky < run->rows.end; ky++, x += line, w += WINDOW) {
        UNROLL for (int kx = 0; kx < WINDOW; kx++) {
          V weight[8];
          UNROLL for (int c = 0; c < channels; c++) weight[c] = (V)w[c * perOutput + kx];
          UNROLL for (int p = 0; p < WINDOW_PIXELS; p++) {
            V in = load(x + (run->at[p] + kx) * NATIVE_LANES);
            UNROLL for (int c = 0; c < channels; c++) acc[c * WINDOW_PIXELS + p] += weight[c] * in;
          }
        }
      }
    }
  }
  ptrdiff_t to[WINDOW_PIXELS];
  UNROLL for (int p = 0; p < WINDOW_PIXELS; p++) {
    const int pixel = run->first + p;
    to[p] = pixel / a->outWidth * a->yRow + (ptrdiff_t)(pixel % a->outWidth) * KERNEL_LANES;
  }
  forwardEnd(a, channels, WINDOW_PIXELS, o, to, lane, acc);
}

INLINE int forwardHasWindows(const ConvForward *a) {
  const ptrdiff_t widest = WINDOW_PIXELS + 2 * (WINDOW - 1);
  return a->kernel == WINDOW && a->stride == 1 && a->epilogue < KERNEL_POOL_RELU && a->outWidth >= WINDOW_PIXELS &&
         a->inChannels >= KERNEL_WIDE && a->room &&
         a->sources * a->inChannels * WINDOW * widest * KERNEL_LANES <= a->roomFloats;
}

static void forwardByWindows(const ConvForward *a) {
  const int pixels = a->outHeight * a->outWidth, whole = pixels / WINDOW_PIXELS * WINDOW_PIXELS;
  for (int first = 0; first < whole;) {
    WindowRun runs[WINDOW_RUNS];
    ptrdiff_t used = 0;
    int count = 0;
    for (; first < whole && count < WINDOW_RUNS; count++, first += WINDOW_PIXELS) {
      const ptrdiff_t floats = placeRun(a, first, &runs[count]);
      if (used + floats > a->roomFloats) break;
      runs[count].windows = a->room + used;
      copyRun(a, &runs[count]);
      used += floats;
    }
#define RUNS(channels) \
  for (int k = 0; k < count; k++) FOR_LANES(lane) forwardWindowRun(a, channels, &runs[k], at, lane)
    IN_TILES(a->outChannels, OUTPUT_CHANNELS, RUNS)
#undef RUNS
  }
#define REST(channels) forwardPixels(a, WINDOW, channels, at, whole, pixels - whole)
  IN_TILES(a->outChannels, OUTPUT_CHANNELS, REST)
#undef REST
}

// Up to four pixels of one row of an input's adjoint.
typedef struct {
  float *windows;  // [part of a pack][source][kernel row][output channel][wide + 2][NATIVE_LANES]
  int y, x, wide;
} WindowTile;

INLINE ptrdiff_t windowTileFloats(const ConvBackward *a, int wide) {
  return (ptrdiff_t)a->sources * WINDOW * a->outChannels * (wide + WINDOW - 1) * KERNEL_LANES;
}

INLINE void copyTile(const ConvBackward *a, const WindowTile *tile) {
  const int columns = tile->wide + WINDOW - 1;
  float *out = tile->windows;
  FOR_LANES(lane) {
    for (int source = 0; source < a->sources; source++) {
      const float *dy = (source ? a->dy1 : a->dy0) + (tile->x + a->padding - (WINDOW - 1)) * KERNEL_LANES + lane;
      for (int ky = 0; ky < WINDOW; ky++) {
        const int top = tile->y + a->padding - ky;
        if (top < 0 || top >= a->outHeight) {
          out += (ptrdiff_t)a->outChannels * columns * NATIVE_LANES;
          continue;
        }
        for (int o = 0; o < a->outChannels; o++) {
          const float *in = dy + top * a->dyRow + o * a->dyChannel;
          for (int q = 0; q < columns; q++, out += NATIVE_LANES) store(out, load(in + q * KERNEL_LANES));
        }
      }
    }
  }
}

// The weights of some input channels in the order in which a tile takes them: [source][tap][output channel][channels].
INLINE void copyWeights(const ConvBackward *a, const int channels, int c, float *to) {
  const int taps = WINDOW * WINDOW;
  for (int source = 0; source < a->sources; source++, to += (ptrdiff_t)taps * a->outChannels * channels) {
    for (int o = 0; o < a->outChannels; o++) {
      const float *w = (source ? a->w1 : a->w0) + ((ptrdiff_t)o * a->inChannels + c) * taps;
      for (int t = 0; t < taps; t++) {
        float *place = to + ((ptrdiff_t)t * a->outChannels + o) * channels;
        UNROLL for (int i = 0; i < channels; i++) place[i] = w[i * taps + t];
      }
    }
  }
}

INLINE void backwardWindowTile(const ConvBackward *a, const int channels, const int wide, const WindowTile *tile,
                               const float *weights, int c, int lane) {
  const ptrdiff_t step = (wide + WINDOW - 1) * NATIVE_LANES, perRow = a->outChannels * step;
  const float *windows = tile->windows + lane * (ptrdiff_t)a->sources * WINDOW * a->outChannels * (wide + WINDOW - 1);
  V acc[8 * WINDOW_PIXELS];
  UNROLL for (int i = 0; i < channels * wide; i++) acc[i] = zero();
  for (int source = 0; source < a->sources; source++) {
    for (int ky = 0; ky < WINDOW; ky++, windows += perRow) {
      const int top = tile->y + a->padding - ky;
      if (top < 0 || top >= a->outHeight) continue;
      for (int kx = 0; kx < WINDOW; kx++) {
        const int left = tile->x + a->padding - kx;
        if (left + wide <= 0 || left >= a->outWidth) continue;
        const float *d = windows + (WINDOW - 1 - kx) * NATIVE_LANES;
        const float *weight = weights + ((source * WINDOW + ky) * WINDOW + kx) * (ptrdiff_t)a->outChannels * channels;
        for (int o = 0; o < a->outChannels; o++, d += step, weight += channels) {
          V one[8];
          UNROLL for (int i = 0; i < channels; i++) one[i] = (V)weight[i];
          UNROLL for (int p = 0; p < wide; p++) {
            V in = load(d + p * NATIVE_LANES);
            UNROLL for (int i = 0; i < channels; i++) acc[i * wide + p] += one[i] * in;
          }
        }
      }
    }
  }
  backwardEnd(a, 1, channels, wide, c, tile->y, tile->x, lane, acc);
}

INLINE void backwardWindowTiles(const ConvBackward *a, const int channels, const WindowTile *tiles, int count,
                                float *weights, int c) {
  copyWeights(a, channels, c, weights);
#define WIDE(wide) case wide: backwardWindowTile(a, channels, wide, &tiles[k], weights, c, lane); break;
  for (int k = 0; k < count; k++) FOR_LANES(lane) switch (tiles[k].wide) { WIDE(4) WIDE(3) WIDE(2) WIDE(1) }
#undef WIDE
}

INLINE ptrdiff_t windowWeights(const ConvBackward *a) {
  return wholeVectors((ptrdiff_t)a->sources * WINDOW * WINDOW * a->outChannels * WINDOW_TILE);
}

INLINE int backwardHasWindows(const ConvBackward *a) {
  return a->kernel == WINDOW && a->stride == 1 && a->outChannels >= KERNEL_WIDE && a->room &&
         windowWeights(a) + windowTileFloats(a, WINDOW_PIXELS) <= a->roomFloats;
}

static void backwardByWindows(const ConvBackward *a) {
  for (int y = 0, x = 0; y < a->inHeight;) {
    WindowTile tiles[WINDOW_RUNS];
    ptrdiff_t used = windowWeights(a);
    int count = 0;
    while (y < a->inHeight && count < WINDOW_RUNS) {
      const int left = a->inWidth - x, wide = left < WINDOW_PIXELS ? left : WINDOW_PIXELS;
      const ptrdiff_t floats = windowTileFloats(a, wide);
      if (used + floats > a->roomFloats) break;
      tiles[count] = (WindowTile){.windows = a->room + used, .y = y, .x = x, .wide = wide};
      copyTile(a, &tiles[count++]);
      used += floats;
      x += wide;
      if (x == a->inWidth) {
        x = 0;
        y++;
      }
    }
#define CHANNELS(channels) backwardWindowTiles(a, channels, tiles, count, a->room, at)
    IN_TILES(a->inChannels, INPUT_CHANNELS, CHANNELS)
#undef CHANNELS
  }
}

static void convForward(const ConvForward *a) {
  switch (a->kernel) {
    case 1: forwardKernel(a, 1); break;
    case 3: forwardHasWindows(a) ? forwardByWindows(a) : forwardKernel(a, 3); break;
    case 5: forwardKernel(a, 5); break;
    default: forwardKernel(a, 7);
  }
}

static void convBackward(const ConvBackward *a) {
  switch (a->kernel) {
    case 1: backwardStride(a, 1); break;
    case 3: backwardHasWindows(a) ? backwardByWindows(a) : backwardStride(a, 3); break;
    case 5: backwardStride(a, 5); break;
    default: backwardStride(a, 7);
  }
}
