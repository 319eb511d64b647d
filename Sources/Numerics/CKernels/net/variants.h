// The compiled variants of the kernels, and the definitions that they are held to.
#ifndef VARIANTS_H
#define VARIANTS_H

#include "CKernels.h"

extern const Kernels kernelsReference;
extern const Kernels kernelsBaseline;
#if defined(__x86_64__)
extern const Kernels kernelsAVX2;
extern const Kernels kernelsAVX512;
#endif

#endif
