// The vision transformer's kernels, compiled once a variant: NATIVE_LANES is the width of the registers used.
#include "vit.h"

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float V __attribute__((ext_vector_type(NATIVE_LANES), aligned(4)));
typedef int32_t I __attribute__((ext_vector_type(NATIVE_LANES)));

// Floats in a cache line.
enum { LINE = 16 };

INLINE V load(const float *p) { return *(const V *)p; }
INLINE void store(float *p, V v) { *(V *)p = v; }

INLINE V clamp(V x, float low, float high) {
  x = x < (V)low ? (V)low : x;
  return x > (V)high ? (V)high : x;
}

#include "../exp.h"

// erf(z) = z·P(z²)/Q(z²), near-minimax in relative error on |z| ≤ 4 (2.5e-8 before rounding; the fit is
// scripts/golden/vit_erf.py); with float's rounding the absolute error is below 5e-7.
INLINE V geluOf(V v) {
  const V z = clamp(v * (V)0.70710678f, -4.0f, 4.0f);
  const V t = z * z;
  V p = (V)1.9867550236085663e-06f;
  p = p * t + (V)2.8456258587539196e-04f;
  p = p * t + (V)3.8833096623420715e-03f;
  p = p * t + (V)5.3101640194654465e-02f;
  p = p * t + (V)1.935446411371231e-01f;
  p = p * t + (V)1.1283791065216064f;
  V q = (V)3.741971158888191e-05f;
  q = q * t + (V)1.1855579214170575e-03f;
  q = q * t + (V)1.520718727260828e-02f;
  q = q * t + (V)1.1534978449344635e-01f;
  q = q * t + (V)5.048570036888123e-01f;
  q = q * t + (V)1.0f;
  const V half = v * (V)0.5f;
  return half + half * (z * p / q);
}

// One step of a tile: input i of ROWS rows times two registers of weights.
#define TILE_STEP(i)                                                                           \
  {                                                                                            \
    const V w0 = load(w + (i) * VIT_PANEL), w1 = load(w + (i) * VIT_PANEL + NATIVE_LANES);     \
    UNROLL for (int r = 0; r < ROWS; r++) {                                                    \
      const V value = (V)x[r][i];                                                              \
      low[r] += value * w0;                                                                    \
      high[r] += value * w1;                                                                   \
    }                                                                                          \
  }

// ROWS rows by two registers of outputs, in registers over all inputs. Meanwhile `lines` cache lines (at most one an
// input) at `next` are fetched.
INLINE void tile(const VitDense *a, const float *w, ptrdiff_t row, ptrdiff_t output, const float *next,
                 ptrdiff_t lines, const int ROWS) {
  V low[ROWS], high[ROWS];
  const float *x[ROWS];
  UNROLL for (int r = 0; r < ROWS; r++) {
    low[r] = high[r] = (V)0.0f;
    x[r] = a->x + (row + r) * a->xRow;
  }
  const ptrdiff_t inputs = a->inputs;
  ptrdiff_t i = 0;
  for (; i < lines; i++) {
    __builtin_prefetch(next + i * LINE, 0, 2);
    TILE_STEP(i)
  }
  for (; i < inputs; i++) TILE_STEP(i)
  const V b0 = load(a->bias + output), b1 = load(a->bias + output + NATIVE_LANES);
  UNROLL for (int r = 0; r < ROWS; r++) {
    float *y = a->y + (row + r) * a->yRow + output;
    V y0 = low[r] + b0, y1 = high[r] + b1;
    if (a->epilogue == VIT_ADD) {
      y0 += load(y);
      y1 += load(y + NATIVE_LANES);
    } else if (a->epilogue == VIT_GELU) {
      y0 = geluOf(y0);
      y1 = geluOf(y1);
    }
    store(y, y0);
    store(y + NATIVE_LANES, y1);
  }
}

// Weights come from far away, since one pass over a network takes more than a cache holds: while the rows go through
// one panel, each tile fetches its share of the next into the second-level cache.
static void dense(const VitDense *a) {
  const ptrdiff_t lines = (ptrdiff_t)a->inputs * VIT_PANEL / LINE;
  const ptrdiff_t tiles = a->rows / TILE_ROWS * (VIT_PANEL / (2 * NATIVE_LANES));
  const ptrdiff_t most = tiles ? lines / tiles + 1 : 0;
  const float *next = a->w;
  ptrdiff_t left = 0;
  for (ptrdiff_t output = 0; output < a->outputs; output += 2 * NATIVE_LANES) {
    const float *w = a->w + output / VIT_PANEL * VIT_PANEL * a->inputs + output % VIT_PANEL;
    if (output % VIT_PANEL == 0) {
      const int last = output + VIT_PANEL >= a->outputs;
      next = last ? a->after : w + (ptrdiff_t)VIT_PANEL * a->inputs;
      left = next ? lines : 0;
    }
    ptrdiff_t row = 0;
    for (; row + TILE_ROWS <= a->rows; row += TILE_ROWS) {
      ptrdiff_t share = left < most ? left : most;
      if (share > a->inputs) share = a->inputs;
      tile(a, w, row, output, next, share, TILE_ROWS);
      next += share * LINE;
      left -= share;
    }
    for (; row + 4 <= a->rows; row += 4) tile(a, w, row, output, next, 0, 4);
    for (; row < a->rows; row++) tile(a, w, row, output, next, 0, 1);
  }
}

// The sum of the lanes, halving.
INLINE float sum(V v) {
  float part[NATIVE_LANES];
  store(part, v);
  UNROLL for (int half = NATIVE_LANES / 2; half > 0; half /= 2) {
    UNROLL for (int l = 0; l < half; l++) part[l] += part[l + half];
  }
  return part[0];
}

static void layerNorm(const VitLayerNorm *a) {
  const float share = 1.0f / (float)a->width;
  for (ptrdiff_t row = 0; row < a->rows; row++) {
    const float *x = a->x + row * a->xRow;
    float *y = a->y + row * a->yRow;
    V total = (V)0.0f;
    for (int i = 0; i < a->width; i += NATIVE_LANES) total += load(x + i);
    const V mean = (V)(sum(total) * share);
    V squares = (V)0.0f;
    for (int i = 0; i < a->width; i += NATIVE_LANES) {
      const V d = load(x + i) - mean;
      squares += d * d;
    }
    const V scale = (V)(1.0f / __builtin_sqrtf(sum(squares) * share + a->epsilon));
    for (int i = 0; i < a->width; i += NATIVE_LANES)
      store(y + i, (load(x + i) - mean) * scale * load(a->weight + i) + load(a->bias + i));
  }
}

static void softmax(float *s, int rows, int columns, ptrdiff_t stride) {
  for (ptrdiff_t row = 0; row < rows; row++) {
    float *x = s + row * stride;
    const int padded = (columns + 15) / 16 * 16;
    // Far below any true value, so that padding adds exactly nothing.
    for (int i = columns; i < padded; i++) x[i] = -3e38f;
    V top = load(x);
    for (int i = NATIVE_LANES; i < padded; i += NATIVE_LANES) {
      const V v = load(x + i);
      top = v > top ? v : top;
    }
    float largest = top[0];
    for (int l = 1; l < NATIVE_LANES; l++) largest = top[l] > largest ? top[l] : largest;
    V total = (V)0.0f;
    for (int i = 0; i < padded; i += NATIVE_LANES) {
      const V v = load(x + i) - (V)largest;
      // expOf stops at e⁻⁸⁷, which is not nothing.
      const V e = v < (V)-87.0f ? (V)0.0f : expOf(v);
      total += e;
      store(x + i, e);
    }
    const V scale = (V)(1.0f / sum(total));
    for (int i = 0; i < padded; i += NATIVE_LANES) store(x + i, load(x + i) * scale);
    for (ptrdiff_t i = padded; i < stride; i++) x[i] = 0;
  }
}

static void packRows(const float *x, ptrdiff_t xRow, int rows, int columns, float *w) {
  for (int first = 0; first < rows; first += VIT_PANEL, w += VIT_PANEL * columns) {
    for (int lane = 0; lane < VIT_PANEL; lane++) {
      const float *row = x + (first + lane) * xRow;
      if (first + lane < rows)
        for (int i = 0; i < columns; i++) w[i * VIT_PANEL + lane] = row[i];
      else
        for (int i = 0; i < columns; i++) w[i * VIT_PANEL + lane] = 0;
    }
  }
}

static void packColumns(const float *x, ptrdiff_t xRow, int rows, int columns, float *w) {
  for (int first = 0; first < columns; first += VIT_PANEL)
    for (int r = 0; r < rows; r++, w += VIT_PANEL)
      for (int l = 0; l < VIT_PANEL; l += NATIVE_LANES) store(w + l, load(x + r * xRow + first + l));
}

const VitKernels VARIANT = {
    .name = VARIANT_NAME,
    .dense = dense,
    .layerNorm = layerNorm,
    .softmax = softmax,
    .packRows = packRows,
    .packColumns = packColumns};
