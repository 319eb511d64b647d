// Chooses among the compiled variants of the kernels by what the processor can run.
#include "variants.h"

#include <string.h>

static int canRun(const Kernels *kernels) {
#if defined(__x86_64__)
  if (kernels == &kernelsAVX512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
  if (kernels == &kernelsAVX2) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return 1;
}

// From the fastest to the slowest.
static const Kernels *const variants[] = {
#if defined(__x86_64__)
    &kernelsAVX512, &kernelsAVX2,
#endif
    &kernelsBaseline, &kernelsReference};

static const size_t variantCount = sizeof variants / sizeof variants[0];

const Kernels *kernelsBest(void) {
  for (size_t i = 0; i < variantCount; i++)
    if (canRun(variants[i])) return variants[i];
  return &kernelsBaseline;
}

const Kernels *kernelsNamed(const char *name) {
  for (size_t i = 0; i < variantCount; i++)
    if (strcmp(variants[i]->name, name) == 0) return canRun(variants[i]) ? variants[i] : NULL;
  return NULL;
}
