// OpenBLAS, opened at the first product.

#pragma once

// The folders of Debian and Fedora; elsewhere the header is where the compiler looks by itself.
#if __has_include(<openblas-pthread/cblas.h>)
#include <openblas-pthread/cblas.h>
#elif __has_include(<openblas-openmp/cblas.h>)
#include <openblas-openmp/cblas.h>
#elif __has_include(<openblas-serial/cblas.h>)
#include <openblas-serial/cblas.h>
#elif __has_include(<openblas/cblas.h>)
#include <openblas/cblas.h>
#else
#include <cblas.h>
#endif

/// How the library that is installed was built; NULL where none is.
const char *openblas_config_if_there(void);
