// Fully connected layers over one or two groups of 16 images, weights read in place.

INLINE V finish(V v, int epilogue, const float *mask, ptrdiff_t at) {
  if (epilogue == KERNEL_RELU) return v <= zero() ? zero() : v;
  if (epilogue == KERNEL_MASK) return load(mask + at) > zero() ? v : zero();
  return v;
}

INLINE void linearForwardTile(const LinearForward *a, const int rows, const int groups, int o, int s,
                              int lane) {
  V acc[12 * 2];
  UNROLL for (int r = 0; r < rows; r++) {
    V b = a->bias ? (V)a->bias[o + r] : zero();
    UNROLL for (int g = 0; g < groups; g++) acc[r * groups + g] = b;
  }
  const int inputs = a->inputs;
  for (int source = 0; source < a->sources; source++) {
    const float *w = (source ? a->w1 : a->w0) + (ptrdiff_t)o * inputs;
    const float *x = (source ? a->x1 : a->x0) + s * a->xGroup + lane;
    for (int i = 0; i < inputs; i++, x += KERNEL_LANES) {
      V in[2];
      UNROLL for (int g = 0; g < groups; g++) in[g] = load(x + g * a->xGroup);
      UNROLL for (int r = 0; r < rows; r++) {
        V weight = (V)w[(ptrdiff_t)r * inputs + i];
        UNROLL for (int g = 0; g < groups; g++) acc[r * groups + g] += weight * in[g];
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int g = 0; g < groups; g++) {
      const ptrdiff_t at = (s + g) * a->yGroup + (ptrdiff_t)(o + r) * KERNEL_LANES + lane;
      store(a->y + at, finish(acc[r * groups + g], a->epilogue, a->mask, at));
    }
  }
}

INLINE void linearBackwardTile(const LinearBackward *a, const int rows, const int groups, int i, int s,
                               int lane) {
  V acc[12 * 2];
  UNROLL for (int r = 0; r < rows * groups; r++) acc[r] = zero();
  for (int source = 0; source < a->sources; source++) {
    const float *w = (source ? a->w1 : a->w0) + i;
    const float *dy = (source ? a->dy1 : a->dy0) + s * a->dyGroup + lane;
    for (int o = 0; o < a->outputs; o++, dy += KERNEL_LANES, w += a->inputs) {
      V in[2];
      UNROLL for (int g = 0; g < groups; g++) in[g] = load(dy + g * a->dyGroup);
      UNROLL for (int r = 0; r < rows; r++) {
        V weight = (V)w[r];
        UNROLL for (int g = 0; g < groups; g++) acc[r * groups + g] += weight * in[g];
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int g = 0; g < groups; g++) {
      const ptrdiff_t at = (s + g) * a->dxGroup + (ptrdiff_t)(i + r) * KERNEL_LANES + lane;
      store(a->dx + at, finish(acc[r * groups + g], a->epilogue, a->mask, at));
    }
  }
}

// Runs `tile` over `count` rows: the largest tile that fits, over two groups or one.
#if FEW_REGISTERS
#define TILE_ROWS(tile, count, groups, s, lane)                                       \
  int at = 0;                                                                         \
  for (; at + 6 <= (count); at += 6) tile(a, 6, groups, at, s, lane);                 \
  for (; at < (count); at++) tile(a, 1, groups, at, s, lane);
#else
#define TILE_ROWS(tile, count, groups, s, lane)                                       \
  int at = 0;                                                                         \
  for (; at + 12 <= (count); at += 12) tile(a, 12, groups, at, s, lane);              \
  for (; at + 6 <= (count); at += 6) tile(a, 6, groups, at, s, lane);                 \
  for (; at + 4 <= (count); at += 4) tile(a, 4, groups, at, s, lane);                 \
  for (; at < (count); at++) tile(a, 1, groups, at, s, lane);
#endif

static void linearForward(const LinearForward *a) {
  FOR_LANES(lane) {
    int s = 0;
    for (; s + 2 <= a->groups; s += 2) { TILE_ROWS(linearForwardTile, a->outputs, 2, s, lane) }
    for (; s < a->groups; s++) { TILE_ROWS(linearForwardTile, a->outputs, 1, s, lane) }
  }
}

static void linearBackward(const LinearBackward *a) {
  FOR_LANES(lane) {
    int s = 0;
    for (; s + 2 <= a->groups; s += 2) { TILE_ROWS(linearBackwardTile, a->inputs, 2, s, lane) }
    for (; s < a->groups; s++) { TILE_ROWS(linearBackwardTile, a->inputs, 1, s, lane) }
  }
}

// Gradients of `rows` outputs × `wide` vectors of inputs; `cap` bounds the floats written of the last one.
INLINE void linearWeightsTile(const LinearWeights *a, const int rows, const int wide, int o, int i, int cap) {
  V acc[8 * 4];
  UNROLL for (int r = 0; r < rows * wide; r++) acc[r] = zero();
  for (int s = 0; s < a->groups; s++) {
    const float *dy = a->dy + s * a->dyGroup + (ptrdiff_t)o * KERNEL_LANES;
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
  const int inputs = a->inputs;
  int i = 0;
#if FEW_REGISTERS
  for (; i + 2 * NATIVE_LANES <= inputs; i += 2 * NATIVE_LANES)
    linearWeightsTile(a, rows, 2, o, i, inputs - i);
#else
  for (; i + 4 * NATIVE_LANES <= inputs; i += 4 * NATIVE_LANES)
    linearWeightsTile(a, rows, 4, o, i, inputs - i);
#endif
  for (; i < inputs; i += NATIVE_LANES) linearWeightsTile(a, rows, 1, o, i, inputs - i);
}

static void linearWeights(const LinearWeights *a) {
  int o = 0;
#if FEW_REGISTERS
  for (; o + 4 <= a->outputs; o += 4) linearWeightsRows(a, 4, o);
#else
  for (; o + 6 <= a->outputs; o += 6) linearWeightsRows(a, 6, o);
  for (; o + 4 <= a->outputs; o += 4) linearWeightsRows(a, 4, o);
#endif
  for (; o < a->outputs; o++) linearWeightsRows(a, 1, o);
}
