// The cores and the memory that this process may use: of the machine, its control groups and a batch system's job.

import Glibc

/// What a process has of its machine.
public struct Allocation: Sendable, Equatable {
  /// The cores on which it may run, at least 1.
  public private(set) var cores = 1
  /// The memory that it may still take, in bytes.
  public private(set) var memory = Int.max
  /// What sets the limit on memory, in words.
  public private(set) var memoryLimit = ""

  /// Looks at the limits of this process.
  ///
  /// Cores: those of its affinity mask (`taskset`, cpusets), at most the processor time that its control groups have
  /// a second, rounded down, at most `SLURM_CPUS_PER_TASK`. Memory: what the kernel calls available, at most what its
  /// control groups leave, at most `SLURM_MEM_PER_NODE` or `SLURM_MEM_PER_CPU` (in MB) of a job.
  ///
  /// - Parameter root: The folder in which `/proc` stands, for tests.
  public init(root: String = "", environment: [String: String]) {
    func text(_ path: String) -> String? {
      ((try? POSIX.read(root + path)) ?? nil).map { String(decoding: $0, as: UTF8.self) }
    }
    cores = Self.field("Cpus_allowed_list", of: text("/proc/self/status")).map(Self.count) ?? 1
    if let available = Self.field("MemAvailable", of: text("/proc/meminfo")).flatMap(Self.number) {
      limit(memory: available << 10, "of the machine's free memory")
    }
    let groups = ControlGroups(
      groups: text("/proc/self/cgroup") ?? "", mounts: text("/proc/self/mountinfo") ?? "", read: text)
    if let quota = groups.cores { cores = min(cores, max(1, Int(quota))) }
    if let left = groups.memory { limit(memory: left, "of the control group's memory") }
    takeJob(environment)
    cores = max(1, cores)
  }

  private mutating func takeJob(_ environment: [String: String]) {
    guard environment["SLURM_JOB_ID"] != nil else { return }
    func number(_ name: String) -> Int? {
      environment[name].flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil }
    }
    if let task = number("SLURM_CPUS_PER_TASK") { cores = min(cores, task) }
    if let node = number("SLURM_MEM_PER_NODE") {
      limit(memory: node << 20, "of SLURM_MEM_PER_NODE")
    } else if let each = number("SLURM_MEM_PER_CPU") {
      limit(memory: each * (number("SLURM_CPUS_ON_NODE") ?? cores) << 20, "of SLURM_MEM_PER_CPU")
    }
  }

  private mutating func limit(memory limit: Int, _ words: String) {
    guard limit < memory else { return }
    memory = limit
    memoryLimit = words
  }

  // MARK: Files of /proc

  /// `value` of the line `name: value`.
  private static func field(_ name: String, of text: String?) -> Substring? {
    for line in (text ?? "").split(separator: "\n") where line.hasPrefix(name + ":") {
      return line.dropFirst(name.count + 1).drop { $0 == " " || $0 == "\t" }
    }
    return nil
  }

  /// The number at the start.
  private static func number(_ text: Substring) -> Int? { Int(text.prefix { $0.isNumber }) }

  /// How many there are in a list such as `0-3,8,10-11`.
  private static func count(_ list: Substring) -> Int {
    list.split(separator: ",").reduce(0) { sum, range in
      let ends = range.split(separator: "-").compactMap { Int($0) }
      return sum + (ends.first.flatMap { first in ends.last.map { $0 - first + 1 } } ?? 0)
    }
  }
}

/// The limits of the control groups in which a process is, of version 1 and 2 of their interface.
private struct ControlGroups {
  /// The cores' worth of processor time that they allow; nil without a limit.
  private(set) var cores: Double?
  /// The bytes that they leave; nil without a limit.
  private(set) var memory: Int?
  private let read: (String) -> String?

  /// - Parameters:
  ///   - groups: `/proc/self/cgroup`, `number:controllers:path` a line; version 2 names no controllers.
  ///   - mounts: `/proc/self/mountinfo`.
  init(groups: String, mounts: String, read: @escaping (String) -> String?) {
    self.read = read
    for line in groups.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      for mount in mounts.split(separator: "\n") {
        guard let folders = Self.folders(of: String(parts[2]), controllers, mount) else { continue }
        for folder in folders { take(folder, isUnified: controllers.isEmpty, controllers) }
      }
    }
  }

  /// The folders of a group and of all above it, where a line of the mount table shows the group's hierarchy.
  private static func folders(of group: String, _ controllers: [Substring], _ mount: Substring) -> [String]? {
    // 36 35 98:0 /root /mount/point options … - type source superoptions
    let fields = mount.split(separator: " ")
    guard let dash = fields.firstIndex(of: "-"), dash >= 5, fields.count > dash + 3 else { return nil }
    let isMounted =
      controllers.isEmpty
      ? fields[dash + 1] == "cgroup2"
      : fields[dash + 1] == "cgroup"
        && fields[dash + 3].split(separator: ",").contains { controllers.contains($0) }
    guard isMounted else { return nil }
    // In a container the table shows the group itself as the hierarchy's root.
    let (root, point) = (fields[3], String(fields[4]))
    let below = root == "/" ? Substring(group) : group.hasPrefix(root) ? group.dropFirst(root.count) : ""
    var folders = [point]
    for step in below.split(separator: "/") where step != ".." { folders.append(folders.last! + "/" + step) }
    return folders
  }

  private mutating func take(_ folder: String, isUnified: Bool, _ controllers: [Substring]) {
    if isUnified {
      takeCores(words("\(folder)/cpu.max"))
      takeMemory(
        limit: words("\(folder)/memory.max"), used: words("\(folder)/memory.current"), folder, "inactive_file"
      )
    } else {
      if controllers.contains("cpu") {
        takeCores(words("\(folder)/cpu.cfs_quota_us") + words("\(folder)/cpu.cfs_period_us"))
      }
      if controllers.contains("memory") {
        takeMemory(
          limit: words("\(folder)/memory.limit_in_bytes"), used: words("\(folder)/memory.usage_in_bytes"),
          folder,
          "total_inactive_file")
      }
    }
  }

  private func words(_ path: String) -> [Substring] { (read(path) ?? "").split { $0 == " " || $0 == "\n" } }

  /// Takes `quota period`, in microseconds; no limit is `max` or -1.
  private mutating func takeCores(_ limit: [Substring]) {
    guard limit.count == 2, let quota = Double(limit[0]), let period = Double(limit[1]), quota > 0, period > 0
    else { return }
    cores = min(cores ?? .infinity, quota / period)
  }

  /// - Parameter cache: What `memory.stat` calls the bytes of files that the kernel would drop at once.
  private mutating func takeMemory(limit: [Substring], used: [Substring], _ folder: String, _ cache: String) {
    // No limit is `max`, or a number near the largest that there is.
    guard let limit = limit.first.flatMap({ Int($0) }), limit < 1 << 60,
      let used = used.first.flatMap({ Int($0) })
    else { return }
    let facts = words("\(folder)/memory.stat")
    let droppable = facts.firstIndex { $0 == cache }.flatMap { Int(facts[$0 + 1]) } ?? 0
    memory = min(memory ?? .max, max(0, limit - max(0, used - droppable)))
  }
}
