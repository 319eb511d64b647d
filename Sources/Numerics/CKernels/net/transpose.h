// Images as lanes and what else is innermost, exchanged in blocks of 16.

// Exchanges the off-diagonal blocks of `distance` columns between two rows.
INLINE void exchange(V16 *a, V16 *b, const int distance) {
  V16 x = *a, y = *b;
  switch (distance) {
    case 8:
      *a = __builtin_shufflevector(x, y, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
      *b = __builtin_shufflevector(x, y, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
      break;
    case 4:
      *a = __builtin_shufflevector(x, y, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
      *b = __builtin_shufflevector(x, y, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
      break;
    case 2:
      *a = __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
      *b = __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
      break;
    default:
      *a = __builtin_shufflevector(x, y, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
      *b = __builtin_shufflevector(x, y, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
  }
}

INLINE void transpose16(V16 m[16]) {
  UNROLL for (int i = 0; i < 8; i++) exchange(&m[i], &m[i + 8], 8);
  UNROLL for (int i = 0; i < 16; i++) {
    if (!(i & 4)) exchange(&m[i], &m[i + 4], 4);
  }
  UNROLL for (int i = 0; i < 16; i++) {
    if (!(i & 2)) exchange(&m[i], &m[i + 2], 2);
  }
  UNROLL for (int i = 0; i < 16; i++) {
    if (!(i & 1)) exchange(&m[i], &m[i + 1], 1);
  }
}

static void transpose(const float *x, float *out, ptrdiff_t row, int inputs) {
  int i = 0;
  for (; i + 16 <= inputs; i += 16) {
    V16 block[16];
    UNROLL for (int k = 0; k < 16; k++) block[k] = *(const V16 *)(x + (i + k) * KERNEL_LANES);
    transpose16(block);
    UNROLL for (int l = 0; l < 16; l++) *(V16 *)(out + l * row + i) = block[l];
  }
  if (i == inputs) return;
  for (int l = 0; l < 16; l++)
    for (int k = 0; k < 16; k++) out[l * row + i + k] = i + k < inputs ? x[(i + k) * KERNEL_LANES + l] : 0.0f;
}

static void transposeChannels(const float *x, float *out, ptrdiff_t channel, int channels, int pixels) {
  for (int p = 0; p < pixels; p++, out += KERNEL_LANES * channels) {
    for (int c = 0; c < channels; c += 16) {
      V16 block[16];
      UNROLL for (int k = 0; k < 16; k++) block[k] = *(const V16 *)(x + (c + k) * channel + p * KERNEL_LANES);
      transpose16(block);
      UNROLL for (int l = 0; l < 16; l++) *(V16 *)(out + l * channels + c) = block[l];
    }
  }
}
