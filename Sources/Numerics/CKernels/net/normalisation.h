// Batch normalisation of channels, forward and back, and average pooling.

static void normForward(const NormForward *a) {
  for (int c = 0; c < a->channels; c++) {
    const V scale0 = (V)a->scale0[c], shift = (V)a->shift[c];
    const V scale1 = a->x1 ? (V)a->scale1[c] : zero();
    for (int y = 0; y < a->height; y++) {
      const ptrdiff_t from = c * a->xChannel + y * a->xRow, to = c * a->yChannel + y * a->yRow;
      const float *addend = a->addend ? a->addend + c * a->addendChannel + y * a->addendRow : NULL;
      for (int i = 0; i < a->width * KERNEL_LANES; i += NATIVE_LANES) {
        V v = scale0 * load(a->x0 + from + i) + shift;
        if (a->x1) v += scale1 * load(a->x1 + from + i);
        if (addend) v += load(addend + i);
        if (a->epilogue == KERNEL_RELU) v = v <= zero() ? zero() : v;
        if (a->epilogue == KERNEL_MASK) v = load(a->mask + to + i) > zero() ? v : zero();
        store(a->y + to + i, v);
      }
    }
  }
}

static void normBackward(const NormBackward *a) {
  float live[KERNEL_LANES] __attribute__((aligned(64)));
  for (int l = 0; l < KERNEL_LANES; l++) live[l] = l < a->count ? 1.0f : 0.0f;
  for (int c = 0; c < a->channels; c++) {
    const V p = (V)a->p[c];
    const V q = a->q ? (V)a->q[c] : zero(), r = a->r ? (V)a->r[c] : zero();
    for (int y = 0; y < a->height; y++) {
      const ptrdiff_t d = c * a->dChannel + y * a->dRow;
      const float *mask = a->mask ? a->mask + c * a->maskChannel + y * a->maskRow : NULL;
      const float *x = a->x ? a->x + c * a->xChannel + y * a->xRow : NULL;
      float *dx = a->dx + c * a->dxChannel + y * a->dxRow;
      float *da = a->da ? a->da + c * a->daChannel + y * a->daRow : NULL;
      for (int k = 0; k < a->width; k++) {
        FOR_LANES(lane) {
          const int i = k * KERNEL_LANES + lane;
          V v = load(a->d0 + d + i);
          I on = mask ? load(mask + i) > zero() : (I)-1;
          v = on ? v : zero();
          V out = p * v;
          if (a->d1) out += q * (on ? load(a->d1 + d + i) : zero());
          if (x) out += load(live + lane) * (q * load(x + i) + r);
          store(dx + i, out);
          if (da) store(da + i, a->adds ? load(da + i) + v : v);
        }
      }
    }
  }
}

static void normSums(const NormSums *a) {
  for (int c = 0; c < a->channels; c++) {
    const V centre = (V)a->centre[c], inverse = (V)a->inverse[c];
    FOR_LANES(lane) {
      V weight = zero(), bias = zero();
      for (int y = 0; y < a->height; y++) {
        const float *d = a->d + c * a->dChannel + y * a->dRow + lane;
        const float *x = a->x + c * a->xChannel + y * a->xRow + lane;
        const float *mask = a->mask ? a->mask + c * a->maskChannel + y * a->maskRow + lane : NULL;
        for (int i = 0; i < a->width * KERNEL_LANES; i += KERNEL_LANES) {
          V v = load(d + i);
          if (mask) v = load(mask + i) > zero() ? v : zero();
          bias += v;
          weight += v * (load(x + i) - centre);
        }
      }
      float *w = a->weightSums + c * KERNEL_LANES + lane;
      store(w, load(w) + weight * inverse);
      if (!a->biasSums) continue;
      float *b = a->biasSums + c * KERNEL_LANES + lane;
      store(b, load(b) + bias);
    }
  }
}

static void moments(const Moments *a) {
  for (int c = 0; c < a->channels; c++) {
    const float *plane = a->x + c * a->xChannel;
    const double n = (double)a->count * a->height * a->width;
    double total = 0, squares = 0;
    for (int pass = 0; pass < 2; pass++) {
      const V centre = (V)(float)a->mean[c];
      FOR_LANES(lane) {
        V sum = zero();
        for (int y = 0; y < a->height; y++) {
          const float *x = plane + y * a->xRow + lane;
          for (int i = 0; i < a->width * KERNEL_LANES; i += KERNEL_LANES) {
            V v = load(x + i);
            if (pass) v = (v - centre) * (v - centre);
            sum += v;
          }
        }
        for (int l = 0; l < NATIVE_LANES && lane + l < a->count; l++) {
          if (pass) squares += sum[l];
          else total += sum[l];
        }
      }
      if (!pass) a->mean[c] = total / n;
    }
    // The centre was the mean's nearest float.
    const double gap = (double)(float)a->mean[c] - a->mean[c];
    a->squares[c] = squares - n * gap * gap;
  }
}

static void averagePool(const float *x, float *y, ptrdiff_t row, ptrdiff_t channel, int channels, int height,
                        int width) {
  const V share = (V)(1.0f / (float)(height * width));
  for (int c = 0; c < channels; c++) {
    FOR_LANES(lane) {
      V sum = zero();
      for (int i = 0; i < height; i++)
        for (int k = 0; k < width; k++) sum += load(x + c * channel + i * row + k * KERNEL_LANES + lane);
      store(y + c * KERNEL_LANES + lane, sum * share);
    }
  }
}

static void averageSpread(const float *d, float *dx, ptrdiff_t row, ptrdiff_t channel, int channels, int height,
                          int width) {
  const V share = (V)(1.0f / (float)(height * width));
  for (int c = 0; c < channels; c++) {
    FOR_LANES(lane) {
      const V v = load(d + c * KERNEL_LANES + lane) * share;
      for (int i = 0; i < height; i++)
        for (int k = 0; k < width; k++) store(dx + c * channel + i * row + k * KERNEL_LANES + lane, v);
    }
  }
}
