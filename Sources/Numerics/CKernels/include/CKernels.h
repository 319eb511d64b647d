// Hot loops of the nets over activations laid out [feature][16 images]: no allocation, no I/O.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "vit.h"

// Images in a pack: the innermost dimension of every activation. All strides below are in floats.
#define KERNEL_LANES 16

// Branch code of a pooled unit that ReLU switched off; 0…3 name the window's pixel in row-major order.
#define KERNEL_DEAD 4

enum {
  KERNEL_PLAIN = 0,        // store
  KERNEL_RELU = 1,         // store max(0, y)
  KERNEL_MASK = 2,         // store y where mask > 0, else 0
  KERNEL_POOL_RELU = 3,    // 2×2 max-pool and ReLU; writes the branch taken to `code`
  KERNEL_POOL_SELECT = 4,  // 2×2 pool that follows the branch in `code`
  KERNEL_ADD = 5,          // add to what is there; convBackward only
};

// y[o][p] = bias[o] + Σ_source Σ_c,ky,kx w[o][c][ky][kx] · x[c][p·stride + (ky,kx)], x with its padding: `padding` rows
// of zeros above and below `inHeight` others, which need not be read.
// `room`, of `roomFloats`, is scratch with which wide 3×3 kernels of stride 1 and branches are faster, and rounded
// otherwise; it may be null. Given `kernelRoomFloats` and, where outputs are pooled, `kernelBranchFloats` of it, its size
// changes no bit.
typedef struct {
  const float *x0, *x1, *w0, *w1, *bias, *mask;
  float *y;
  uint8_t *code;
  ptrdiff_t xRow, xChannel, yRow, yChannel;
  int sources, inChannels, outChannels, kernel, stride, padding, inHeight, outHeight, outWidth, epilogue;
  float *room;
  ptrdiff_t roomFloats;
} ConvForward;

// dx[c][p] = Σ_source Σ_o,ky,kx w[o][c][ky][kx] · dy[o][(p + padding − (ky,kx)) / stride].
// dy points at its first true pixel and has 3 zero pixels at both ends of each row. `room` is as in ConvForward.
// Where the outputs are pooled, `code` has the branches that they took: dy is that of the pooled ones, without margins,
// and `room` must hold `kernelBranchFloats`. Else `code` is null.
typedef struct {
  const float *dy0, *dy1, *w0, *w1, *mask;
  const uint8_t *code;
  float *dx;
  ptrdiff_t dyRow, dyChannel, dxRow, dxChannel, maskRow, maskChannel;
  int sources, inChannels, outChannels, kernel, stride, padding;
  int inHeight, inWidth, outHeight, outWidth, epilogue;
  float *room;
  ptrdiff_t roomFloats;
} ConvBackward;

// sums[o][c][ky][kx][16] += Σ_p dy[o][p] · x[c][p·stride + (ky,kx)] over `rows` rows of dy; lane by lane.
typedef struct {
  const float *dy, *x;
  float *sums;
  ptrdiff_t dyRow, dyChannel, xRow, xChannel;
  int inChannels, outChannels, kernel, stride, rows, outWidth;
} ConvWeights;

// sums[o][ky,kx][c] += Σ_p,l dy[o][p][l] · xt[p·stride + (ky,kx)][l][c] over `images` of the 16 lanes l;
// xt is [row][column][16][inChannels] from `transposeChannels`, inChannels a multiple of 16. It begins at its padding,
// which is not read: only inHeight × inWidth pixels are. `room` is as in ConvForward, for all 16 lanes.
typedef struct {
  const float *dy, *xt;
  float *sums;
  ptrdiff_t dyRow, dyChannel, xtRow;
  int inChannels, outChannels, kernel, stride, padding, inHeight, inWidth, outHeight, outWidth, firstImage, images;
  float *room;
  ptrdiff_t roomFloats;
} ConvChannelWeights;

// sums[o][ky][kx][c] += Σ_p,l dy[o][p][l] · x[c][branch(p)·stride + (ky,kx)][l] over `images` of the 16 lanes l, where the
// branch of the pooled output p of lane l is the pixel of its 2×2 window that `code` names; dead ones are left out.
// x is at its padding; height × width pixels are pooled. `room` must hold `kernelBranchFloats`.
typedef struct {
  const float *dy, *x;
  const uint8_t *code;
  float *sums;
  ptrdiff_t dyRow, dyChannel, xRow, xChannel;
  int inChannels, outChannels, kernel, stride, height, width, firstImage, images;
  float *room;
} ConvBranchWeights;

// y[s][o] = bias[o] + Σ_source Σ_i w[o][i] · x[s][i] for each pack s of 16 images.
typedef struct {
  const float *x0, *x1, *w0, *w1, *bias, *mask;
  float *y;
  ptrdiff_t xPack, yPack;
  int sources, inputs, outputs, packs, epilogue;
} LinearForward;

// dx[s][i] = Σ_source Σ_o w[o][i] · dy[s][o].
typedef struct {
  const float *dy0, *dy1, *w0, *w1, *mask;
  float *dx;
  ptrdiff_t dyPack, dxPack;
  int sources, inputs, outputs, packs, epilogue;
} LinearBackward;

// gradient[o][i] += Σ_n dy[n][o] · xt[n][i]; xt is [16·packs][xtRow], from `transpose`.
typedef struct {
  const float *dy, *xt;
  float *gradient;
  ptrdiff_t dyPack, xtRow;
  int inputs, outputs, packs;
} LinearWeights;

// y[c][p] = scale0[c]·x0[c][p] + scale1[c]·x1[c][p] + shift[c] + addend[c][p], with the epilogue; x1 and addend
// may be null. Here and below images point at their first true pixel.
typedef struct {
  const float *x0, *x1, *scale0, *scale1, *shift, *addend, *mask;
  float *y;
  ptrdiff_t xRow, xChannel, addendRow, addendChannel, yRow, yChannel;
  int channels, height, width, epilogue;
} NormForward;

// With d' = d where mask > 0, else 0 (mask null: d): dx = p·d0' + q·d1' + q·x + r, and da = d0' or with `adds`
// da += d0'. d1, x, q, r and da may be null; q·x + r is left out for lanes ≥ count.
typedef struct {
  const float *d0, *d1, *x, *mask, *p, *q, *r;
  float *dx, *da;
  ptrdiff_t dRow, dChannel, xRow, xChannel, maskRow, maskChannel, dxRow, dxChannel, daRow, daChannel;
  int channels, height, width, count, adds;
} NormBackward;

// weightSums[c][16] += inverse[c]·Σ_p d'·(x − centre[c]) and, unless null, biasSums[c][16] += Σ_p d'.
typedef struct {
  const float *d, *x, *mask, *centre, *inverse;
  float *weightSums, *biasSums;
  ptrdiff_t dRow, dChannel, xRow, xChannel, maskRow, maskChannel;
  int channels, height, width;
} NormSums;

// mean[c] of a channel over its pixels and the lanes below count, and squares[c] = Σ (x − mean[c])².
typedef struct {
  const float *x;
  double *mean, *squares;
  ptrdiff_t xRow, xChannel;
  int channels, height, width, count;
} Moments;

// Softmax cross-entropy of one pack of 16 images; any output may be null.
typedef struct {
  const float *logits;         // [classes][16]
  const uint8_t *labels;       // [16]
  float *losses;               // [16]
  uint8_t *predictions;        // [16]
  float *probabilities;        // [classes][16]
  float *gradient;             // [classes][16], scale · (p − onehot), 0 for lanes ≥ count
  float scale;
  int classes, count;
} SoftmaxLoss;

// The fewest channels that a convolution sums over by way of `room`, and what of a 3×3 one of stride 1 stays near.
enum { KERNEL_WIDE = 16, KERNEL_NEAR_FLOATS = 512 << 10 };

// How many floats of `room` a convolution takes, back and forth, from two sources, in any variant. A wide 3×3 one of stride
// 1: at least one panel of four vectors of transformed windows, a group of 48 transformed kernels and their products.
// Another from KERNEL_WIDE outputs on: its packed kernels. 0 where it takes none.
static inline ptrdiff_t kernelRoomFloats(int kernel, int stride, int inChannels, int outChannels) {
  const ptrdiff_t widest = inChannels > outChannels ? inChannels : outChannels;
  if (kernel != 3 || stride != 1 || widest < KERNEL_WIDE)
    return stride > 2 || outChannels < KERNEL_WIDE ? 0 : (ptrdiff_t)2 * kernel * kernel * inChannels * outChannels;
  const ptrdiff_t panel = 16 * (2 * widest * 4 * 16 + 16), kernels = 16 * (2 * widest * 48 + 16);
  const ptrdiff_t products = 16 * (48 * 4 * 16 + 16);
  return (panel > KERNEL_NEAR_FLOATS ? panel : KERNEL_NEAR_FLOATS) + kernels + products;
}

// Units of pooled convolutions that are listed together, and how many outputs that is, of `cells` units an image.
enum { KERNEL_UNITS = 4096 };
static inline ptrdiff_t kernelListedOutputs(ptrdiff_t cells) {
  const ptrdiff_t most = KERNEL_UNITS / KERNEL_LANES;
  return cells < 1 ? most : cells < most ? most / cells : 1;
}

// How many floats of `room` a convolution takes whose outHeight × outWidth outputs are pooled, in any variant: both
// sources' images apart, both tables of kernels, and the lists.
static inline ptrdiff_t kernelBranchFloats(int kernel, int stride, int inChannels, int outChannels, int outHeight,
                                           int outWidth) {
  const ptrdiff_t height = (outHeight - 1) * stride + kernel, width = (outWidth - 1) * stride + kernel;
  const ptrdiff_t cells = (ptrdiff_t)(outHeight / 2) * (outWidth / 2), side = kernel + 2 * stride;
  return 32 * (height * width * inChannels + 32) + 2 * (outChannels * side * (side * inChannels + 16) + 16) +
         kernelListedOutputs(cells) * 32 * (cells + 2) + 64 * (outChannels + 1);
}

// One step of SGD on a range of the parameters, with PyTorch's meaning of momentum and weight decay.
typedef struct {
  float *parameters, *velocity;
  const float *gradients;      // `parts` buffers, `stride` apart, summed in order
  ptrdiff_t stride, begin, end;
  float learningRate, momentum, weightDecay;
  int parts, nesterov;
} SGDStep;

// One compiled variant of every kernel.
typedef struct {
  const char *name;
  void (*convForward)(const ConvForward *);
  void (*convBackward)(const ConvBackward *);
  void (*convWeights)(const ConvWeights *);
  void (*convChannelWeights)(const ConvChannelWeights *);
  void (*convBranchWeights)(const ConvBranchWeights *);
  void (*linearForward)(const LinearForward *);
  void (*linearBackward)(const LinearBackward *);
  void (*linearWeights)(const LinearWeights *);
  void (*normForward)(const NormForward *);
  void (*normBackward)(const NormBackward *);
  void (*normSums)(const NormSums *);
  void (*moments)(const Moments *);
  // y[c][16] = the mean of x[c] over its pixels.
  void (*averagePool)(const float *x, float *y, ptrdiff_t row, ptrdiff_t channel, int channels, int height,
                      int width);
  // dx[c][p][16] = d[c][16] / pixels.
  void (*averageSpread)(const float *d, float *dx, ptrdiff_t row, ptrdiff_t channel, int channels, int height,
                        int width);
  void (*softmaxLoss)(const SoftmaxLoss *);
  // out[j] = scale · p[j] · (t[j] − Σ_k p[k]·t[k]): the Hessian of the loss at the logits times t.
  void (*softmaxHessian)(const float *p, const float *t, float *out, int classes, float scale, int count);
  // Writes the pixels of 16 images (null: zeros), value·gain + offset, at [y][x][16] with a row stride.
  void (*loadImages)(const uint8_t *const images[16], float *out, ptrdiff_t row, int height, int width,
                     float gain, float offset);
  // out[l][i] = x[i][l] for 16 lanes; rows of out are `row` floats, written up to a multiple of 16.
  void (*transpose)(const float *x, float *out, ptrdiff_t row, int inputs);
  // out[p][l][c] = x[c][p][l] for 16 lanes; channels a multiple of 16, planes of x `channel` floats apart.
  void (*transposeChannels)(const float *x, float *out, ptrdiff_t channel, int channels, int pixels);
  // out[i] += scale · Σ_l sums[i][l].
  void (*reduceLanes)(const float *sums, float *out, ptrdiff_t count, float scale);
  // out[l] += Σ_i x[i][l]² for 16 lanes.
  void (*squareLanes)(const float *x, float *out, ptrdiff_t count);
  // Adds over `pixels` vectors a row, `rows` rows: sums[16] += Σ x.
  void (*sumPixels)(const float *x, float *sums, ptrdiff_t row, int rows, int pixels);
  // Returns 0 if all new parameters are finite, NaN otherwise.
  float (*sgdStep)(const SGDStep *);
} Kernels;

// The variant named "baseline", "avx2" or "avx512" if this processor can run it, else null; "reference" has the
// definitions that the others are held to, as slow as they are plain.
const Kernels *kernelsNamed(const char *name);
// The fastest variant that this processor can run.
const Kernels *kernelsBest(void);

// Tells the processor that this thread is spinning.
static inline void kernelsPause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
