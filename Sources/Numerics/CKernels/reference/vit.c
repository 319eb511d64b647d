// The vision transformer's kernels as their definitions, for reading and for tests: plain loops, sums in double.
//
// A fast kernel in ../vit does the same work in another order. Tests hold each variant to this one.
#include "vit.h"

#include <math.h>

// gelu(v) = v·Φ(v) with Φ the normal law.
static double gelu(double v) { return 0.5 * v * (1 + erf(v / sqrt(2))); }

static void dense(const VitDense *a) {
  for (int r = 0; r < a->rows; r++)
    for (int o = 0; o < a->outputs; o++) {
      const float *w = a->w + (ptrdiff_t)(o / VIT_PANEL) * VIT_PANEL * a->inputs + o % VIT_PANEL;
      double sum = a->bias[o];
      for (int i = 0; i < a->inputs; i++) sum += (double)w[i * VIT_PANEL] * a->x[r * a->xRow + i];
      float *y = a->y + r * a->yRow + o;
      *y = (float)(a->epilogue == VIT_ADD ? *y + sum : a->epilogue == VIT_GELU ? gelu(sum) : sum);
    }
}

static void layerNorm(const VitLayerNorm *a) {
  for (int r = 0; r < a->rows; r++) {
    const float *x = a->x + r * a->xRow;
    double mean = 0, variance = 0;
    for (int i = 0; i < a->width; i++) mean += (double)x[i] / a->width;
    for (int i = 0; i < a->width; i++) variance += (x[i] - mean) * (x[i] - mean) / a->width;
    for (int i = 0; i < a->width; i++)
      a->y[r * a->yRow + i] =
          (float)((x[i] - mean) / sqrt(variance + a->epsilon) * a->weight[i] + a->bias[i]);
  }
}

static void softmax(float *s, int rows, int columns, ptrdiff_t stride) {
  for (int r = 0; r < rows; r++) {
    float *x = s + r * stride;
    double largest = x[0], total = 0;
    for (int i = 1; i < columns; i++) largest = x[i] > largest ? x[i] : largest;
    for (int i = 0; i < columns; i++) total += exp(x[i] - largest);
    for (int i = 0; i < columns; i++) x[i] = (float)(exp(x[i] - largest) / total);
    for (ptrdiff_t i = columns; i < stride; i++) x[i] = 0;
  }
}

static void packRows(const float *x, ptrdiff_t xRow, int rows, int columns, float *w) {
  for (int o = 0; o < (rows + VIT_PANEL - 1) / VIT_PANEL * VIT_PANEL; o++)
    for (int i = 0; i < columns; i++)
      w[((ptrdiff_t)(o / VIT_PANEL) * columns + i) * VIT_PANEL + o % VIT_PANEL] = o < rows ? x[o * xRow + i] : 0;
}

static void packColumns(const float *x, ptrdiff_t xRow, int rows, int columns, float *w) {
  for (int o = 0; o < columns; o++)
    for (int i = 0; i < rows; i++)
      w[((ptrdiff_t)(o / VIT_PANEL) * rows + i) * VIT_PANEL + o % VIT_PANEL] = x[i * xRow + o];
}

const VitKernels vitKernelsReference = {
    .name = "reference",
    .dense = dense,
    .layerNorm = layerNorm,
    .softmax = softmax,
    .packRows = packRows,
    .packColumns = packColumns};
