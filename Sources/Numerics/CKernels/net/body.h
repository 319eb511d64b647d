// The kernels themselves, compiled once a variant: NATIVE_LANES is the width of the registers used.
#include "variants.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float V __attribute__((ext_vector_type(NATIVE_LANES)));
typedef int32_t I __attribute__((ext_vector_type(NATIVE_LANES)));
typedef uint8_t B __attribute__((ext_vector_type(NATIVE_LANES)));
typedef float V16 __attribute__((ext_vector_type(16)));
typedef uint8_t B16 __attribute__((ext_vector_type(16), aligned(1)));

INLINE V load(const float *p) { return *(const V *)p; }
INLINE void store(float *p, V v) { *(V *)p = v; }
INLINE V zero(void) { return (V)0.0f; }

// Loops over the parts of a 16-lane vector that a register holds.
#define FOR_LANES(lane) for (int lane = 0; lane < KERNEL_LANES; lane += NATIVE_LANES)

#include "tiles.h"

#include "padding.h"
#include "transpose.h"
#include "branches/units.h"
#include "branches/forward.h"
#include "branches/back.h"
#include "branches/weights.h"
#include "convolution.h"
#include "convolution_back.h"
#include "convolution_weights.h"
#include "winograd.h"
#include "winograd_weights.h"
#include "linear.h"
#include "normalisation.h"
#include "pointwise.h"

#include "table.h"
