// Virtual time for threads that stand for processes on many hosts, and file calls that take some of it.

#ifndef PIPELINE_VIRTUAL_H
#define PIPELINE_VIRTUAL_H

/// What calls on files take, in seconds.
struct virtual_latencies {
  double lookup;    // open for reading, stat
  double create;    // open of a new file, mkdir
  double change;    // link, rename, unlink, utimes, chmod
  double read;      // read from a file, listing of a folder
  double write;     // write to a file
  double capacity;  // calls a second that the server answers; 0 for any number
};

/// Sets what calls take from now on.
void virtual_set(struct virtual_latencies latencies);

/// Lets the calling thread join: from here on it runs only while no other that has joined is at an earlier time.
void virtual_join(double start);

/// Lets the calling thread leave.
void virtual_leave(void);

/// Lets some seconds pass for the calling thread.
void virtual_sleep(double seconds);

/// The time of the calling thread.
double virtual_now(void);

/// How many calls on files the threads have made.
long virtual_calls(void);

#endif
