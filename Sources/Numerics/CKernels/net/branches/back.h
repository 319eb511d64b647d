// Pooled convolution back to its input, along its branches.

// Kernels with channels innermost, [output][row][column][channel], between zeros, so that a window of the pooled unit,
// which is larger by a stride, can be read of each of its four pixels.
typedef struct {
  ptrdiff_t row, output, all;
} Table;

INLINE Table tableOf(const ConvBackward *a, int vectors) {
  const int margin = a->stride * a->inChannels;
  const ptrdiff_t row = vectors * NATIVE_LANES + margin, output = (a->kernel + 2 * a->stride) * row;
  return (Table){row, output, whole(a->outChannels * output, KERNEL_LANES)};
}

// Lists, for each of the 16 images, the outputs that take part at one pooled pixel.
static void listOutputs(const ConvBackward *a, const Table *table, const Steps *steps, int y, int x, Unit *lists,
                        int counts[KERNEL_LANES]) {
  const ptrdiff_t plane = (ptrdiff_t)(a->outHeight / 2) * (a->outWidth / 2) * KERNEL_LANES;
  const uint8_t *code = a->code + ((ptrdiff_t)y * (a->outWidth / 2) + x) * KERNEL_LANES;
  const int capacity = a->sources * a->outChannels + 1;
  for (int lane = 0; lane < KERNEL_LANES; lane++) counts[lane] = 0;
  for (int source = 0; source < a->sources; source++) {
    const float *dy = (source ? a->dy1 : a->dy0) + y * a->dyRow + x * KERNEL_LANES;
    for (int o = 0; o < a->outChannels; o++) {
      const float *d = dy + o * a->dyChannel;
      Branches met;
      follow(code + o * plane, d, (int32_t)(source * table->all + o * table->output) - steps->down - steps->right,
             steps, &met);
      for (int lane = 0; lane < KERNEL_LANES; lane++) {
        lists[lane * capacity + counts[lane]] = (Unit){.at = met.at[lane], .value = d[lane]};
        counts[lane] -= met.taking[lane];
      }
    }
  }
}

// Puts the images of a pack together again, with the epilogue.
static void putTogether(const ConvBackward *a, const Apart *images, const float *from) {
  const ptrdiff_t count = images->height * images->row;
  Place at = {0, 0, 0};
  for (ptrdiff_t first = 0; first < count; first += 16) {
    V16 block[16];
    UNROLL for (int l = 0; l < 16; l++) block[l] = *(const V16 *)(from + l * images->image + first);
    transpose16(block);
    for (int k = 0; k < 16 && first + k < count; k++, advance(&at, images)) {
      const int y = at.y - a->padding, x = at.x - a->padding;
      if (y < 0 || y >= a->inHeight || x < 0 || x >= a->inWidth) continue;
      V16 v = block[k];
      V16 *dx = (V16 *)(a->dx + at.channel * a->dxChannel + y * a->dxRow + x * KERNEL_LANES);
      if (a->epilogue == KERNEL_MASK)
        v = *(const V16 *)(a->mask + at.channel * a->maskChannel + y * a->maskRow + x * KERNEL_LANES) > (V16)0.0f
                ? v : (V16)0.0f;
      *dx = a->epilogue == KERNEL_ADD ? *dx + v : v;
    }
  }
}

// Inputs that no pooled window meets get nothing.
static void clearOutside(const ConvBackward *a, const Apart *images) {
  if (a->epilogue == KERNEL_ADD) return;
  for (int c = 0; c < a->inChannels; c++)
    for (int y = 0; y < a->inHeight; y++) {
      const int from = y + a->padding < images->height ? images->width - a->padding : 0;
      float *dx = a->dx + c * a->dxChannel + y * a->dxRow;
      for (int i = (from < 0 ? 0 : from) * KERNEL_LANES; i < a->inWidth * KERNEL_LANES; i++) dx[i] = 0;
    }
}

static void branchBackward(const ConvBackward *a) {
  const int height = a->outHeight / 2, width = a->outWidth / 2, side = a->kernel + a->stride;
  const Apart images = apart(a->kernel, a->stride, a->inChannels, 2 * height, 2 * width);
  const int vectors = (int)(whole(side * a->inChannels, NATIVE_LANES) / NATIVE_LANES);
  const Table table = tableOf(a, vectors);
  // From the first pixel's window a later one lies to the right and below, so its kernel begins earlier.
  const Steps steps = stepsOf(-a->stride * a->inChannels, (int32_t)(-a->stride * table.row), 0, 0, KERNEL_LANES);
  const int capacity = a->sources * a->outChannels + 1;
  float *dx = a->room, *kernels = dx + KERNEL_LANES * images.image;
  Unit *lists = (Unit *)(kernels + a->sources * table.all);
  memset(kernels, 0, sizeof(float) * (size_t)(a->sources * table.all));
  for (int source = 0; source < a->sources; source++)
    layKernels(source ? a->w1 : a->w0, a->outChannels, a->inChannels, a->kernel, table.output, table.row,
               kernels + source * table.all + a->stride * (table.row + a->inChannels));
  memset(dx, 0, sizeof(float) * (size_t)(KERNEL_LANES * images.image));
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      int counts[KERNEL_LANES];
      listOutputs(a, &table, &steps, y, x, lists, counts);
      float *window = dx + 2 * a->stride * (y * images.row + x * a->inChannels);
      for (int lane = 0; lane < KERNEL_LANES; lane++)
        sumUnits(lists + lane * capacity, counts[lane], kernels, table.row, window + lane * images.image, images.row, side,
                 vectors);
    }
  }
  putTogether(a, &images, dx);
  clearOutside(a, &images);
}
