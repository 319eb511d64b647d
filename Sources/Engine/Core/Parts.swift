// Does small work for thousands of nodes or records on two threads.

import Dispatch
import Synchronization

/// What `body` makes of all of `0..<count`, in order. Some hundred are not worth starting a thread.
package func inParts<Element: Sendable>(
  _ count: Int, _ body: @Sendable (Range<Int>) -> [Element]
) -> [Element] {
  if count <= 500 { return body(0..<count) }
  let middle = count / 2
  let made = Mutex<[Int: [Element]]>([:])
  DispatchQueue.concurrentPerform(iterations: 2) { part in
    let elements = body(part == 0 ? 0..<middle : middle..<count)
    made.withLock { $0[part] = elements }
  }
  return made.withLock { ($0[0] ?? []) + ($0[1] ?? []) }
}
