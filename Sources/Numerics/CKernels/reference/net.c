// The nets' kernels as their definitions, for reading and for tests: plain loops over one lane at a time, sums in double.
//
// A fast kernel in ../net does the same work in another order. Tests hold each variant to this one.
#include <math.h>

#include "../net/variants.h"

enum { LANES = KERNEL_LANES };

// What an epilogue makes of an output v whose place in the mask is `at`.
static float finish(double v, int epilogue, const float *mask, ptrdiff_t at) {
  if (epilogue == KERNEL_RELU && v <= 0) return 0;
  if (epilogue == KERNEL_MASK && !(mask[at] > 0)) return 0;
  return (float)v;
}

// MARK: - Convolutions

// The output of channel o at row oy and column ox, before the epilogue.
static double convolve(const ConvForward *a, int o, int oy, int ox, int lane) {
  double sum = a->bias ? a->bias[o] : 0;
  for (int source = 0; source < a->sources; source++) {
    const float *x = source ? a->x1 : a->x0, *w = source ? a->w1 : a->w0;
    for (int c = 0; c < a->inChannels; c++)
      for (int ky = 0; ky < a->kernel; ky++)
        for (int kx = 0; kx < a->kernel; kx++) {
          const float weight = w[((o * a->inChannels + c) * a->kernel + ky) * a->kernel + kx];
          const ptrdiff_t row = oy * a->stride + ky, column = ox * a->stride + kx;
          sum += (double)weight * x[c * a->xChannel + row * a->xRow + column * LANES + lane];
        }
  }
  return sum;
}

// One unit of a 2×2 max-pool with ReLU, or along the branch that an earlier one took.
static void pool(const ConvForward *a, int o, int py, int px, int lane) {
  float *y = a->y + o * a->yChannel + py * a->yRow + px * LANES + lane;
  uint8_t *code = a->code + ((o * (a->outHeight / 2) + py) * (a->outWidth / 2) + px) * LANES + lane;
  float v[4];
  for (int p = 0; p < 4; p++) v[p] = (float)convolve(a, o, 2 * py + p / 2, 2 * px + p % 2, lane);
  if (a->epilogue == KERNEL_POOL_SELECT) {
    *y = *code < 4 ? v[*code] : 0;
    return;
  }
  int best = 0;
  for (int p = 1; p < 4; p++)
    if (v[p] > v[best]) best = p;
  const int dead = v[best] <= 0;
  *y = dead ? 0 : v[best];
  *code = (uint8_t)(dead ? KERNEL_DEAD : best);
}

static void convForward(const ConvForward *a) {
  const int pools = a->epilogue >= KERNEL_POOL_RELU;
  const int height = pools ? a->outHeight / 2 : a->outHeight, width = pools ? a->outWidth / 2 : a->outWidth;
  for (int o = 0; o < a->outChannels; o++)
    for (int y = 0; y < height; y++)
      for (int x = 0; x < width; x++)
        for (int lane = 0; lane < LANES; lane++) {
          const ptrdiff_t at = o * a->yChannel + y * a->yRow + x * LANES + lane;
          if (pools) pool(a, o, y, x, lane);
          else a->y[at] = finish(convolve(a, o, y, x, lane), a->epilogue, a->mask, at);
        }
}

// The adjoint of an output before pooling: what comes back where its window's branch names it.
static double spread(const ConvBackward *a, const float *dy, int o, int oy, int ox, int lane) {
  if (!a->code) return dy[o * a->dyChannel + oy * a->dyRow + ox * LANES + lane];
  const int height = a->outHeight / 2, width = a->outWidth / 2, y = oy / 2, x = ox / 2;
  if (y >= height || x >= width) return 0;
  if (a->code[((o * height + y) * width + x) * LANES + lane] != oy % 2 * 2 + ox % 2) return 0;
  return dy[o * a->dyChannel + y * a->dyRow + x * LANES + lane];
}

// The adjoint of the input's channel c at row y and column x: every output whose window it lies in.
static double convolveBack(const ConvBackward *a, int c, int y, int x, int lane) {
  double sum = 0;
  for (int source = 0; source < a->sources; source++) {
    const float *dy = source ? a->dy1 : a->dy0, *w = source ? a->w1 : a->w0;
    for (int o = 0; o < a->outChannels; o++)
      for (int ky = 0; ky < a->kernel; ky++)
        for (int kx = 0; kx < a->kernel; kx++) {
          const int down = y + a->padding - ky, right = x + a->padding - kx;
          const int oy = down / a->stride, ox = right / a->stride;
          if (down < 0 || down % a->stride || oy >= a->outHeight) continue;
          if (right < 0 || right % a->stride || ox >= a->outWidth) continue;
          const float weight = w[((o * a->inChannels + c) * a->kernel + ky) * a->kernel + kx];
          sum += weight * spread(a, dy, o, oy, ox, lane);
        }
  }
  return sum;
}

static void convBackward(const ConvBackward *a) {
  for (int c = 0; c < a->inChannels; c++)
    for (int y = 0; y < a->inHeight; y++)
      for (int x = 0; x < a->inWidth; x++)
        for (int lane = 0; lane < LANES; lane++) {
          float *dx = a->dx + c * a->dxChannel + y * a->dxRow + x * LANES + lane;
          const ptrdiff_t at = c * a->maskChannel + y * a->maskRow + x * LANES + lane;
          const double sum = convolveBack(a, c, y, x, lane);
          *dx = a->epilogue == KERNEL_ADD ? (float)(*dx + sum) : finish(sum, a->epilogue, a->mask, at);
        }
}

static void convWeights(const ConvWeights *a) {
  float *sums = a->sums;
  for (int o = 0; o < a->outChannels; o++)
    for (int c = 0; c < a->inChannels; c++)
      for (int ky = 0; ky < a->kernel; ky++)
        for (int kx = 0; kx < a->kernel; kx++)
          for (int lane = 0; lane < LANES; lane++, sums++) {
            double sum = *sums;
            for (int y = 0; y < a->rows; y++)
              for (int x = 0; x < a->outWidth; x++) {
                const ptrdiff_t row = y * a->stride + ky, column = x * a->stride + kx;
                sum += (double)a->dy[o * a->dyChannel + y * a->dyRow + x * LANES + lane] *
                       a->x[c * a->xChannel + row * a->xRow + column * LANES + lane];
              }
            *sums = (float)sum;
          }
}

static void convChannelWeights(const ConvChannelWeights *a) {
  float *sums = a->sums;
  for (int o = 0; o < a->outChannels; o++)
    for (int ky = 0; ky < a->kernel; ky++)
      for (int kx = 0; kx < a->kernel; kx++)
        for (int c = 0; c < a->inChannels; c++, sums++) {
          double sum = *sums;
          for (int y = 0; y < a->outHeight; y++)
            for (int x = 0; x < a->outWidth; x++)
              for (int image = a->firstImage; image < a->firstImage + a->images; image++) {
                const ptrdiff_t row = y * a->stride + ky, column = x * a->stride + kx;
                if (row < a->padding || row >= a->padding + a->inHeight) continue;
                if (column < a->padding || column >= a->padding + a->inWidth) continue;
                sum += (double)a->dy[o * a->dyChannel + y * a->dyRow + x * LANES + image] *
                       a->xt[row * a->xtRow + (column * LANES + image) * a->inChannels + c];
              }
          *sums = (float)sum;
        }
}

// What one unit's weight gradient takes of one image.
static double branchProduct(const ConvBranchWeights *a, int o, int y, int x, int ky, int kx, int c, int lane) {
  const int branch = a->code[((o * a->height + y) * a->width + x) * LANES + lane];
  if (branch == KERNEL_DEAD) return 0;
  const ptrdiff_t row = (2 * y + branch / 2) * a->stride + ky, column = (2 * x + branch % 2) * a->stride + kx;
  return (double)a->dy[o * a->dyChannel + y * a->dyRow + x * LANES + lane] *
         a->x[c * a->xChannel + row * a->xRow + column * LANES + lane];
}

static void convBranchWeights(const ConvBranchWeights *a) {
  float *sums = a->sums;
  for (int o = 0; o < a->outChannels; o++)
    for (int ky = 0; ky < a->kernel; ky++)
      for (int kx = 0; kx < a->kernel; kx++)
        for (int c = 0; c < a->inChannels; c++, sums++) {
          double sum = *sums;
          for (int y = 0; y < a->height; y++)
            for (int x = 0; x < a->width; x++)
              for (int lane = a->firstImage; lane < a->firstImage + a->images; lane++)
                sum += branchProduct(a, o, y, x, ky, kx, c, lane);
          *sums = (float)sum;
        }
}

// MARK: - Linear layers

static void linearForward(const LinearForward *a) {
  for (int s = 0; s < a->packs; s++)
    for (int o = 0; o < a->outputs; o++)
      for (int lane = 0; lane < LANES; lane++) {
        double sum = a->bias ? a->bias[o] : 0;
        for (int source = 0; source < a->sources; source++) {
          const float *x = (source ? a->x1 : a->x0) + s * a->xPack, *w = source ? a->w1 : a->w0;
          for (int i = 0; i < a->inputs; i++)
            sum += (double)w[(ptrdiff_t)o * a->inputs + i] * x[i * LANES + lane];
        }
        const ptrdiff_t at = s * a->yPack + o * LANES + lane;
        a->y[at] = finish(sum, a->epilogue, a->mask, at);
      }
}

static void linearBackward(const LinearBackward *a) {
  for (int s = 0; s < a->packs; s++)
    for (int i = 0; i < a->inputs; i++)
      for (int lane = 0; lane < LANES; lane++) {
        double sum = 0;
        for (int source = 0; source < a->sources; source++) {
          const float *dy = (source ? a->dy1 : a->dy0) + s * a->dyPack, *w = source ? a->w1 : a->w0;
          for (int o = 0; o < a->outputs; o++)
            sum += (double)w[(ptrdiff_t)o * a->inputs + i] * dy[o * LANES + lane];
        }
        const ptrdiff_t at = s * a->dxPack + i * LANES + lane;
        a->dx[at] = finish(sum, a->epilogue, a->mask, at);
      }
}

static void linearWeights(const LinearWeights *a) {
  for (int o = 0; o < a->outputs; o++)
    for (int i = 0; i < a->inputs; i++) {
      double sum = 0;
      for (int n = 0; n < a->packs * LANES; n++)
        sum += (double)a->dy[n / LANES * a->dyPack + o * LANES + n % LANES] * a->xt[n * a->xtRow + i];
      a->gradient[(ptrdiff_t)o * a->inputs + i] += (float)sum;
    }
}

#include "pointwise.h"

#define VARIANT kernelsReference
#define VARIANT_NAME "reference"
#include "../net/table.h"
