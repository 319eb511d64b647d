// The kernels for x86-64-v3 (AVX2 and FMA), eight lanes at a time.
#if defined(__x86_64__)
#pragma clang diagnostic ignored "-Wpsabi"
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define NATIVE_LANES 8
#define VARIANT kernelsAVX2
#define VARIANT_NAME "avx2"
#include "body.h"
#pragma clang attribute pop
#endif
