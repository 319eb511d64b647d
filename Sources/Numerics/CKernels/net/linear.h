// Fully connected layers over one or two packs of 16 images, weights read in place.

INLINE V finish(V v, int epilogue, const float *mask, ptrdiff_t at) {
  if (epilogue == KERNEL_RELU) return v <= zero() ? zero() : v;
  if (epilogue == KERNEL_MASK) return load(mask + at) > zero() ? v : zero();
  return v;
}

INLINE void linearForwardTile(const LinearForward *a, const int rows, const int packs, int o, int s,
                              int lane) {
  V acc[12 * 2];
  UNROLL for (int r = 0; r < rows; r++) {
    V b = a->bias ? (V)a->bias[o + r] : zero();
    UNROLL for (int g = 0; g < packs; g++) acc[r * packs + g] = b;
  }
  const int inputs = a->inputs;
  for (int source = 0; source < a->sources; source++) {
    const float *w = (source ? a->w1 : a->w0) + (ptrdiff_t)o * inputs;
    const float *x = (source ? a->x1 : a->x0) + s * a->xPack + lane;
    for (int i = 0; i < inputs; i++, x += KERNEL_LANES) {
      V in[2];
      UNROLL for (int g = 0; g < packs; g++) in[g] = load(x + g * a->xPack);
      UNROLL for (int r = 0; r < rows; r++) {
        V weight = (V)w[(ptrdiff_t)r * inputs + i];
        UNROLL for (int g = 0; g < packs; g++) acc[r * packs + g] += weight * in[g];
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int g = 0; g < packs; g++) {
      const ptrdiff_t at = (s + g) * a->yPack + (ptrdiff_t)(o + r) * KERNEL_LANES + lane;
      store(a->y + at, finish(acc[r * packs + g], a->epilogue, a->mask, at));
    }
  }
}

INLINE void linearBackwardTile(const LinearBackward *a, const int rows, const int packs, int i, int s,
                               int lane) {
  V acc[12 * 2];
  UNROLL for (int r = 0; r < rows * packs; r++) acc[r] = zero();
  for (int source = 0; source < a->sources; source++) {
    const float *w = (source ? a->w1 : a->w0) + i;
    const float *dy = (source ? a->dy1 : a->dy0) + s * a->dyPack + lane;
    for (int o = 0; o < a->outputs; o++, dy += KERNEL_LANES, w += a->inputs) {
      V in[2];
      UNROLL for (int g = 0; g < packs; g++) in[g] = load(dy + g * a->dyPack);
      UNROLL for (int r = 0; r < rows; r++) {
        V weight = (V)w[r];
        UNROLL for (int g = 0; g < packs; g++) acc[r * packs + g] += weight * in[g];
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int g = 0; g < packs; g++) {
      const ptrdiff_t at = (s + g) * a->dxPack + (ptrdiff_t)(i + r) * KERNEL_LANES + lane;
      store(a->dx + at, finish(acc[r * packs + g], a->epilogue, a->mask, at));
    }
  }
}

INLINE void linearForwardRows(const LinearForward *a, const int packs, int s, int lane) {
#define TILE(rows) linearForwardTile(a, rows, packs, at, s, lane)
  IN_TILES(a->outputs, LINEAR_ROWS, TILE)
#undef TILE
}

static void linearForward(const LinearForward *a) {
#define ROWS(packs) linearForwardRows(a, packs, at, lane)
  FOR_LANES(lane) { IN_TILES(a->packs, PACKS, ROWS) }
#undef ROWS
}

INLINE void linearBackwardRows(const LinearBackward *a, const int packs, int s, int lane) {
#define TILE(rows) linearBackwardTile(a, rows, packs, at, s, lane)
  IN_TILES(a->inputs, LINEAR_ROWS, TILE)
#undef TILE
}

static void linearBackward(const LinearBackward *a) {
#define ROWS(packs) linearBackwardRows(a, packs, at, lane)
  FOR_LANES(lane) { IN_TILES(a->packs, PACKS, ROWS) }
#undef ROWS
}

// Gradients of `rows` outputs × `wide` vectors of inputs; `cap` bounds the floats written of the last one.
INLINE void linearWeightsTile(const LinearWeights *a, const int rows, const int wide, int o, int i, int cap) {
  V acc[8 * 4];
  UNROLL for (int r = 0; r < rows * wide; r++) acc[r] = zero();
  for (int s = 0; s < a->packs; s++) {
    const float *dy = a->dy + s * a->dyPack + (ptrdiff_t)o * KERNEL_LANES;
    const float *xt = a->xt + (ptrdiff_t)s * KERNEL_LANES * a->xtRow + i;
    for (int l = 0; l < KERNEL_LANES; l++, xt += a->xtRow) {
      V in[4];
      UNROLL for (int p = 0; p < wide; p++) in[p] = load(xt + p * NATIVE_LANES);
      UNROLL for (int r = 0; r < rows; r++) {
        V d = (V)dy[r * KERNEL_LANES + l];
        UNROLL for (int p = 0; p < wide; p++) acc[r * wide + p] += d * in[p];
      }
    }
  }
  typedef float U __attribute__((ext_vector_type(NATIVE_LANES), aligned(4)));
  UNROLL for (int r = 0; r < rows; r++) {
    float *out = a->gradient + (ptrdiff_t)(o + r) * a->inputs + i;
    if (cap >= wide * NATIVE_LANES) {
      UNROLL for (int p = 0; p < wide; p++) {
        U *target = (U *)(out + p * NATIVE_LANES);
        *target = (V)*target + acc[r * wide + p];
      }
    } else {
      float tail[4 * NATIVE_LANES];
      UNROLL for (int p = 0; p < wide; p++) memcpy(tail + p * NATIVE_LANES, &acc[r * wide + p], sizeof(V));
      for (int k = 0; k < cap; k++) out[k] += tail[k];
    }
  }
}

INLINE void linearWeightsRows(const LinearWeights *a, const int rows, int o) {
  const int whole = a->inputs / NATIVE_LANES;
#define TILE(wide) linearWeightsTile(a, rows, wide, o, at * NATIVE_LANES, a->inputs - at * NATIVE_LANES)
  IN_TILES(whole, GRADIENT_VECTORS, TILE)
#undef TILE
  const int rest = a->inputs - whole * NATIVE_LANES;
  if (rest > 0) linearWeightsTile(a, rows, 1, o, whole * NATIVE_LANES, rest);
}

static void linearWeights(const LinearWeights *a) {
#define ROWS(rows) linearWeightsRows(a, rows, at)
  IN_TILES(a->outputs, GRADIENT_ROWS, ROWS)
#undef ROWS
}
