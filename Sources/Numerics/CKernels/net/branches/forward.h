// Pooled convolution forward along the branches that an earlier pass took.

enum { UNITS_TOGETHER = 8 };

// Rows that fill a register with all their channels; shorter ones go with images as lanes.
INLINE int followsBranches(const ConvForward *a) {
  return a->epilogue == KERNEL_POOL_SELECT && a->room && a->kernel * a->inChannels >= KERNEL_LANES;
}

// The sums of two vectors' neighbours, those of the first before those of the second.
INLINE V pairs(V a, V b) {
#if NATIVE_LANES == 16
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif NATIVE_LANES == 8
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) + __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}

// The sum of the lanes of each of eight vectors.
INLINE void totals(V v[UNITS_TOGETHER], float *out) {
  V halves[4], quarters[2];
  UNROLL for (int i = 0; i < 4; i++) halves[i] = pairs(v[2 * i], v[2 * i + 1]);
  UNROLL for (int i = 0; i < 2; i++) quarters[i] = pairs(halves[2 * i], halves[2 * i + 1]);
  if (NATIVE_LANES == 4) {
    UNROLL for (int i = 0; i < 2; i++) storeAnywhere(out + i * NATIVE_LANES, quarters[i]);
    return;
  }
  V eighths = pairs(quarters[0], quarters[1]);
  if (NATIVE_LANES == 16) eighths = pairs(eighths, eighths);
  UNROLL for (int u = 0; u < UNITS_TOGETHER; u++) out[u] = eighths[u % NATIVE_LANES];
}

// Eight units' products with one output's kernel, from each source.
INLINE void dotTile(const ConvForward *a, const Unit *units, const float *x, ptrdiff_t nextSource, ptrdiff_t row,
                    const float *w, ptrdiff_t nextKernels, int vectors, float *out) {
  V acc[UNITS_TOGETHER];
  UNROLL for (int u = 0; u < UNITS_TOGETHER; u++) acc[u] = zero();
  for (int source = 0; source < a->sources; source++) {
    const float *from[UNITS_TOGETHER];
    UNROLL for (int u = 0; u < UNITS_TOGETHER; u++) from[u] = x + source * nextSource + units[u].at;
    const float *weight = w + source * nextKernels;
    for (int ky = 0; ky < a->kernel; ky++) {
      const ptrdiff_t begin = ky * row;
      for (ptrdiff_t at = begin; at < begin + vectors * NATIVE_LANES; at += NATIVE_LANES, weight += NATIVE_LANES) {
        const V one = load(weight);
        UNROLL for (int u = 0; u < UNITS_TOGETHER; u++) acc[u] += one * loadAnywhere(from[u] + at);
      }
    }
  }
  totals(acc, out);
}

// One output's listed units of a group of images.
INLINE void dotUnits(const ConvForward *a, Unit *units, int count, const float *x, ptrdiff_t nextSource, ptrdiff_t row,
                     const float *w, ptrdiff_t nextKernels, int vectors, float bias, float *y) {
  // The last eight are filled up with the first unit.
  for (int i = count; i % UNITS_TOGETHER; i++) units[i] = units[0];
  for (int first = 0; first < count; first += UNITS_TOGETHER) {
    float sums[UNITS_TOGETHER];
    dotTile(a, units + first, x, nextSource, row, w, nextKernels, vectors, sums);
    for (int u = 0; u < UNITS_TOGETHER; u++) y[units[first + u].place] = bias + sums[u];
  }
}

static void branchForward(const ConvForward *a) {
  const int height = a->outHeight / 2, width = a->outWidth / 2, cells = height * width;
  const Apart images = apart(a->kernel, a->stride, a->inChannels, 2 * height, 2 * width);
  const int vectors = (int)(whole(a->kernel * a->inChannels, NATIVE_LANES) / NATIVE_LANES);
  const ptrdiff_t perOutput = (ptrdiff_t)a->kernel * vectors * NATIVE_LANES, nextSource = KERNEL_LANES * images.image;
  const ptrdiff_t nextKernels = whole(a->outChannels * perOutput, KERNEL_LANES);
  const ptrdiff_t capacity = whole((ptrdiff_t)cells * NEAR_IMAGES + 1, UNITS_TOGETHER);
  const int block = (int)kernelListedOutputs(cells);
  const Steps steps =
      stepsOf(a->stride * a->inChannels, (int32_t)(a->stride * images.row), images.image, 0, KERNEL_LANES);
  float *x = a->room, *kernels = x + a->sources * nextSource;
  Unit *lists = (Unit *)(kernels + a->sources * nextKernels);
  memset(kernels, 0, sizeof(float) * (size_t)(a->sources * nextKernels));
  for (int source = 0; source < a->sources; source++) {
    takeApart(source ? a->x1 : a->x0, a->xRow, a->xChannel, &images, x + source * nextSource);
    layKernels(source ? a->w1 : a->w0, a->outChannels, a->inChannels, a->kernel, perOutput, vectors * NATIVE_LANES,
               kernels + source * nextKernels);
  }
  // Dead units get nothing.
  for (int o = 0; o < a->outChannels; o++)
    for (int y = 0; y < height; y++)
      memset(a->y + o * a->yChannel + y * a->yRow, 0, sizeof(float) * (size_t)(width * KERNEL_LANES));
  for (int first = 0; first < a->outChannels; first += block) {
    const int end = first + block < a->outChannels ? first + block : a->outChannels;
    int counts[MOST_LISTED][GROUPS];
    for (int o = first; o < end; o++)
      listUnits(a->code + (ptrdiff_t)o * cells * KERNEL_LANES, NULL, a->yRow, height, width, &steps,
                lists + (o - first) * GROUPS * capacity, capacity, counts[o - first]);
    for (int group = 0; group < GROUPS; group++) {
      for (int o = first; o < end; o++) {
        dotUnits(a, lists + ((o - first) * GROUPS + group) * capacity, counts[o - first][group],
                 x + group * NEAR_IMAGES * images.image, nextSource, images.row, kernels + o * perOutput, nextKernels,
                 vectors, a->bias ? a->bias[o] : 0.0f, a->y + o * a->yChannel);
      }
    }
  }
}
