// Programs get exactly what they are given, say how they ended, and leave nothing behind that is not ended.

import Foundation
import Glibc
import Programs
import Testing

@Suite struct ProgramTests {
  private func output(_ program: Program) throws -> String {
    var program = program
    program.output = .pipe
    let (ending, output, _) = try program.start().communicate()
    #expect(ending.isSuccess)
    return String(decoding: output, as: UTF8.self)
  }

  @Test func argumentsArriveAsTheyAre() throws {
    let arguments = ["a b", "", "*", "$HOME", "é", "e\u{301}", "\n"]
    let said = try output(Program(["printf", "[%s]"] + arguments))
    #expect(Array(said.utf8) == Array(arguments.map { "[\($0)]" }.joined().utf8))
  }

  @Test func theEnvironmentIsExact() throws {
    let env = Program(["/usr/bin/env"], environment: .exactly(["B": "2", "A": "1=1"]))
    #expect(try output(env) == "A=1=1\nB=2\n")
    setenv("PROGRAM_TEST", "ours", 1)
    let changed = try output(Program(["env"], environment: .own(changing: ["PROGRAM_TEST": "theirs"])))
    #expect(
      changed.split(separator: "\n").filter { $0.hasPrefix("PROGRAM_TEST=") } == ["PROGRAM_TEST=theirs"])
    #expect(changed.contains("PATH="))
  }

  /// The search path is the one that the program gets, not ours.
  @Test func aNameIsLookedUpOnTheProgramsOwnPath() throws {
    let folder = NSTemporaryDirectory() + "/programs-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let tool = folder + "/mytool"
    try Data("#!/bin/sh\necho mine\n".utf8).write(to: URL(fileURLWithPath: tool))
    let program = Program(["mytool"], environment: .exactly(["PATH": folder + ":/usr/bin"]))
    #expect(throws: ProgramError.self, "it may not be executed") { try program.start() }
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: tool)
    #expect(program.found() == tool)
    #expect(try output(program) == "mine\n")
    let error = #expect(throws: ProgramError.self) { try Program(["mytool"]).start() }
    #expect(error?.description == "can't start mytool: there is no such program")
  }

  /// A folder on PATH may hold another folder of the program's name, or a file that may not be executed.
  @Test func whatIsNoProgramIsPassedOver() throws {
    let folder = NSTemporaryDirectory() + "/programs-" + UUID().uuidString
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder + "/first/pwd", withIntermediateDirectories: true)
    try manager.createDirectory(atPath: folder + "/second", withIntermediateDirectories: true)
    defer { try? manager.removeItem(atPath: folder) }
    #expect(manager.createFile(atPath: folder + "/second/pwd", contents: nil))
    let path = "\(folder)/first:\(folder)/second:/usr/bin:/bin"
    let program = Program(["pwd"], environment: .exactly(["PATH": path]), directory: "/usr")
    #expect(program.found().map { $0.hasPrefix(folder) } == false)
    #expect(try output(program) == "/usr\n")
  }

  /// So are relative folders of its PATH, as the program itself would read them.
  @Test func aFolderOfThePathIsRelativeToItsFolder() throws {
    let program = Program(["true"], environment: .exactly(["PATH": "no/such:bin"]), directory: "/usr")
    #expect(program.found() == "bin/true")
    #expect(try output(program) == "")
    let nowhere = Program(["true"], environment: .exactly(["PATH": "bin"]), directory: "/usr/share")
    #expect(nowhere.found() == nil)
  }

  /// The file is what runs, and the first argument only what it is called.
  @Test func aProgramCanBeStartedByItsFile() throws {
    var program = Program(["/no/such/name", "-c", "echo \"$0\""])
    program.file = "/bin/sh"
    #expect(try output(program) == "/no/such/name\n")
  }

  /// A file that is open for writing can't be started, and in a process of several threads each program that is being
  /// started holds for a moment what all of them have open.
  @Test func aProgramThatWasJustWrittenStarts() throws {
    let tool = NSTemporaryDirectory() + "/tool-" + UUID().uuidString
    defer { unlink(tool) }
    let descriptor = open(tool, O_WRONLY | O_CREAT | O_CLOEXEC, 0o755)
    let script = "#!/bin/sh\necho mine\n"
    #expect(write(descriptor, script, script.utf8.count) == script.utf8.count)
    let closer = Thread {
      usleep(100_000)
      close(descriptor)
    }
    closer.start()
    #expect(try output(Program([tool])) == "mine\n")
    let still = open(tool, O_WRONLY | O_CLOEXEC)
    defer { close(still) }
    let error = #expect(throws: ProgramError.self) { try Program([tool]).start() }
    #expect(error?.code == ETXTBSY)
  }

  @Test func aPathIsRelativeToItsFolder() throws {
    #expect(try output(Program(["./true"], directory: "/bin")) == "")
    #expect(try output(Program(["pwd"], directory: "/usr")) == "/usr\n")
    #expect(throws: ProgramError.self) { try Program(["pwd"], directory: "/no/such").start() }
  }

  @Test func whatCannotArriveIsRefused() {
    #expect(throws: ProgramError.self) { try Program(["echo", "a\0b"]).start() }
    #expect(throws: ProgramError.self) { try Program(["env"], environment: .exactly(["A": "a\0b"])).start() }
    #expect(throws: ProgramError.self) { try Program(["env"], environment: .exactly(["A=B": ""])).start() }
  }

  @Test func endingsAreTold() throws {
    #expect(try Program(["sh", "-c", "exit 3"]).run() == .exited(status: 3))
    #expect(try Program(["sh", "-c", "kill -TERM $$"]).run() == .signalled(SIGTERM))
  }

  /// More than any pipe holds, both ways, to a program that reads and writes in its own order.
  @Test func communicationDoesNotHang() throws {
    let bytes = [UInt8](repeating: 7, count: 3 << 20)
    let cat = try Program(["cat"], input: .pipe, output: .pipe, errors: .pipe).start().communicate(bytes)
    #expect(cat.ending.isSuccess && cat.output == bytes && cat.errors.isEmpty)
    let tail = try Program(["cat"], input: .pipe, output: .pipe).start().communicate(
      bytes + [1, 2], keepingLast: 3)
    #expect(tail.output == [7, 1, 2])
    let both = Program(["sh", "-c", "echo out; echo err >&2"], output: .pipe, errors: .likeOutput)
    #expect(try both.start().communicate().output.count == 8)
  }

  /// A program that ends without reading must not end this process by SIGPIPE, whose default that is.
  @Test func aProgramThatDoesNotReadDoesNoHarm() throws {
    for _ in 0..<20 {
      let child = try Program(["false"], input: .pipe, output: .pipe).start()
      #expect(child.communicate([UInt8](repeating: 0, count: 1 << 20)).ending == .exited(status: 1))
    }
  }

  @Test func signalsStandAtTheirDefaults() throws {
    // Also where this process ignores one, as under a shell's trap.
    let former = signal(SIGTSTP, SIG_IGN)
    defer { signal(SIGTSTP, former) }
    let status = try output(Program(["cat", "/proc/self/status"]))
    for line in ["SigBlk", "SigIgn"] {
      let mask = try #require(
        status.split(separator: "\n").first { $0.hasPrefix(line) }?.split(separator: "\t").last)
      let bits = try #require(UInt64(mask, radix: 16))
      for number in [SIGINT, SIGPIPE, SIGTSTP] { #expect(bits & 1 << UInt64(number - 1) == 0, "\(line)") }
    }
  }

  @Test func noDescriptorOfOursIsHandedOn() throws {
    let mine = open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(mine) }
    let child = try Program(["ls", "/proc/self/fd"], input: .pipe, output: .pipe, errors: .pipe).start()
    let listed = String(decoding: child.communicate().output, as: UTF8.self)
    // The three streams, and the folder that is listed.
    #expect(listed.split(separator: "\n").count == 4)
  }
}
