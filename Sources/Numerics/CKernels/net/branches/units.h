// Convolutions that are max-pooled, along the branches that their forward pass took: what all three ways have in common.
//
// Of a window of 2×2 outputs only the one that `code` names takes part in a derivative, and none where ReLU is off: a
// quarter of the convolution's products at most. Which one it is differs from image to image. So the lanes of a register
// are not images here, but what follows in a row of one image whose channels are innermost: a row of the kernel over
// all channels meets neighbours in memory. The units that take part are listed first, so that no branch depends on data.

typedef float Anywhere __attribute__((ext_vector_type(NATIVE_LANES), aligned(4)));

INLINE V loadAnywhere(const float *p) { return *(const Anywhere *)p; }
INLINE void storeAnywhere(float *p, V v) { *(Anywhere *)p = v; }

INLINE ptrdiff_t whole(ptrdiff_t count, ptrdiff_t part) { return (count + part - 1) / part * part; }

// Images that lie apart, [image][y][x][channel], with their padding; strides in floats. What is read or written behind
// an image's end is at most a register long.
typedef struct {
  int height, width, channels;
  ptrdiff_t row, image;
} Apart;

INLINE Apart apart(int kernel, int stride, int channels, int outHeight, int outWidth) {
  const int height = (outHeight - 1) * stride + kernel, width = (outWidth - 1) * stride + kernel;
  const ptrdiff_t row = (ptrdiff_t)width * channels;
  return (Apart){height, width, channels, row, whole(height * row, KERNEL_LANES) + KERNEL_LANES};
}

// A place that goes through an image's pixels and, at each, its channels.
typedef struct {
  int channel, x, y;
} Place;

INLINE void advance(Place *at, const Apart *images) {
  if (++at->channel < images->channels) return;
  at->channel = 0;
  if (++at->x < images->width) return;
  at->x = 0;
  at->y++;
}

// Takes the 16 images of a pack apart; x is at their padding. What lies behind an image's end is zero.
static void takeApart(const float *x, ptrdiff_t xRow, ptrdiff_t xChannel, const Apart *images, float *out) {
  const ptrdiff_t count = images->height * images->row;
  Place at = {0, 0, 0};
  for (ptrdiff_t first = 0; first < images->image; first += 16) {
    V16 block[16];
    for (int k = 0; k < 16; k++) {
      if (first + k >= count) {
        block[k] = (V16)0.0f;
        continue;
      }
      block[k] = *(const V16 *)(x + at.channel * xChannel + at.y * xRow + at.x * KERNEL_LANES);
      advance(&at, images);
    }
    transpose16(block);
    UNROLL for (int l = 0; l < 16; l++) *(V16 *)(out + l * images->image + first) = block[l];
  }
}

// Images that are gone through together, so that they stay in the first-level cache.
enum { NEAR_IMAGES = 2, GROUPS = KERNEL_LANES / NEAR_IMAGES, MOST_LISTED = KERNEL_UNITS / KERNEL_LANES };

// A unit that takes part: where its window begins in a table or among images that lie apart, and its number.
typedef struct {
  int32_t at;
  union {
    float value;
    int32_t place;
  };
} Unit;

// Where the windows of 16 images' units begin, and which of the units take part.
typedef struct {
  _Alignas(64) int32_t at[KERNEL_LANES];
  _Alignas(64) int32_t taking[KERNEL_LANES];
} Branches;

// How windows lie in memory: what the branch to the next pixel and to the next row adds, and what each image adds; −1 at
// those images that are gone through.
typedef struct {
  _Alignas(64) int32_t image[KERNEL_LANES];
  _Alignas(64) int32_t among[KERNEL_LANES];
  int32_t right, down;
} Steps;

// `apart` is from one image of a group to the next.
INLINE Steps stepsOf(int32_t right, int32_t down, ptrdiff_t apart, int first, int images) {
  Steps steps = {.right = right, .down = down};
  for (int lane = 0; lane < KERNEL_LANES; lane++) {
    steps.image[lane] = (int32_t)(lane % NEAR_IMAGES * apart);
    steps.among[lane] = lane >= first && lane < first + images ? -1 : 0;
  }
  return steps;
}

// Follows one pooled unit of 16 images, whose first window begins at `begin`; one whose value in `d` is zero, unless d is
// null, takes no part.
INLINE void follow(const uint8_t *code, const float *d, int32_t begin, const Steps *steps, Branches *to) {
  FOR_LANES(lane) {
    I branch = __builtin_convertvector(*(const B *)(code + lane), I);
    I taking = (branch < (I)KERNEL_DEAD) & *(const I *)(steps->among + lane);
    // Written so that NaN takes part.
    if (d) taking &= ~(load(d + lane) == zero());
    *(I *)(to->at + lane) = (I)begin + *(const I *)(steps->image + lane) + (branch & 1) * (I)steps->right +
                            (branch >> 1) * (I)steps->down;
    *(I *)(to->taking + lane) = taking;
  }
}

// Appends one pooled unit of 16 images to the lists of their groups, `capacity` apart, each with its value in `d` or, where
// d is null, its place. Counts change once a group, so that units need not wait for one another.
INLINE void append(const Branches *met, const float *d, int32_t place, Unit *lists, ptrdiff_t capacity,
                   int counts[GROUPS]) {
  UNROLL for (int group = 0; group < GROUPS; group++) {
    Unit *unit = lists + group * capacity + counts[group];
    int count = 0;
    UNROLL for (int l = 0; l < NEAR_IMAGES; l++) {
      const int lane = group * NEAR_IMAGES + l;
      unit[count] = d ? (Unit){.at = met->at[lane], .value = d[lane]} : (Unit){.at = met->at[lane], .place = place + lane};
      count -= met->taking[lane];
    }
    counts[group] += count;
  }
}

// Lists one output's height × width units, by groups of images; a group's list takes `capacity`. Each has its value in d,
// whose rows are `row` apart, or where d is null its place in rows that are.
INLINE void listUnits(const uint8_t *code, const float *d, ptrdiff_t row, int height, int width, const Steps *steps,
                      Unit *lists, ptrdiff_t capacity, int counts[GROUPS]) {
  for (int group = 0; group < GROUPS; group++) counts[group] = 0;
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++, code += KERNEL_LANES) {
      const ptrdiff_t place = y * row + x * KERNEL_LANES;
      const float *values = d ? d + place : NULL;
      Branches met;
      follow(code, values, 2 * y * steps->down + 2 * x * steps->right, steps, &met);
      append(&met, values, (int32_t)place, lists, capacity, counts);
    }
  }
}

// Lays kernels out with channels innermost, [output][row][column][channel], rows and outputs so far apart.
static void layKernels(const float *w, int outputs, int inputs, int K, ptrdiff_t output, ptrdiff_t row, float *out) {
  for (int o = 0; o < outputs; o++)
    for (int c = 0; c < inputs; c++)
      for (int ky = 0; ky < K; ky++)
        for (int kx = 0; kx < K; kx++) out[o * output + ky * row + kx * inputs + c] = *w++;
}

// `rows` rows × `wide` vectors of sums stay in registers over all units of a list. Short sums are kept twice, for every other
// unit, so that enough are under way.
INLINE void branchTile(const Unit *units, int count, const float *from, ptrdiff_t row, float *sums, ptrdiff_t sumsRow,
                       const int rows, const int wide) {
  const int copies = rows * wide <= 6 ? 2 : 1;
  V acc[24];
  UNROLL for (int i = 0; i < copies * rows * wide; i++) acc[i] = zero();
  int unit = 0;
  for (; unit + copies <= count; unit += copies) {
    UNROLL for (int c = 0; c < copies; c++) {
      const float *v = from + units[unit + c].at;
      const V value = (V)units[unit + c].value;
      UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int q = 0; q < wide; q++)
          acc[(c * rows + r) * wide + q] += value * loadAnywhere(v + r * row + q * NATIVE_LANES);
      }
    }
  }
  if (unit < count) {
    const float *v = from + units[unit].at;
    const V value = (V)units[unit].value;
    UNROLL for (int r = 0; r < rows; r++) {
      UNROLL for (int q = 0; q < wide; q++)
        acc[r * wide + q] += value * loadAnywhere(v + r * row + q * NATIVE_LANES);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int q = 0; q < wide; q++) {
      V sum = acc[r * wide + q];
      if (copies == 2) sum += acc[(rows + r) * wide + q];
      float *to = sums + r * sumsRow + q * NATIVE_LANES;
      storeAnywhere(to, loadAnywhere(to) + sum);
    }
  }
}

INLINE void branchColumns(const Unit *units, int count, const float *from, ptrdiff_t row, float *sums, ptrdiff_t sumsRow,
                          int rows, const int wide) {
#define TILE(size) branchTile(units, count, from + at * row, row, sums + at * sumsRow, sumsRow, size, wide)
  if (wide == 4) { IN_TILES(rows, BRANCH_ROWS_WIDE, TILE) }
  else { IN_TILES(rows, BRANCH_ROWS, TILE) }
#undef TILE
}

// sums[r][…] += Σ_units value · from[at + r·row + …] over `rows` rows of `vectors` vectors: of images for weights, of a table
// of kernels on the way back.
static void sumUnits(const Unit *units, int count, const float *from, ptrdiff_t row, float *sums, ptrdiff_t sumsRow,
                     int rows, int vectors) {
#define COLUMNS(wide) \
  branchColumns(units, count, from + at * NATIVE_LANES, row, sums + at * NATIVE_LANES, sumsRow, rows, wide)
  IN_TILES(vectors, BRANCH_VECTORS, COLUMNS)
#undef COLUMNS
}
