// Loss, input conversion, reductions and the optimiser's step.

#include "../exp.h"

static void softmaxLoss(const SoftmaxLoss *a) {
  const int classes = a->classes;
  FOR_LANES(lane) {
    V top = load(a->logits + lane);
    I best = (I)0;
    for (int k = 1; k < classes; k++) {
      V z = load(a->logits + k * KERNEL_LANES + lane);
      I better = z > top;
      top = better ? z : top;
      best = better ? (I)k : best;
    }
    // The largest term is exactly 1 and left out, so that log1p keeps small losses exact.
    V rest = zero();
    for (int k = 0; k < classes; k++) {
      V e = expOf(load(a->logits + k * KERNEL_LANES + lane) - top);
      rest += best == (I)k ? zero() : e;
    }
    V inverse = (V)1.0f / (rest + (V)1.0f);
    I label;
    for (int l = 0; l < NATIVE_LANES; l++) label[l] = a->labels ? a->labels[lane + l] : 0;
    V scale;
    for (int l = 0; l < NATIVE_LANES; l++) scale[l] = lane + l < a->count ? a->scale : 0.0f;
    V chosen = zero();
    for (int k = 0; k < classes; k++) {
      V z = load(a->logits + k * KERNEL_LANES + lane);
      V p = expOf(z - top) * inverse;
      I mine = label == (I)k;
      chosen = mine ? z : chosen;
      if (a->probabilities) store(a->probabilities + k * KERNEL_LANES + lane, p);
      // 1 − p of a confident net would cancel: it is the other classes' share.
      V others = best == (I)k ? rest * inverse : (V)1.0f - p;
      if (a->gradient) store(a->gradient + k * KERNEL_LANES + lane, scale * (mine ? -others : p));
    }
    V gap = top - chosen;
    for (int l = 0; l < NATIVE_LANES; l++) {
      if (a->losses) a->losses[lane + l] = log1pf(rest[l]) + gap[l];
      if (a->predictions) a->predictions[lane + l] = (uint8_t)best[l];
    }
  }
}

static void softmaxHessian(const float *p, const float *t, float *out, int classes, float scale, int count) {
  FOR_LANES(lane) {
    V mean = zero();
    for (int k = 0; k < classes; k++)
      mean += load(p + k * KERNEL_LANES + lane) * load(t + k * KERNEL_LANES + lane);
    V factor;
    for (int l = 0; l < NATIVE_LANES; l++) factor[l] = lane + l < count ? scale : 0.0f;
    for (int k = 0; k < classes; k++) {
      const ptrdiff_t at = k * KERNEL_LANES + lane;
      store(out + at, factor * load(p + at) * (load(t + at) - mean));
    }
  }
}

static void loadImages(const uint8_t *const images[16], float *out, ptrdiff_t row, int height, int width,
                       float gain, float offset) {
  const int pixels = height * width;
  int p = 0;
  for (; p + 16 <= pixels; p += 16) {
    V16 block[16];
    UNROLL for (int l = 0; l < 16; l++) {
      block[l] = images[l] ? __builtin_convertvector(*(const B16 *)(images[l] + p), V16) * (V16)gain +
                                 (V16)offset
                           : (V16)0.0f;
    }
    transpose16(block);
    for (int k = 0; k < 16; k++) {
      const int y = (p + k) / width, x = (p + k) % width;
      *(V16 *)(out + y * row + x * KERNEL_LANES) = block[k];
    }
  }
  for (; p < pixels; p++) {
    float *to = out + p / width * row + p % width * KERNEL_LANES;
    for (int l = 0; l < 16; l++) to[l] = images[l] ? (float)images[l][p] * gain + offset : 0.0f;
  }
}

static void reduceLanes(const float *sums, float *out, ptrdiff_t count, float scale) {
  for (ptrdiff_t i = 0; i < count; i++) {
    const float *s = sums + i * KERNEL_LANES;
    float part[8];
    for (int l = 0; l < 8; l++) part[l] = s[l] + s[l + 8];
    for (int l = 0; l < 4; l++) part[l] += part[l + 4];
    out[i] += scale * ((part[0] + part[2]) + (part[1] + part[3]));
  }
}

static void squareLanes(const float *x, float *out, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++)
    for (int l = 0; l < KERNEL_LANES; l++) out[l] += x[i * KERNEL_LANES + l] * x[i * KERNEL_LANES + l];
}

static void sumPixels(const float *x, float *sums, ptrdiff_t row, int rows, int pixels) {
  FOR_LANES(lane) {
    V total = load(sums + lane);
    for (int y = 0; y < rows; y++)
      for (int p = 0; p < pixels; p++) total += load(x + y * row + p * KERNEL_LANES + lane);
    store(sums + lane, total);
  }
}

static float sgdStep(const SGDStep *a) {
  float finite = 0;
  for (ptrdiff_t block = a->begin; block < a->end; block += 1024) {
    const int n = a->end - block < 1024 ? (int)(a->end - block) : 1024;
    float g[1024];
    memcpy(g, a->gradients + block, sizeof(float) * (size_t)n);
    for (int part = 1; part < a->parts; part++) {
      const float *more = a->gradients + part * a->stride + block;
      for (int i = 0; i < n; i++) g[i] += more[i];
    }
    float *restrict w = a->parameters + block, *restrict v = a->velocity + block;
    for (int i = 0; i < n; i++) {
      float d = g[i] + a->weightDecay * w[i];
      v[i] = a->momentum * v[i] + d;
      d = a->nesterov ? d + a->momentum * v[i] : v[i];
      w[i] -= a->learningRate * d;
    }
    // x·0 is NaN just where x is not finite; lane sums so that the loop vectorises.
    float check[16] = {0};
    int i = 0;
    for (; i + 16 <= n; i += 16)
      for (int l = 0; l < 16; l++) check[l] += w[i + l] * 0.0f;
    for (; i < n; i++) check[0] += w[i] * 0.0f;
    for (int l = 0; l < 16; l++) finite += check[l];
  }
  return finite;
}
