// The HDF5 C API, opened when it is first needed, with those parts that are macros or variables as functions.
#pragma once

// The folder of Debian; elsewhere the header is where the compiler looks by itself.
#if __has_include(<hdf5/serial/hdf5.h>)
#include <hdf5/serial/hdf5.h>
#else
#include <hdf5.h>
#endif
#include <string.h>

/// Opens the library and starts it: NULL, or why it can't be used. Comes before any other call, once.
const char *chdf5_load(void);

// Property-list classes and types, which are variables of the library.
hid_t chdf5_file_access_class(void);
hid_t chdf5_file_create_class(void);
hid_t chdf5_group_create_class(void);
hid_t chdf5_dataset_create_class(void);
hid_t chdf5_i8(void);
hid_t chdf5_i16(void);
hid_t chdf5_i32(void);
hid_t chdf5_i64(void);
hid_t chdf5_u8(void);
hid_t chdf5_u16(void);
hid_t chdf5_u32(void);
hid_t chdf5_u64(void);
hid_t chdf5_f32(void);
hid_t chdf5_f64(void);
hid_t chdf5_c_string(void);

// Macros that Swift does not see. Those of flags would start the library and compare its version with the header's at each
// use: `chdf5_load` has done both.
#undef H5CHECK
#define H5CHECK
#undef H5OPEN
#define H5OPEN
static inline hid_t chdf5_default(void) { return H5P_DEFAULT; }
static inline hid_t chdf5_all(void) { return H5S_ALL; }
static inline unsigned chdf5_truncate(void) { return H5F_ACC_TRUNC; }
static inline unsigned chdf5_read_only(void) { return H5F_ACC_RDONLY; }
static inline size_t chdf5_variable(void) { return H5T_VARIABLE; }

// Stops the library from printing its error stack; the setting belongs to a thread.
static inline void chdf5_silence(void) {
  static _Thread_local int silent = 0;
  if (!silent) silent = H5Eset_auto2(H5E_DEFAULT, NULL, NULL) >= 0;
}

static inline int chdf5_is_thread_safe(void) {
  hbool_t safe = 0;
  return H5is_library_threadsafe(&safe) >= 0 && safe;
}

// The deepest description on the error stack, which names the cause.
typedef struct {
  char *text;
  size_t capacity;
} chdf5_message;

static inline herr_t chdf5_keep_message(unsigned depth, const H5E_error2_t *entry, void *context) {
  (void)depth;
  chdf5_message *message = (chdf5_message *)context;
  if (entry->desc != NULL && message->capacity > 0) {
    strncpy(message->text, entry->desc, message->capacity - 1);
    message->text[message->capacity - 1] = '\0';
  }
  return 0;
}

static inline void chdf5_last_message(char *text, size_t capacity) {
  chdf5_message message = {text, capacity};
  if (capacity > 0) text[0] = '\0';
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, chdf5_keep_message, &message);
}

// Gives the names of a group's hard links, in their order.
typedef struct {
  void (*take)(const char *name, void *context);
  void *context;
} chdf5_taker;

// H5Literate and H5L_info_t are renamed by version macros.
static inline herr_t chdf5_take(hid_t group, const char *name, const H5L_info_t *info, void *taker) {
  (void)group;
  if (info->type == H5L_TYPE_HARD) ((const chdf5_taker *)taker)->take(name, ((const chdf5_taker *)taker)->context);
  return 0;
}

static inline herr_t chdf5_hard_links(hid_t group, void (*take)(const char *name, void *context), void *context) {
  chdf5_taker taker = {take, context};
  return H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, chdf5_take, &taker);
}
