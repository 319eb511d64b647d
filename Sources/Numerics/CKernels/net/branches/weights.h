// Gradients of the weights of a pooled convolution, along its branches.

static void convBranchWeights(const ConvBranchWeights *a) {
  const Apart images = apart(a->kernel, a->stride, a->inChannels, 2 * a->height, 2 * a->width);
  const int cells = a->height * a->width, perRow = a->kernel * a->inChannels, perOutput = a->kernel * perRow;
  const ptrdiff_t sumsRow = whole(perRow, NATIVE_LANES), capacity = (ptrdiff_t)cells * NEAR_IMAGES + 1;
  const int block = (int)kernelListedOutputs(cells);
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
      listUnits(a->code + (ptrdiff_t)o * cells * KERNEL_LANES, a->dy + o * a->dyChannel, a->dyRow, a->height, a->width,
                &steps, lists + (o - first) * GROUPS * capacity, capacity, counts[o - first]);
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
