// How large the kernels' tiles are in each variant, and how a count is cut into them.
//
// A tile is n × m vectors of sums that stay in registers over a whole reduction: each load of n + m vectors feeds n·m
// multiply-adds. Its sizes change no result, since each sum has its own terms in their own order.

// Runs `tile(size)` from `at` on until `count` are done, in tiles of the listed sizes, each as long as it fits.
#define IN_TILES(count, SIZES, tile) \
  for (int at = 0, left = (count); left > 0;) { SIZES(tile) }

// One size of a list, from the largest to 1. Where `unless` are left the next size cuts them better: 8 = 4 + 4.
#define SIZE(size, unless, tile)           \
  if (left >= (size) && left != (unless)) { \
    tile(size);                            \
    at += (size);                          \
    left -= (size);                        \
    continue;                              \
  }

#if NATIVE_LANES == 16
// 32 registers, and a multiply-add that broadcasts from memory.
#define OUTPUT_CHANNELS(tile) SIZE(6, 8, tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define INPUT_CHANNELS(tile) OUTPUT_CHANNELS(tile)
#define INPUT_CHANNELS_NARROW(tile) SIZE(12, 16, tile) SIZE(8, 0, tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#define WEIGHT_CHANNELS(tile) SIZE(4, 6, tile) SIZE(3, 0, tile) SIZE(1, 0, tile)
#define WEIGHT_CHANNELS_5(tile) WEIGHT_CHANNELS(tile)
#define TAPS(tile) SIZE(5, 0, tile) SIZE(3, 0, tile) SIZE(1, 0, tile)
#define TAP_CHANNELS(tile) SIZE(6, 8, tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define TAP_CHANNELS_NARROW(tile) \
  SIZE(12, 16, tile) SIZE(8, 0, tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define TAP_VECTORS(tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define LINEAR_ROWS(tile) SIZE(12, 0, tile) SIZE(6, 0, tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#define GRADIENT_ROWS(tile) SIZE(6, 0, tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#define GRADIENT_VECTORS(tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#elif NATIVE_LANES == 8
// 16 registers: 12 sums, 3 weights and the input at hand.
#define OUTPUT_CHANNELS(tile) SIZE(3, 4, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define INPUT_CHANNELS(tile) OUTPUT_CHANNELS(tile)
#define INPUT_CHANNELS_NARROW(tile) SIZE(6, 8, tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#define WEIGHT_CHANNELS(tile) SIZE(4, 0, tile) SIZE(3, 0, tile) SIZE(1, 0, tile)
#define WEIGHT_CHANNELS_5(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define TAPS(tile) SIZE(5, 0, tile) SIZE(3, 0, tile) SIZE(1, 0, tile)
#define TAP_CHANNELS(tile) SIZE(6, 8, tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define TAP_CHANNELS_NARROW(tile) TAP_CHANNELS(tile)
#define TAP_VECTORS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define LINEAR_ROWS(tile) SIZE(6, 0, tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define GRADIENT_ROWS(tile) SIZE(6, 8, tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define GRADIENT_VECTORS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#else
// 16 registers, and a product takes one.
#define OUTPUT_CHANNELS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define INPUT_CHANNELS(tile) OUTPUT_CHANNELS(tile)
#define INPUT_CHANNELS_NARROW(tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#define WEIGHT_CHANNELS(tile) SIZE(3, 0, tile) SIZE(1, 0, tile)
#define WEIGHT_CHANNELS_5(tile) WEIGHT_CHANNELS(tile)
#define TAPS(tile) SIZE(3, 0, tile) SIZE(1, 0, tile)
#define TAP_CHANNELS(tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#define TAP_CHANNELS_NARROW(tile) TAP_CHANNELS(tile)
#define TAP_VECTORS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define LINEAR_ROWS(tile) SIZE(6, 0, tile) SIZE(1, 0, tile)
#define GRADIENT_ROWS(tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
#define GRADIENT_VECTORS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#endif

// Vectors of a row of an image whose channels are innermost, and rows of them (branches).
#if NATIVE_LANES == 16
#define BRANCH_ROWS_WIDE(tile) BRANCH_ROWS(tile)
#else
#define BRANCH_ROWS_WIDE(tile) SIZE(3, 4, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#endif
#define BRANCH_ROWS(tile) SIZE(6, 0, tile) SIZE(5, 0, tile) SIZE(3, 4, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
#define BRANCH_VECTORS(tile) SIZE(4, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)

// Pixels that follow one another.
#define PIXELS(tile) SIZE(4, 0, tile) SIZE(1, 0, tile)
// Pixels of one row of an input's adjoint.
#define ROW_PIXELS(tile) SIZE(4, 0, tile) SIZE(3, 0, tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
// The same where a row has no more than two of a kind.
#define NARROW_PIXELS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
// Vectors of input channels whose weights' gradients are summed together (winograd_weights.h).
#define CHANNEL_VECTORS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)
// Packs of images that a linear layer goes through together.
#define PACKS(tile) SIZE(2, 0, tile) SIZE(1, 0, tile)

// Outputs whose transformed kernels are at hand together (winograd.h).
enum { GROUP = NATIVE_LANES == 16 ? 48 : NATIVE_LANES == 8 ? 24 : 16, NEAR_CHANNELS = 1024 / NATIVE_LANES };

// Pixels that all tiles of a convolution go through before the next ones, and steps and taps of a reduction likewise.
enum { NEAR_PIXELS = 32, NEAR_STEPS = 256, NEAR_TAPS = 72 };
