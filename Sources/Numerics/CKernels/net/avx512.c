// The kernels for x86-64-v4 (AVX-512), sixteen lanes at a time.
#if defined(__x86_64__)
#pragma clang diagnostic ignored "-Wpsabi"
// Features by name: naming the architecture would bring in a preference for 256-bit registers.
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"))), \
    apply_to = function)
#define NATIVE_LANES 16
#define VARIANT kernelsAVX512
#define VARIANT_NAME "avx512"
#include "body.h"
#pragma clang attribute pop
#endif
