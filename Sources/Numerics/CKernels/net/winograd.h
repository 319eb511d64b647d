// 3×3 convolutions of stride 1, forward and back, by Winograd's minimal filtering: 16 products for four outputs, not 36.
//
// Lavin & Gray (2016), "Fast algorithms for convolutional neural networks", F(2×2, 3×3): of a tile of 2×2 outputs
// y = Aᵀ[Σ (G g Gᵀ) ⊙ (Bᵀ d B)]A, where d is the window of 4×4 inputs, g the kernel, and the sum is over channels. The
// sum is a matrix product at each of the 16 places of a transformed window, with images and tiles as its columns.

enum { PLACES = 16, WINDOW = 4, PANEL = 4 * NATIVE_LANES, PANEL_TILES = PANEL / KERNEL_LANES };

// One convolution, forward or back: `outputs` planes of height × width from `inputs` planes of each source.
typedef struct {
  const float *x[2], *w[2], *bias, *mask;
  float *y;
  ptrdiff_t xRow, xChannel, yRow, yChannel, maskRow, maskChannel;
  ptrdiff_t wOutput, wInput;  // between the kernels of two outputs, and of two inputs
  int sources, inputs, outputs, height, width, epilogue;
  int top, left;              // where the first tile's window begins in x
  Span rows, columns;         // of x that are there; beyond them are zeros
  int backward;               // the kernel is turned by 180°
  float *room;
  ptrdiff_t roomFloats;
} Filtering;

// Floats between two places: of a panel of transformed windows, of a group of kernels, of their products. Each has a
// line more than it needs, since powers of two would meet in one set of the cache.
INLINE ptrdiff_t windowPlace(const Filtering *f) { return (ptrdiff_t)f->sources * f->inputs * PANEL + 16; }
INLINE ptrdiff_t kernelPlace(const Filtering *f) { return (ptrdiff_t)f->sources * f->inputs * GROUP + 16; }
enum { PRODUCT_PLACE = GROUP * PANEL + 16 };

INLINE int tilesAcross(const Filtering *f) { return (f->width + 1) / 2; }
INLINE int tilesOf(const Filtering *f) { return (f->height + 1) / 2 * tilesAcross(f); }

// Bᵀ on four vectors.
INLINE void throughB(V *a, V *b, V *c, V *d) {
  const V first = *a - *c, second = *b + *c, third = *c - *b, fourth = *b - *d;
  *a = first, *b = second, *c = third, *d = fourth;
}

// Bᵀ d B of one window, each place to `out`, `place` floats apart.
INLINE void transformWindow(V *d, float *out, ptrdiff_t place) {
  UNROLL for (int i = 0; i < WINDOW; i++) throughB(&d[i], &d[4 + i], &d[8 + i], &d[12 + i]);
  UNROLL for (int i = 0; i < WINDOW; i++) throughB(&d[4 * i], &d[4 * i + 1], &d[4 * i + 2], &d[4 * i + 3]);
  UNROLL for (int i = 0; i < PLACES; i++) store(out + i * place, d[i]);
}

// Whether a window of 4×4 pixels from (y, x) on lies on rows and columns that are there.
INLINE int isWhole(int y, int x, Span rows, Span columns) {
  return y >= rows.first && y + WINDOW <= rows.end && x >= columns.first && x + WINDOW <= columns.end;
}

// That window, which begins at `in`; unless it is whole, zeros stand for what is not there.
INLINE void loadWindow(const float *in, ptrdiff_t perRow, ptrdiff_t perPixel, int y, int x, Span rows, Span columns,
                       int whole, V *d) {
  UNROLL for (int i = 0; i < PLACES; i++) {
    const int row = y + i / WINDOW, column = x + i % WINDOW;
    const int there =
        whole || (row >= rows.first && row < rows.end && column >= columns.first && column < columns.end);
    d[i] = there ? load(in + i / WINDOW * perRow + i % WINDOW * perPixel) : zero();
  }
}

// The windows of one tile, of all channels.
INLINE void transformTile(const Filtering *f, int tile, float *out) {
  const ptrdiff_t place = windowPlace(f);
  const int y = f->top + tile / tilesAcross(f) * 2, x = f->left + tile % tilesAcross(f) * 2;
  const int whole = isWhole(y, x, f->rows, f->columns);
  for (int source = 0; source < f->sources; source++) {
    const float *in = f->x[source] + y * f->xRow + (ptrdiff_t)x * KERNEL_LANES;
    for (int c = 0; c < f->inputs; c++, in += f->xChannel, out += PANEL) {
      FOR_LANES(lane) {
        V d[PLACES];
        loadWindow(in + lane, f->xRow, KERNEL_LANES, y, x, f->rows, f->columns, whole, d);
        transformWindow(d, out + lane, place);
      }
    }
  }
}

// A panel of windows: [place][source][channel][tile][16 images]. Tiles beyond the last are zeros.
INLINE void transformPanel(const Filtering *f, int panel, float *out) {
  for (int slot = 0; slot < PANEL_TILES; slot++, out += KERNEL_LANES) {
    const int tile = panel * PANEL_TILES + slot;
    if (tile < tilesOf(f)) {
      transformTile(f, tile, out);
      continue;
    }
    for (int i = 0; i < PLACES; i++)
      for (int c = 0; c < f->sources * f->inputs; c++)
        FOR_LANES(lane) store(out + i * windowPlace(f) + c * PANEL + lane, zero());
  }
}

// G on three vectors, with the fourth result in `d`.
INLINE void throughG(V *a, V *b, V *c, V *d) {
  const V ends = (*a + *c) * 0.5f, middle = *b * 0.5f;
  *d = *c;
  *b = ends + middle;
  *c = ends - middle;
}

// G g Gᵀ of a group's kernels: [place][source][channel][output of the group].
INLINE void transformKernels(const Filtering *f, int first, int count, float *out) {
  const ptrdiff_t place = kernelPlace(f);
  for (int source = 0; source < f->sources; source++) {
    for (int c = 0; c < f->inputs; c++, out += GROUP) {
      for (int o = 0; o < count; o += NATIVE_LANES) {
        float taps[9][NATIVE_LANES] __attribute__((aligned(64))) = {0};
        const float *w = f->w[source] + (first + o) * f->wOutput + c * f->wInput;
        const int lanes = count - o < NATIVE_LANES ? count - o : NATIVE_LANES;
        for (int l = 0; l < lanes; l++, w += f->wOutput)
          UNROLL for (int t = 0; t < 9; t++) taps[t][l] = w[f->backward ? 8 - t : t];
        V g[PLACES];
        UNROLL for (int t = 0; t < 9; t++) g[t / 3 * 4 + t % 3] = load(taps[t]);
        UNROLL for (int i = 0; i < 3; i++) throughG(&g[i], &g[4 + i], &g[8 + i], &g[12 + i]);
        UNROLL for (int i = 0; i < 4; i++) throughG(&g[4 * i], &g[4 * i + 1], &g[4 * i + 2], &g[4 * i + 3]);
        UNROLL for (int i = 0; i < PLACES; i++) store(out + i * place + o, g[i]);
      }
    }
  }
}

// `rows` outputs × a panel at one place, over `depth` channels.
INLINE void placeTile(const float *kernels, const float *windows, int depth, const int rows, int goesOn, float *out) {
  V acc[8 * 4];
  UNROLL for (int i = 0; i < rows * 4; i++) acc[i] = goesOn ? load(out + i * NATIVE_LANES) : zero();
  for (int c = 0; c < depth; c++, kernels += GROUP, windows += PANEL) {
    V one[8];
    UNROLL for (int i = 0; i < rows; i++) one[i] = (V)kernels[i];
    UNROLL for (int p = 0; p < 4; p++) {
      V in = load(windows + p * NATIVE_LANES);
      UNROLL for (int i = 0; i < rows; i++) acc[i * 4 + p] += one[i] * in;
    }
  }
  UNROLL for (int i = 0; i < rows * 4; i++) store(out + i * NATIVE_LANES, acc[i]);
}

// Aᵀ on four vectors.
INLINE void throughA(V a, V b, V c, V d, V *first, V *second) {
  *first = a + b + c;
  *second = b - c - d;
}

// Aᵀ m A of one output's products, to where they belong.
INLINE void finishTile(const Filtering *f, int o, int tile, int lane, const float *products) {
  V half[8], y[4];
  UNROLL for (int i = 0; i < WINDOW; i++) {
    V m[WINDOW];
    UNROLL for (int k = 0; k < WINDOW; k++) m[k] = load(products + (4 * k + i) * PRODUCT_PLACE);
    throughA(m[0], m[1], m[2], m[3], &half[i], &half[4 + i]);
  }
  UNROLL for (int i = 0; i < 2; i++)
    throughA(half[4 * i], half[4 * i + 1], half[4 * i + 2], half[4 * i + 3], &y[2 * i], &y[2 * i + 1]);
  const int row = tile / tilesAcross(f) * 2, column = tile % tilesAcross(f) * 2;
  const V bias = f->bias ? (V)f->bias[o] : zero();
  UNROLL for (int i = 0; i < 4; i++) {
    const int r = row + i / 2, c = column + i % 2;
    if (r >= f->height || c >= f->width) continue;
    V v = y[i] + bias;
    if (f->epilogue == KERNEL_RELU) v = v <= zero() ? zero() : v;
    if (f->epilogue == KERNEL_MASK)
      v = load(f->mask + o * f->maskChannel + r * f->maskRow + c * KERNEL_LANES + lane) > zero() ? v : zero();
    float *to = f->y + o * f->yChannel + r * f->yRow + c * KERNEL_LANES + lane;
    store(to, f->epilogue == KERNEL_ADD ? load(to) + v : v);
  }
}

// One panel through a group's kernels.
INLINE void filterPanel(const Filtering *f, int panel, const float *windows, const float *kernels, int first, int count,
                        float *products) {
  const int depth = f->sources * f->inputs;
  for (int i = 0; i < PLACES; i++) {
    // What all outputs read of the windows stays in the first-level cache.
    for (int c = 0; c < depth; c += NEAR_CHANNELS) {
      const int some = depth - c < NEAR_CHANNELS ? depth - c : NEAR_CHANNELS;
#define TILE(rows)                                                                                          \
  placeTile(kernels + i * kernelPlace(f) + c * GROUP + at, windows + i * windowPlace(f) + c * PANEL, some, rows, \
            c > 0, products + i * PRODUCT_PLACE + at * PANEL)
      IN_TILES(count, OUTPUT_CHANNELS, TILE)
#undef TILE
    }
  }
  for (int o = 0; o < count; o++) {
    for (int v = 0; v < PANEL; v += NATIVE_LANES) {
      const int tile = panel * PANEL_TILES + v / KERNEL_LANES;
      if (tile < tilesOf(f)) finishTile(f, first + o, tile, v % KERNEL_LANES, products + o * PANEL + v);
    }
  }
}

// How many panels the room holds beside a group of kernels and its products; 0 where it is too little.
INLINE ptrdiff_t panelsInRoom(const Filtering *f) {
  const ptrdiff_t beside = PLACES * (kernelPlace(f) + PRODUCT_PLACE);
  return f->room && f->roomFloats > beside ? (f->roomFloats - beside) / (PLACES * windowPlace(f)) : 0;
}

// As many panels as there is room for go through all kernels before the next ones.
static void filter(const Filtering *f) {
  const int panels = (tilesOf(f) + PANEL_TILES - 1) / PANEL_TILES, most = (int)panelsInRoom(f);
  const ptrdiff_t perPanel = PLACES * windowPlace(f);
  float *kernels = f->room, *products = kernels + PLACES * kernelPlace(f), *windows = products + PLACES * PRODUCT_PLACE;
  for (int begin = 0; begin < panels; begin += most) {
    const int count = panels - begin < most ? panels - begin : most;
    for (int k = 0; k < count; k++) transformPanel(f, begin + k, windows + k * perPanel);
    for (int o = 0; o < f->outputs; o += GROUP) {
      const int outputs = f->outputs - o < GROUP ? f->outputs - o : GROUP;
      transformKernels(f, o, outputs, kernels);
      for (int k = 0; k < count; k++) filterPanel(f, begin + k, windows + k * perPanel, kernels, o, outputs, products);
    }
  }
}

INLINE Filtering forwardFiltering(const ConvForward *a) {
  return (Filtering){
      .x = {a->x0, a->x1}, .w = {a->w0, a->w1}, .bias = a->bias, .mask = a->mask, .y = a->y, .xRow = a->xRow,
      .xChannel = a->xChannel, .yRow = a->yRow, .yChannel = a->yChannel, .maskRow = a->yRow,
      .maskChannel = a->yChannel, .wOutput = (ptrdiff_t)a->inChannels * 9, .wInput = 9, .sources = a->sources,
      .inputs = a->inChannels, .outputs = a->outChannels, .height = a->outHeight, .width = a->outWidth,
      .epilogue = a->epilogue, .rows = {0, a->outHeight + 2}, .columns = {0, a->outWidth + 2},
      .room = a->room, .roomFloats = a->roomFloats};
}

INLINE Filtering backwardFiltering(const ConvBackward *a) {
  return (Filtering){
      .x = {a->dy0, a->dy1}, .w = {a->w0, a->w1}, .mask = a->mask, .y = a->dx, .xRow = a->dyRow,
      .xChannel = a->dyChannel, .yRow = a->dxRow, .yChannel = a->dxChannel, .maskRow = a->maskRow,
      .maskChannel = a->maskChannel, .wOutput = 9, .wInput = (ptrdiff_t)a->inChannels * 9, .sources = a->sources,
      .inputs = a->outChannels, .outputs = a->inChannels, .height = a->inHeight, .width = a->inWidth,
      .epilogue = a->epilogue, .top = a->padding - 2, .left = a->padding - 2, .rows = {0, a->outHeight},
      .columns = {-3, a->outWidth + 3}, .backward = 1, .room = a->room, .roomFloats = a->roomFloats};
}

INLINE int isFiltered(int kernel, int stride, int channels) {
  return kernel == 3 && stride == 1 && channels >= KERNEL_WIDE;
}

static void convForward(const ConvForward *a) {
  if (followsBranches(a)) {
    branchForward(a);
    return;
  }
  const Filtering f = forwardFiltering(a);
  if (isFiltered(a->kernel, a->stride, a->inChannels) && a->epilogue < KERNEL_POOL_RELU && panelsInRoom(&f) > 0) {
    filter(&f);
    return;
  }
  switch (a->kernel) {
    case 1: forwardKernel(a, 1); break;
    case 3: forwardKernel(a, 3); break;
    case 5: forwardKernel(a, 5); break;
    default: forwardKernel(a, 7);
  }
}

static void convBackward(const ConvBackward *a) {
  if (a->code) {
    branchBackward(a);
    return;
  }
  const Filtering f = backwardFiltering(a);
  if (isFiltered(a->kernel, a->stride, a->outChannels) && panelsInRoom(&f) > 0) {
    filter(&f);
    return;
  }
  backwardDirectly(a);
}
