// The vision transformer's kernels for any processor, four lanes at a time.
#pragma clang diagnostic ignored "-Wpsabi"
#define NATIVE_LANES 4
#define TILE_ROWS 6
#define VARIANT vitKernelsBaseline
#define VARIANT_NAME "baseline"
#include "body.h"
