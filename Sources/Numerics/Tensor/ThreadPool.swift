// Persistent threads that share out numbered items of work; they spin briefly for the next job, then sleep.

import CKernels
import FoundationEssentials
import Glibc
import Synchronization

/// A fixed set of threads for work that is split into independent items.
///
/// Which thread takes an item is left to chance, so items must not depend on it: each writes only what is its
/// own, and sums over items are made afterwards in a fixed order. Results are then the same for any number of
/// threads.
public final class ThreadPool: Sendable {
  /// Threads that work on a job, the caller's included.
  public let threads: Int
  private let shared: Shared

  /// A pool of `threads` threads: the caller of `run` and `threads − 1` more.
  public init(threads: Int = ProcessInfo.processInfo.activeProcessorCount) {
    precondition(threads >= 1, "a pool needs a thread")
    self.threads = threads
    shared = Shared(helpers: threads - 1)
    for worker in 1..<max(threads, 1) {
      startThread(stackSize: 1 << 21) { [shared] in shared.serve(worker) }
    }
  }

  deinit { shared.stop() }

  /// Calls `body(item, worker)` for each item of 0..<count and returns when all are done; `worker` in
  /// 0..<threads names the thread's own workspace. Jobs of several callers follow one another; a body must not
  /// call `run` of its own pool.
  public func run(_ count: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
    if threads == 1 || count <= 1 {
      for item in 0..<count { body(item, 0) }
      return
    }
    withoutActuallyEscaping(body) { shared.run(count, $0) }
  }

  /// What the threads share. `job` and `count` are written only while no helper is at work: between the
  /// last helper's `pending` decrement and the `generation` increment that starts the next job.
  private final class Shared: @unchecked Sendable {
    private let helpers: Int
    private let generation = Atomic<Int>(0)
    private let next = Atomic<Int>(0)
    private let pending = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let stopped = Atomic<Bool>(false)
    private let condition = Condition()
    private let callers = Condition()
    private var count = 0
    private var job: ((Int, Int) -> Void)?
    /// Pauses before a waiting thread sleeps: some tens of microseconds.
    private let spins = 4000

    init(helpers: Int) { self.helpers = helpers }

    func run(_ count: Int, _ body: @escaping (Int, Int) -> Void) {
      callers.lock()
      self.count = count
      job = body
      next.store(0, ordering: .relaxed)
      pending.store(helpers, ordering: .relaxed)
      generation.add(1, ordering: .sequentiallyConsistent)
      wake()
      take(worker: 0, body, count)
      wait { pending.load(ordering: .sequentiallyConsistent) == 0 }
      job = nil
      callers.unlock()
    }

    func serve(_ worker: Int) {
      var seen = 0
      while true {
        wait { generation.load(ordering: .sequentiallyConsistent) != seen }
        seen += 1
        if stopped.load(ordering: .acquiring) { return }
        if let job { take(worker: worker, job, count) }
        if pending.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 { wake() }
      }
    }

    func stop() {
      stopped.store(true, ordering: .releasing)
      generation.add(1, ordering: .sequentiallyConsistent)
      wake()
    }

    private func take(worker: Int, _ body: (Int, Int) -> Void, _ count: Int) {
      while true {
        let item = next.add(1, ordering: .relaxed).oldValue
        if item >= count { return }
        body(item, worker)
      }
    }

    /// A sleeper counts itself before it looks again, and a waker changes the state before it looks for
    /// sleepers, both sequentially consistent: one of the two sees the other.
    private func wait(until ready: () -> Bool) {
      for _ in 0..<spins {
        if ready() { return }
        kernelsPause()
      }
      condition.lock()
      sleepers.add(1, ordering: .sequentiallyConsistent)
      while !ready() { condition.wait() }
      sleepers.subtract(1, ordering: .sequentiallyConsistent)
      condition.unlock()
    }

    private func wake() {
      guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
      condition.lock()
      condition.broadcast()
      condition.unlock()
    }
  }
}

/// A lock of the system, and a place where threads that hold it wait to be woken.
private final class Condition {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let queue = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(queue, nil)
  }

  deinit {
    pthread_cond_destroy(queue)
    pthread_mutex_destroy(mutex)
    queue.deallocate()
    mutex.deallocate()
  }

  func lock() { pthread_mutex_lock(mutex) }
  func unlock() { pthread_mutex_unlock(mutex) }
  func wait() { pthread_cond_wait(queue, mutex) }
  func broadcast() { pthread_cond_broadcast(queue) }
}

/// Starts a thread that nobody waits for.
private func startThread(stackSize: Int, _ body: @escaping @Sendable () -> Void) {
  final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  defer { pthread_attr_destroy(&attributes) }
  pthread_attr_setstacksize(&attributes, stackSize)
  pthread_attr_setdetachstate(&attributes, CInt(PTHREAD_CREATE_DETACHED))
  var thread = pthread_t()
  let work = Unmanaged.passRetained(Work(body)).toOpaque()
  let status = pthread_create(
    &thread, &attributes,
    { work in
      Unmanaged<Work>.fromOpaque(work!).takeRetainedValue().body()
      return nil
    }, work)
  precondition(status == 0, "can't start a thread: \(String(cString: strerror(status)))")
}
