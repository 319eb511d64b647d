// The definitions of all that is no product with weights: normalisation, pooling, loss, layouts, the optimiser's step.

// MARK: - Normalisation

static void normForward(const NormForward *a) {
  for (int c = 0; c < a->channels; c++)
    for (int y = 0; y < a->height; y++)
      for (int i = 0; i < a->width * LANES; i++) {
        const ptrdiff_t from = c * a->xChannel + y * a->xRow + i, to = c * a->yChannel + y * a->yRow + i;
        double v = (double)a->scale0[c] * a->x0[from] + a->shift[c];
        if (a->x1) v += (double)a->scale1[c] * a->x1[from];
        if (a->addend) v += a->addend[c * a->addendChannel + y * a->addendRow + i];
        a->y[to] = finish(v, a->epilogue, a->mask, to);
      }
}

static void normBackward(const NormBackward *a) {
  for (int c = 0; c < a->channels; c++)
    for (int y = 0; y < a->height; y++)
      for (int i = 0; i < a->width * LANES; i++) {
        const int on = !a->mask || a->mask[c * a->maskChannel + y * a->maskRow + i] > 0;
        const ptrdiff_t d = c * a->dChannel + y * a->dRow + i;
        const double d0 = on ? a->d0[d] : 0, d1 = on && a->d1 ? a->d1[d] : 0;
        const double q = a->q ? a->q[c] : 0, r = a->r ? a->r[c] : 0;
        double dx = a->p[c] * d0 + q * d1;
        if (a->x && i % LANES < a->count) dx += q * a->x[c * a->xChannel + y * a->xRow + i] + r;
        a->dx[c * a->dxChannel + y * a->dxRow + i] = (float)dx;
        if (!a->da) continue;
        float *da = a->da + c * a->daChannel + y * a->daRow + i;
        *da = (float)(a->adds ? *da + d0 : d0);
      }
}

static void normSums(const NormSums *a) {
  for (int c = 0; c < a->channels; c++)
    for (int lane = 0; lane < LANES; lane++) {
      double weight = 0, bias = 0;
      for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
          const int i = x * LANES + lane;
          if (a->mask && !(a->mask[c * a->maskChannel + y * a->maskRow + i] > 0)) continue;
          const double d = a->d[c * a->dChannel + y * a->dRow + i];
          bias += d;
          weight += d * ((double)a->x[c * a->xChannel + y * a->xRow + i] - a->centre[c]);
        }
      a->weightSums[c * LANES + lane] += (float)(a->inverse[c] * weight);
      if (a->biasSums) a->biasSums[c * LANES + lane] += (float)bias;
    }
}

static void moments(const Moments *a) {
  for (int c = 0; c < a->channels; c++) {
    const float *x = a->x + c * a->xChannel;
    double sum = 0, squares = 0;
    for (int y = 0; y < a->height; y++)
      for (int i = 0; i < a->width * LANES; i++)
        if (i % LANES < a->count) sum += x[y * a->xRow + i];
    a->mean[c] = sum / ((double)a->count * a->height * a->width);
    for (int y = 0; y < a->height; y++)
      for (int i = 0; i < a->width * LANES; i++) {
        const double gap = x[y * a->xRow + i] - a->mean[c];
        if (i % LANES < a->count) squares += gap * gap;
      }
    a->squares[c] = squares;
  }
}

// MARK: - Pooling

static void averagePool(const float *x, float *y, ptrdiff_t row, ptrdiff_t channel, int channels, int height,
                        int width) {
  for (int c = 0; c < channels; c++)
    for (int lane = 0; lane < LANES; lane++) {
      double sum = 0;
      for (int p = 0; p < height * width; p++)
        sum += x[c * channel + p / width * row + p % width * LANES + lane];
      y[c * LANES + lane] = (float)(sum / (height * width));
    }
}

static void averageSpread(const float *d, float *dx, ptrdiff_t row, ptrdiff_t channel, int channels, int height,
                          int width) {
  for (int c = 0; c < channels; c++)
    for (int p = 0; p < height * width; p++)
      for (int lane = 0; lane < LANES; lane++)
        dx[c * channel + p / width * row + p % width * LANES + lane] =
            (float)((double)d[c * LANES + lane] / (height * width));
}

// MARK: - Loss

static void softmaxLoss(const SoftmaxLoss *a) {
  for (int lane = 0; lane < LANES; lane++) {
    const float *z = a->logits + lane;
    const int label = a->labels ? a->labels[lane] : 0;
    int best = 0;
    for (int k = 1; k < a->classes; k++)
      if (z[k * LANES] > z[best * LANES]) best = k;
    double rest = 0;
    for (int k = 0; k < a->classes; k++)
      if (k != best) rest += exp((double)z[k * LANES] - z[best * LANES]);
    for (int k = 0; k < a->classes; k++) {
      const double p = exp((double)z[k * LANES] - z[best * LANES]) / (1 + rest);
      // 1 − p of a confident net would cancel: it is the other classes' share.
      const double others = k == best ? rest / (1 + rest) : 1 - p;
      if (a->probabilities) a->probabilities[k * LANES + lane] = (float)p;
      if (a->gradient)
        a->gradient[k * LANES + lane] = lane < a->count ? (float)(a->scale * (k == label ? -others : p)) : 0;
    }
    if (a->losses)
      a->losses[lane] = (float)(log1p(rest) + ((double)z[best * LANES] - z[label * LANES]));
    if (a->predictions) a->predictions[lane] = (uint8_t)best;
  }
}

static void softmaxHessian(const float *p, const float *t, float *out, int classes, float scale, int count) {
  for (int lane = 0; lane < LANES; lane++) {
    double mean = 0;
    for (int k = 0; k < classes; k++) mean += (double)p[k * LANES + lane] * t[k * LANES + lane];
    for (int k = 0; k < classes; k++) {
      const int at = k * LANES + lane;
      out[at] = lane < count ? (float)(scale * p[at] * (t[at] - mean)) : 0;
    }
  }
}

// MARK: - Layouts and sums

static void loadImages(const uint8_t *const images[16], float *out, ptrdiff_t row, int height, int width,
                       float gain, float offset) {
  for (int p = 0; p < height * width; p++)
    for (int lane = 0; lane < LANES; lane++)
      out[p / width * row + p % width * LANES + lane] = images[lane] ? images[lane][p] * gain + offset : 0;
}

static void transpose(const float *x, float *out, ptrdiff_t row, int inputs) {
  for (int lane = 0; lane < LANES; lane++)
    for (int i = 0; i < (inputs + 15) / 16 * 16; i++)
      out[lane * row + i] = i < inputs ? x[i * LANES + lane] : 0;
}

static void transposeChannels(const float *x, float *out, ptrdiff_t channel, int channels, int pixels) {
  for (int lane = 0; lane < LANES; lane++)
    for (int p = 0; p < pixels; p++)
      for (int c = 0; c < channels; c++)
        out[(p * LANES + lane) * channels + c] = x[c * channel + p * LANES + lane];
}

static void reduceLanes(const float *sums, float *out, ptrdiff_t count, float scale) {
  for (ptrdiff_t i = 0; i < count; i++) {
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += sums[i * LANES + lane];
    out[i] += (float)(scale * sum);
  }
}

static void squareLanes(const float *x, float *out, ptrdiff_t count) {
  for (int lane = 0; lane < LANES; lane++) {
    double sum = out[lane];
    for (ptrdiff_t i = 0; i < count; i++) sum += (double)x[i * LANES + lane] * x[i * LANES + lane];
    out[lane] = (float)sum;
  }
}

static void sumPixels(const float *x, float *sums, ptrdiff_t row, int rows, int pixels) {
  for (int lane = 0; lane < LANES; lane++) {
    double sum = sums[lane];
    for (int p = 0; p < rows * pixels; p++) sum += x[p / pixels * row + p % pixels * LANES + lane];
    sums[lane] = (float)sum;
  }
}

// MARK: - The optimiser

static float sgdStep(const SGDStep *a) {
  float check = 0;
  for (ptrdiff_t i = a->begin; i < a->end; i++) {
    float d = a->weightDecay * a->parameters[i];
    for (int part = 0; part < a->parts; part++) d += a->gradients[part * a->stride + i];
    a->velocity[i] = a->momentum * a->velocity[i] + d;
    d = a->nesterov ? d + a->momentum * a->velocity[i] : a->velocity[i];
    a->parameters[i] -= a->learningRate * d;
    // x·0 is NaN just where x is not finite.
    check += a->parameters[i] * 0.0f;
  }
  return check;
}
