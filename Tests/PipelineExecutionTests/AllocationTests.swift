// What a process may use of its machine, read from files as Linux, containers and SLURM write them.

import Foundation
import PipelineExecution
import Testing

@Suite struct AllocationTests {
  /// A folder with files of `/proc` and `/sys`: 8 cores of which the mask allows 5, and 16 GB free.
  private func root(_ files: [String: String] = [:]) throws -> String {
    let root = NSTemporaryDirectory() + "allocation-" + UUID().uuidString
    let all = [
      "/proc/self/status": "Name:\tx\nCpus_allowed:\tff\nCpus_allowed_list:\t0-2,5,7\nMems_allowed:\t1\n",
      "/proc/meminfo": "MemTotal:       32000000 kB\nMemAvailable:   16777216 kB\n",
    ].merging(files) { $1 }
    for (path, text) in all {
      let url = URL(fileURLWithPath: root + path)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
    return root
  }

  private func allocation(_ files: [String: String] = [:], _ environment: [String: String] = [:]) throws
    -> Allocation
  {
    let root = try root(files)
    defer { try? FileManager.default.removeItem(atPath: root) }
    return Allocation(root: root, environment: environment)
  }

  private let unified = [
    "/proc/self/cgroup": "0::/user.slice/a b\n",
    "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
  ]

  @Test func affinityAndFreeMemoryCount() throws {
    let found = try allocation()
    #expect(found.cores == 5 && found.memory == 16 << 30)
    #expect(found.memoryLimit == "of the machine's free memory")
  }

  @Test func theTightestGroupOfTheHierarchyCounts() throws {
    var files = unified
    files["/sys/fs/cgroup/user.slice/cpu.max"] = "250000 100000\n"
    files["/sys/fs/cgroup/user.slice/memory.max"] = "4294967296\n"
    files["/sys/fs/cgroup/user.slice/memory.current"] = "2147483648\n"
    // A gigabyte of it is of files that the kernel would drop.
    files["/sys/fs/cgroup/user.slice/memory.stat"] = "anon 7\ninactive_file 1073741824\nactive_file 9\n"
    files["/sys/fs/cgroup/user.slice/a b/cpu.max"] = "max 100000\n"
    files["/sys/fs/cgroup/user.slice/a b/memory.max"] = "max\n"
    files["/sys/fs/cgroup/user.slice/a b/memory.current"] = "1\n"
    let found = try allocation(files)
    #expect(found.cores == 2 && found.memory == 3 << 30)
    #expect(found.memoryLimit == "of the control group's memory")
  }

  /// In a container of the older interface the mount shows the group itself, and a quota may be below one core.
  @Test func theOlderInterfaceCounts() throws {
    let found = try allocation([
      "/proc/self/cgroup": "5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n",
      "/proc/self/mountinfo": """
      31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
      32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro shared:7 - cgroup cgroup rw,cpu,cpuacct
      35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory
      """,
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "1073741824\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "536870912\n",
    ])
    #expect(found.cores == 1 && found.memory == 512 << 20)
  }

  @Test func noLimitIsNone() throws {
    let found = try allocation([
      "/proc/self/cgroup": "4:memory:/\n1:cpu:/\n",
      "/proc/self/mountinfo": """
      32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
      """,
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": "5\n",
    ])
    #expect(found.cores == 5 && found.memory == 16 << 30)
  }

  @Test func aJobHasItsOwnLimits() throws {
    let job = ["SLURM_JOB_ID": "7", "SLURM_CPUS_PER_TASK": "2", "SLURM_MEM_PER_NODE": "250"]
    let found = try allocation([:], job)
    #expect(found.cores == 2 && found.memory == 250 << 20 && found.memoryLimit == "of SLURM_MEM_PER_NODE")
    let byCore = ["SLURM_JOB_ID": "7", "SLURM_MEM_PER_CPU": "100", "SLURM_CPUS_ON_NODE": "4"]
    #expect(try allocation([:], byCore).memory == 400 << 20)
    // Variables that a user's shell kept after a job, and ones that make no sense, are none.
    #expect(try allocation([:], ["SLURM_MEM_PER_NODE": "250", "SLURM_CPUS_PER_TASK": "1"]) == allocation())
    #expect(try allocation([:], ["SLURM_JOB_ID": "7", "SLURM_MEM_PER_NODE": "0"]) == allocation())
  }

  /// Files that this machine has give what the system itself says.
  @Test func thisMachineIsRead() {
    let found = Allocation(environment: [:])
    #expect((1...ProcessInfo.processInfo.processorCount).contains(found.cores))
    #expect((1 << 20...Int(ProcessInfo.processInfo.physicalMemory)).contains(found.memory))
  }
}
