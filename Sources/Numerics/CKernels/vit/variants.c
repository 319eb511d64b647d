// Chooses among the compiled variants of the vision transformer's kernels by what the processor can run.
#include "vit.h"

#include <string.h>

extern const VitKernels vitKernelsReference;
extern const VitKernels vitKernelsBaseline;
#if defined(__x86_64__)
extern const VitKernels vitKernelsAVX2;
extern const VitKernels vitKernelsAVX512;
#endif

const VitKernels *vitKernelsNamed(const char *name) {
#if defined(__x86_64__)
  if (strcmp(name, "avx512") == 0)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("fma")
               ? &vitKernelsAVX512
               : NULL;
  if (strcmp(name, "avx2") == 0)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &vitKernelsAVX2 : NULL;
#endif
  if (strcmp(name, "baseline") == 0) return &vitKernelsBaseline;
  return strcmp(name, "reference") == 0 ? &vitKernelsReference : NULL;
}

const VitKernels *vitKernelsBest(void) {
  const VitKernels *wide = vitKernelsNamed("avx512"), *middle = vitKernelsNamed("avx2");
  return wide ? wide : middle ? middle : &vitKernelsBaseline;
}
