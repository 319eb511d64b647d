// The functions of OpenBLAS that are called here: each opens the library if it is the first.

#include "COpenBLAS.h"

#include <CLate.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
  __typeof__(&openblas_set_num_threads) set_num_threads;
  __typeof__(&openblas_get_config) get_config;
  __typeof__(&cblas_sgemm) sgemm;
  __typeof__(&cblas_dgemm) dgemm;
} library;

static void load(void) {
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", NULL};
  static const late_symbol symbols[] = {
    {"openblas_set_num_threads", (void **)&library.set_num_threads},
    {"openblas_get_config", (void **)&library.get_config},
    {"cblas_sgemm", (void **)&library.sgemm},
    {"cblas_dgemm", (void **)&library.dgemm},
  };
  const char *problem = late_load(names, symbols, sizeof symbols / sizeof *symbols);
  if (problem == NULL) return;
  // A product has no way to report that it can't be computed. The exit code says that an input can't be had.
  fprintf(stderr, "error: can't load OpenBLAS: %s; install it (Debian: apt-get install libopenblas0)\n", problem);
  exit(66);
}

static void require(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
}

void openblas_set_num_threads(int count) {
  require();
  library.set_num_threads(count);
}

char *openblas_get_config(void) {
  require();
  return library.get_config();
}

void cblas_sgemm(
    enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transpose_a, enum CBLAS_TRANSPOSE transpose_b, blasint m, blasint n,
    blasint k, float alpha, const float *a, blasint lda, const float *b, blasint ldb, float beta, float *c, blasint ldc) {
  require();
  library.sgemm(order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

void cblas_dgemm(
    enum CBLAS_ORDER order, enum CBLAS_TRANSPOSE transpose_a, enum CBLAS_TRANSPOSE transpose_b, blasint m, blasint n,
    blasint k, double alpha, const double *a, blasint lda, const double *b, blasint ldb, double beta, double *c,
    blasint ldc) {
  require();
  library.dgemm(order, transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

const char *openblas_config_if_there(void) {
  static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", NULL};
  char *(*config)(void) = NULL;
  const late_symbol symbols[] = {{"openblas_get_config", (void **)&config}};
  return late_load(names, symbols, 1) == NULL ? config() : NULL;
}
