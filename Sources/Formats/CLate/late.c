// Opens a shared library when it is first needed, not at each start of the program.

#define _GNU_SOURCE
#include "CLate.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static const char *lasting(const char *text) {
  char *copy = NULL;
  return text != NULL && asprintf(&copy, "%s", text) >= 0 ? copy : "no reason given";
}

const char *late_load(const char *const names[], const late_symbol symbols[], size_t count) {
  const char *reason = NULL;
  void *library = NULL;
  for (size_t i = 0; names[i] != NULL && library == NULL; i++) {
    // The library's own names stay out of the way of ours, and functions that nobody calls are not looked up.
    library = dlopen(names[i], RTLD_LAZY | RTLD_LOCAL);
    // The first name is the one that is expected to be there.
    if (library == NULL && reason == NULL) reason = lasting(dlerror());
  }
  if (library == NULL) return reason;
  for (size_t i = 0; i < count; i++) {
    if (dlsym(library, symbols[i].name) == NULL) return lasting(dlerror());
  }
  for (size_t i = 0; i < count; i++) *symbols[i].address = dlsym(library, symbols[i].name);
  return NULL;
}
