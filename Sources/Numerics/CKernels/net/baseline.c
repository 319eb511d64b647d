// The kernels for any processor, four lanes at a time.
#pragma clang diagnostic ignored "-Wpsabi"
#define NATIVE_LANES 4
#define VARIANT kernelsBaseline
#define VARIANT_NAME "baseline"
#include "body.h"
