// The functions of HDF5 under their own names, each of which calls the library that `chdf5_load` has opened.

#include "CHDF5.h"

#include <CLate.h>
#include <stdio.h>

static struct {
#define FUNCTION(result, name, parameters, arguments) result(*name) parameters;
#define IDENTIFIER(name, variable) hid_t *variable;
#include "functions.h"
#undef FUNCTION
#undef IDENTIFIER
} library;

#define FUNCTION(result, name, parameters, arguments) \
  result name parameters { return library.name arguments; }
#define IDENTIFIER(name, variable) \
  hid_t name(void) { return *library.variable; }
#include "functions.h"
#undef FUNCTION
#undef IDENTIFIER

// In two steps, so that a name that the header maps to another one is looked up as the other one.
#define TEXT(name) TEXT_OF(name)
#define TEXT_OF(name) #name

static const late_symbol symbols[] = {
#define FUNCTION(result, name, parameters, arguments) {TEXT(name), (void **)&library.name},
#define IDENTIFIER(name, variable) {TEXT(variable), (void **)&library.variable},
#include "functions.h"
#undef FUNCTION
#undef IDENTIFIER
};

// The number in the library's file name says which calls it has; each series of releases has one.
#if H5_VERS_MINOR == 10
#define NUMBER "103"
#elif H5_VERS_MINOR == 12
#define NUMBER "200"
#else
#define NUMBER "310"
#endif

const char *chdf5_load(void) {
  static const char *const names[] = {
    "libhdf5_serial.so." NUMBER, "libhdf5.so." NUMBER, "libhdf5_serial.so", "libhdf5.so", NULL};
  const char *problem = late_load(names, symbols, sizeof symbols / sizeof *symbols);
  if (problem != NULL) return problem;
  // Its handler at exit crashes when a file could not be closed for want of space.
  H5dont_atexit();
  unsigned major = 0, minor = 0, release = 0;
  if (H5open() < 0 || H5get_libversion(&major, &minor, &release) < 0) return "it can't be started";
  if (major == H5_VERS_MAJOR && minor == H5_VERS_MINOR) return NULL;
  static char other[96];
  snprintf(
      other, sizeof other, "it is version %u.%u, and the program was built for %d.%d", major, minor, H5_VERS_MAJOR,
      H5_VERS_MINOR);
  return other;
}
