// Gradients of the weights of a pooled convolution, along its branches.

// `rows` rows of one output's kernel × `wide` vectors of each stay in registers over all units of the list. Short sums
// are kept twice, for every other unit, so that enough are under way.
INLINE void branchTile(const Unit *units, int count, const float *x, ptrdiff_t row, float *sums, ptrdiff_t sumsRow,
                       const int rows, const int wide) {
  const int copies = rows * wide <= 6 ? 2 : 1;
  V acc[24];
  UNROLL for (int i = 0; i < copies * rows * wide; i++) acc[i] = zero();
  int unit = 0;
  for (; unit + copies <= count; unit += copies) {
    UNROLL for (int c = 0; c < copies; c++) {
      const float *from = x + units[unit + c].at;
      const V value = (V)units[unit + c].value;
      UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int q = 0; q < wide; q++)
          acc[(c * rows + r) * wide + q] += value * loadAnywhere(from + r * row + q * NATIVE_LANES);
      }
    }
  }
  if (unit < count) {
    const float *from = x + units[unit].at;
    const V value = (V)units[unit].value;
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int q = 0; q < wide; q++)
        acc[r * wide + q] += value * loadAnywhere(from + r * row + q * NATIVE_LANES);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int q = 0; q < wide; q++) {
      V v = acc[r * wide + q];
      if (copies == 2) v += acc[(rows + r) * wide + q];
      float *to = sums + r * sumsRow + q * NATIVE_LANES;
      storeAnywhere(to, loadAnywhere(to) + v);
    }
  }
}

INLINE void branchColumns(const Unit *units, int count, const float *x, ptrdiff_t row, float *sums, ptrdiff_t sumsRow,
                          int rows, const int wide) {
#define TILE(size) branchTile(units, count, x + at * row, row, sums + at * sumsRow, sumsRow, size, wide)
  if (wide == 4) { IN_TILES(rows, BRANCH_ROWS_WIDE, TILE) }
  else { IN_TILES(rows, BRANCH_ROWS, TILE) }
#undef TILE
}

// sums[r][…] += Σ_units value · x[at + r·row + …] over `rows` rows of `vectors` vectors.
static void sumUnits(const Unit *units, int count, const float *x, ptrdiff_t row, float *sums, ptrdiff_t sumsRow,
                     int rows, int vectors) {
#define COLUMNS(wide) \
  branchColumns(units, count, x + at * NATIVE_LANES, row, sums + at * NATIVE_LANES, sumsRow, rows, wide)
  IN_TILES(vectors, BRANCH_VECTORS, COLUMNS)
#undef COLUMNS
}

// Lists the units of output o, by groups of images; a group's list takes `capacity`.
static void listUnits(const ConvBranchWeights *a, const Steps *steps, int o, Unit *lists, ptrdiff_t capacity,
                      int counts[GROUPS]) {
  for (int group = 0; group < GROUPS; group++) counts[group] = 0;
  const uint8_t *code = a->code + (ptrdiff_t)o * a->height * a->width * KERNEL_LANES;
  for (int y = 0; y < a->height; y++) {
    const float *d = a->dy + o * a->dyChannel + y * a->dyRow;
    for (int x = 0; x < a->width; x++, code += KERNEL_LANES, d += KERNEL_LANES) {
      Branches met;
      follow(code, d, 2 * y * steps->down + 2 * x * steps->right, steps, &met);
      append(&met, d, 0, lists, capacity, counts);
    }
  }
}

static void convBranchWeights(const ConvBranchWeights *a) {
  const Apart images = apart(a->kernel, a->stride, a->inChannels, 2 * a->height, 2 * a->width);
  const int cells = a->height * a->width, perRow = a->kernel * a->inChannels, perOutput = a->kernel * perRow;
  const ptrdiff_t sumsRow = whole(perRow, NATIVE_LANES), capacity = (ptrdiff_t)cells * NEAR_IMAGES + 1;
  const int block = listedChannels(cells);
  const Steps steps = stepsOf(a->stride * a->inChannels, (int32_t)(a->stride * images.row), images.image, a->firstImage,
                              a->images);
  float *x = a->room, *sums = x + KERNEL_LANES * images.image;
  Unit *lists = (Unit *)(sums + whole(a->outChannels * a->kernel * sumsRow, KERNEL_LANES));
  takeApart(a->x, a->xRow, a->xChannel, &images, x);
  memset(sums, 0, sizeof(float) * (size_t)(a->outChannels * a->kernel * sumsRow));
  for (int first = 0; first < a->outChannels; first += block) {
    const int end = first + block < a->outChannels ? first + block : a->outChannels;
    int counts[MOST_LISTED][GROUPS];
    for (int o = first; o < end; o++)
      listUnits(a, &steps, o, lists + (o - first) * GROUPS * capacity, capacity, counts[o - first]);
    for (int group = 0; group < GROUPS; group++) {
      for (int o = first; o < end; o++) {
        sumUnits(lists + ((o - first) * GROUPS + group) * capacity, counts[o - first][group],
                 x + group * NEAR_IMAGES * images.image, images.row, sums + o * a->kernel * sumsRow, sumsRow, a->kernel,
                 (int)(sumsRow / NATIVE_LANES));
      }
    }
  }
  for (int line = 0; line < a->outChannels * a->kernel; line++)
    for (int i = 0; i < perRow; i++)
      a->sums[(line / a->kernel) * perOutput + (line % a->kernel) * perRow + i] += sums[line * sumsRow + i];
}
