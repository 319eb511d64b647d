// Opens a shared library when it is first needed, not at each start of the program.

#pragma once
#include <stddef.h>

/// A symbol of a library, and the pointer that is to hold its address.
typedef struct {
  const char *name;
  void **address;
} late_symbol;

/// Opens the first library of `names` (ended by NULL) that is there, and looks up all of `symbols`.
///
/// Returns NULL, or why the library can't be used, in a text that lasts; then no address is set. A library stays open for
/// the life of the process. Not to be called by two threads at once for the same symbols.
const char *late_load(const char *const names[], const late_symbol symbols[], size_t count);
