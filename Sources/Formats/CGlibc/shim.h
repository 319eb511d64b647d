// What Swift can't call of the C library: functions that take any number of arguments, and those that the C library
// shows to GNU programs only.

#pragma once
#include <stddef.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/prctl.h>

extern int wcwidth(wchar_t character);
extern int pipe2(int ends[2], int flags);
extern ssize_t copy_file_range(int from, off_t *from_offset, int to, off_t *to_offset, size_t count, unsigned int flags);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

/// Makes this process the parent of whatever its descendants leave behind. 0 if that worked.
static inline int process_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

/// Has this process sent a signal when the thread that started it ends. 0 if that worked.
static inline int process_signal_of_parents_death(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
