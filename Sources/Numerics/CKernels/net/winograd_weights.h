// Gradients of the weights of 3×3 convolutions of stride 1, by the minimal filtering that winograd.h goes forward with.
//
// The derivative of its formula by g: ∂g = Gᵀ[Σ (A ∂y Aᵀ) ⊙ (Bᵀ d B)]G, with the sum over tiles and images: 16 products
// for each tile, image and pair of channels instead of 36.

enum { BLOCK = 2 * NATIVE_LANES, NEAR_TILES = 16 };

// Scratch of one call: some tiles' adjoints [place][output][tile][16 images], their windows for a block of input
// channels [place][tile][16 images][block], and the sums of products [place][output][block].
typedef struct {
  float *adjoints, *windows, *products;
  ptrdiff_t adjointPlace, windowPlace, productPlace;
  int first, tiles, across;
} WeightFiltering;

// A ∂y Aᵀ of some tiles of all outputs.
INLINE void transformAdjoints(const ConvChannelWeights *a, const WeightFiltering *f) {
  for (int o = 0; o < a->outChannels; o++) {
    for (int k = 0; k < f->tiles; k++) {
      const int y = (f->first + k) / f->across * 2, x = (f->first + k) % f->across * 2;
      const float *dy = a->dy + o * a->dyChannel + y * a->dyRow + (ptrdiff_t)x * KERNEL_LANES;
      const int down = y + 1 < a->outHeight, right = x + 1 < a->outWidth;
      float *out = f->adjoints + ((ptrdiff_t)o * f->tiles + k) * KERNEL_LANES;
      FOR_LANES(lane) {
        const float *d = dy + lane;
        const V d00 = load(d), d01 = right ? load(d + KERNEL_LANES) : zero();
        const V d10 = down ? load(d + a->dyRow) : zero();
        const V d11 = down && right ? load(d + a->dyRow + KERNEL_LANES) : zero();
        const V rows[4][2] = {{d00, d01}, {d00 + d10, d01 + d11}, {d00 - d10, d01 - d11}, {-d10, -d11}};
        UNROLL for (int i = 0; i < 4; i++) {
          float *to = out + 4 * i * f->adjointPlace + lane;
          store(to, rows[i][0]);
          store(to + f->adjointPlace, rows[i][0] + rows[i][1]);
          store(to + 2 * f->adjointPlace, rows[i][0] - rows[i][1]);
          store(to + 3 * f->adjointPlace, -rows[i][1]);
        }
      }
    }
  }
}

// Bᵀ d B of some tiles' windows, of `wide` vectors of input channels from c on.
INLINE void transformChannels(const ConvChannelWeights *a, const WeightFiltering *f, const int wide, int c) {
  const ptrdiff_t perPixel = (ptrdiff_t)KERNEL_LANES * a->inChannels;
  const Span rows = {a->padding, a->padding + a->inHeight}, columns = {a->padding, a->padding + a->inWidth};
  float *out = f->windows;
  for (int k = 0; k < f->tiles; k++) {
    const int y = (f->first + k) / f->across * 2, x = (f->first + k) % f->across * 2;
    const float *window = a->xt + y * a->xtRow + x * perPixel + c;
    const int whole = isWhole(y, x, rows, columns);
    for (int image = 0; image < KERNEL_LANES; image++, out += wide * NATIVE_LANES) {
      UNROLL for (int p = 0; p < wide; p++) {
        const float *in = window + image * a->inChannels + p * NATIVE_LANES;
        V d[PLACES];
        loadWindow(in, a->xtRow, perPixel, y, x, rows, columns, whole, d);
        transformWindow(d, out + p * NATIVE_LANES, f->windowPlace);
      }
    }
  }
}

// `rows` outputs × `wide` vectors of input channels at one place, over tiles and images.
INLINE void weightPlaceTile(const float *adjoints, const float *windows, int steps, const int rows, const int wide,
                            float *out) {
  V acc[12 * 2];
  UNROLL for (int i = 0; i < rows * wide; i++) acc[i] = zero();
  for (int n = 0; n < steps; n++, windows += wide * NATIVE_LANES) {
    V v[2];
    UNROLL for (int p = 0; p < wide; p++) v[p] = load(windows + p * NATIVE_LANES);
    UNROLL for (int r = 0; r < rows; r++) {
      V one = (V)adjoints[(ptrdiff_t)r * steps + n];
      UNROLL for (int p = 0; p < wide; p++) acc[r * wide + p] += one * v[p];
    }
  }
  UNROLL for (int i = 0; i < rows * wide; i++) store(out + i * NATIVE_LANES, acc[i]);
}

// Gᵀ on four vectors.
INLINE void throughGT(V a, V b, V c, V d, V *first, V *second, V *third) {
  const V even = (b + c) * 0.5f;
  *first = a + even;
  *second = (b - c) * 0.5f;
  *third = even + d;
}

// Gᵀ m G of one output's products with a vector of input channels, added to the nine sums.
INLINE void finishWeights(const float *products, ptrdiff_t place, float *sums, int inChannels) {
  V half[3][4], g[9];
  UNROLL for (int i = 0; i < 4; i++) {
    V m[4];
    UNROLL for (int k = 0; k < 4; k++) m[k] = load(products + (4 * k + i) * place);
    throughGT(m[0], m[1], m[2], m[3], &half[0][i], &half[1][i], &half[2][i]);
  }
  UNROLL for (int i = 0; i < 3; i++)
    throughGT(half[i][0], half[i][1], half[i][2], half[i][3], &g[3 * i], &g[3 * i + 1], &g[3 * i + 2]);
  UNROLL for (int t = 0; t < 9; t++) store(sums + t * inChannels, load(sums + t * inChannels) + g[t]);
}

// The gradients of `wide` vectors of input channels from c on.
INLINE void filterChannels(const ConvChannelWeights *a, const WeightFiltering *f, const int wide, int c) {
  const int steps = f->tiles * KERNEL_LANES, width = wide * NATIVE_LANES;
  transformChannels(a, f, wide, c);
  for (int i = 0; i < PLACES; i++) {
#define TILE(rows)                                                                             \
  weightPlaceTile(f->adjoints + i * f->adjointPlace + (ptrdiff_t)at * steps, f->windows + i * f->windowPlace, steps, \
                  rows, wide, f->products + i * f->productPlace + at * width)
    IN_TILES(a->outChannels, TAP_CHANNELS_NARROW, TILE)
#undef TILE
  }
  for (int o = 0; o < a->outChannels; o++)
    for (int p = 0; p < width; p += NATIVE_LANES)
      finishWeights(f->products + o * width + p, f->productPlace, a->sums + (ptrdiff_t)o * 9 * a->inChannels + c + p,
                    a->inChannels);
}

// How a call's scratch is laid out: of shapes alone, since the runs of tiles are summed apart. 0 tiles where the room is
// too little. Places lie a cache line further apart than they need, as in winograd.h.
INLINE WeightFiltering weightFiltering(const ConvChannelWeights *a) {
  WeightFiltering f = {.across = (a->outWidth + 1) / 2, .productPlace = (ptrdiff_t)a->outChannels * BLOCK + 16};
  const ptrdiff_t perTile = PLACES * KERNEL_LANES * ((ptrdiff_t)a->outChannels + BLOCK);
  const int tiles = (a->outHeight + 1) / 2 * f.across, fit = (int)(KERNEL_NEAR_FLOATS / perTile);
  const int most = fit < 1 ? 1 : fit < NEAR_TILES ? fit : NEAR_TILES, runs = (tiles + most - 1) / most;
  if (!a->room || a->roomFloats < PLACES * (f.productPlace + 32) + most * perTile) return f;
  f.tiles = (tiles + runs - 1) / runs;
  f.adjointPlace = (ptrdiff_t)a->outChannels * f.tiles * KERNEL_LANES + 16;
  f.windowPlace = (ptrdiff_t)f.tiles * KERNEL_LANES * BLOCK + 16;
  f.products = a->room;
  f.windows = f.products + PLACES * f.productPlace;
  f.adjoints = f.windows + PLACES * f.windowPlace;
  return f;
}

static void convChannelWeights(const ConvChannelWeights *a) {
  WeightFiltering f = {0};
  if (a->images == KERNEL_LANES && isFiltered(a->kernel, a->stride, a->inChannels)) f = weightFiltering(a);
  if (!f.tiles) {
    channelWeightsByTaps(a);
    return;
  }
  const int tiles = (a->outHeight + 1) / 2 * f.across, most = f.tiles;
  for (; f.first < tiles; f.first += most) {
    f.tiles = tiles - f.first < most ? tiles - f.first : most;
    transformAdjoints(a, &f);
#define BLOCKS(wide) filterChannels(a, &f, wide, at * NATIVE_LANES)
    IN_TILES(a->inChannels / NATIVE_LANES, CHANNEL_VECTORS, BLOCKS)
#undef BLOCKS
  }
}
