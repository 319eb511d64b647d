// Hot loops of a vision transformer's forward pass over rows of tokens: no allocation, no I/O.
#ifndef VIT_H
#define VIT_H

#include <stddef.h>

// Outputs in a panel of packed weights: panel p holds w[32p … 32p+31] as [input][32].
#define VIT_PANEL 32

enum {
  VIT_STORE = 0,  // y = w·x + bias
  VIT_ADD = 1,    // y += w·x + bias
  VIT_GELU = 2,   // y = gelu(w·x + bias), gelu(v) = v·(1 + erf(v/√2))/2
};

// y[r][o] from bias[o] + Σ_i w[o][i] · x[r][i], the sum in the order of i for every r and o, so that a row's
// result does not depend on the rows beside it. `outputs` is a multiple of VIT_PANEL; strides are in floats. `after` is
// where the next call's weights begin, fetched during the last panel; NULL if they are near.
typedef struct {
  const float *x, *w, *bias, *after;
  float *y;
  ptrdiff_t xRow, yRow;
  int rows, inputs, outputs, epilogue;
} VitDense;

// y[r] = (x[r] − mean) / √(variance + epsilon) · weight + bias; `width` is a multiple of 16.
typedef struct {
  const float *x, *weight, *bias;
  float *y;
  ptrdiff_t xRow, yRow;
  int rows, width;
  float epsilon;
} VitLayerNorm;

// One compiled variant of the kernels.
typedef struct {
  const char *name;
  void (*dense)(const VitDense *);
  void (*layerNorm)(const VitLayerNorm *);
  // s[r][0…columns) ← softmax of itself; `stride` is a multiple of 16, and the rest of a row becomes 0.
  void (*softmax)(float *s, int rows, int columns, ptrdiff_t stride);
  // Packs x[r][0…columns) as weights of `dense` whose outputs are the rows, zero up to a multiple of VIT_PANEL: with
  // them `dense` makes products with the rows.
  void (*packRows)(const float *x, ptrdiff_t xRow, int rows, int columns, float *w);
  // The same with the columns, a multiple of VIT_PANEL, as outputs.
  void (*packColumns)(const float *x, ptrdiff_t xRow, int rows, int columns, float *w);
} VitKernels;

// The fastest variant that this processor runs.
const VitKernels *vitKernelsBest(void);
// The variant "avx512", "avx2" or "baseline", NULL if this processor can't run it; "reference" has the definitions that
// the others are held to.
const VitKernels *vitKernelsNamed(const char *name);

#endif
