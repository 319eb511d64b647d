// A discrete-event model under real code: the program's own calls on files, and its clock, come here before the kernel.
//
// Each thread that has joined has a time of its own. Only the thread with the earliest time runs; a call on a file moves its
// time on by what the call would take on a network file system, then the next earliest goes on. The calls are real: what one
// thread writes another reads, in the order of their times.

#define _GNU_SOURCE
#include "virtual.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct actor {
  double now;
  pthread_cond_t wake;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct actor **heap;
static int count, room;
static struct actor *current;
static struct virtual_latencies latency;
static double server_free;
static long calls;
static __thread struct actor *self;
static unsigned char is_file[1 << 16];

static void push(struct actor *actor) {
  if (count == room) heap = realloc(heap, sizeof *heap * (size_t)(room = room ? 2 * room : 64));
  int child = count++;
  while (child > 0 && heap[(child - 1) / 2]->now > actor->now) {
    heap[child] = heap[(child - 1) / 2];
    child = (child - 1) / 2;
  }
  heap[child] = actor;
}

static struct actor *pop(void) {
  struct actor *first = heap[0], *last = heap[--count];
  int parent = 0;
  for (int child; (child = 2 * parent + 1) < count; parent = child) {
    if (child + 1 < count && heap[child + 1]->now < heap[child]->now) child++;
    if (heap[child]->now >= last->now) break;
    heap[parent] = heap[child];
  }
  if (count > 0) heap[parent] = last;
  return first;
}

/// Lets the earliest run, and waits until that is the caller. The lock is held.
static void yield(void) {
  push(self);
  current = pop();
  if (current == self) return;
  pthread_cond_signal(&current->wake);
  while (current != self) pthread_cond_wait(&self->wake, &lock);
}

void virtual_set(struct virtual_latencies latencies) { latency = latencies; }

void virtual_join(double start) {
  struct actor *actor = malloc(sizeof *actor);
  actor->now = start;
  pthread_cond_init(&actor->wake, NULL);
  pthread_mutex_lock(&lock);
  self = actor;
  if (current == NULL) {
    current = self;
  } else {
    push(self);
    while (current != self) pthread_cond_wait(&self->wake, &lock);
  }
  pthread_mutex_unlock(&lock);
}

void virtual_leave(void) {
  pthread_mutex_lock(&lock);
  current = count > 0 ? pop() : NULL;
  if (current) pthread_cond_signal(&current->wake);
  pthread_mutex_unlock(&lock);
  pthread_cond_destroy(&self->wake);
  free(self);
  self = NULL;
}

void virtual_sleep(double seconds) {
  pthread_mutex_lock(&lock);
  self->now += seconds;
  yield();
  pthread_mutex_unlock(&lock);
}

double virtual_now(void) { return self->now; }
long virtual_calls(void) { return calls; }

/// A call on a file: the server answers it when it has answered those before it.
static void spend(double seconds) {
  if (self == NULL) return;
  pthread_mutex_lock(&lock);
  calls++;
  if (latency.capacity > 0) {
    if (server_free < self->now) server_free = self->now;
    server_free += 1 / latency.capacity;
    self->now = server_free;
  }
  self->now += seconds;
  yield();
  pthread_mutex_unlock(&lock);
}

static int remember(int descriptor) {
  if (descriptor >= 0 && descriptor < (int)sizeof is_file) is_file[descriptor] = 1;
  return descriptor;
}

static int is_known(int descriptor) {
  return descriptor >= 0 && descriptor < (int)sizeof is_file && is_file[descriptor];
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  // The kernel's own files are on no server. A thread may read them under a lock that others wait for: it keeps its turn.
  if (strncmp(path, "/proc/", 6) == 0) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  spend(flags & O_CREAT ? latency.create : latency.lookup);
  return remember((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int close(int descriptor) {
  if (descriptor >= 0 && descriptor < (int)sizeof is_file) is_file[descriptor] = 0;
  return (int)syscall(SYS_close, descriptor);
}

ssize_t read(int descriptor, void *bytes, size_t length) {
  if (is_known(descriptor)) spend(latency.read);
  return syscall(SYS_read, descriptor, bytes, length);
}

ssize_t pread(int descriptor, void *bytes, size_t length, off_t offset) {
  if (is_known(descriptor)) spend(latency.read);
  return syscall(SYS_pread64, descriptor, bytes, length, offset);
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
  if (is_known(descriptor)) spend(latency.write);
  return syscall(SYS_write, descriptor, bytes, length);
}

int stat(const char *path, struct stat *facts) {
  spend(latency.lookup);
  return (int)syscall(SYS_newfstatat, AT_FDCWD, path, facts, 0);
}

int lstat(const char *path, struct stat *facts) {
  spend(latency.lookup);
  return (int)syscall(SYS_newfstatat, AT_FDCWD, path, facts, AT_SYMLINK_NOFOLLOW);
}

int link(const char *path, const char *name) {
  spend(latency.change);
  return (int)syscall(SYS_link, path, name);
}

int rename(const char *path, const char *name) {
  spend(latency.change);
  return (int)syscall(SYS_rename, path, name);
}

int unlink(const char *path) {
  spend(latency.change);
  return (int)syscall(SYS_unlink, path);
}

int rmdir(const char *path) {
  spend(latency.change);
  return (int)syscall(SYS_rmdir, path);
}

int mkdir(const char *path, mode_t mode) {
  spend(latency.create);
  return (int)syscall(SYS_mkdir, path, mode);
}

int chmod(const char *path, mode_t mode) {
  spend(latency.change);
  return (int)syscall(SYS_chmod, path, mode);
}

int utimes(const char *path, const struct timeval times[2]) {
  spend(latency.change);
  return (int)syscall(SYS_utimes, path, times);
}

DIR *opendir(const char *path) {
  static DIR *(*next)(const char *);
  if (!next) *(void **)&next = dlsym(RTLD_NEXT, "opendir");
  spend(latency.read);
  return next(path);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  if (self == NULL || clock != CLOCK_MONOTONIC) return (int)syscall(SYS_clock_gettime, clock, time);
  time->tv_sec = (time_t)self->now;
  time->tv_nsec = (long)((self->now - (double)time->tv_sec) * 1e9);
  return 0;
}
