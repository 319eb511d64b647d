// Folders and paths: making, listing and removing them.

import Glibc

extension POSIX {
  static func makeDirectories(_ path: String) throws(SystemError) {
    if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, path.contains("/") else { throw SystemError("create the folder", path) }
    try makeDirectories(parent(of: path))
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw SystemError("create the folder", path) }
  }

  /// Opens a folder and closes it again; whether it is there.
  static func reopen(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    close(descriptor)
    return true
  }

  /// The kinds of file systems on which all see at once what one does.
  private static let localKinds: Set<String> = [
    "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "ramfs", "overlay",
  ]

  /// Whether a folder may be on another host, so that names in it are known late.
  static func isOnNetwork(_ path: String) -> Bool {
    guard let real = realpath(path, nil), let mounts = (try? read("/proc/self/mounts")) ?? nil else {
      return true
    }
    defer { free(real) }
    let folder = String(cString: real) + "/"
    var best = (length: -1, kind: "")
    for line in mounts.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
      guard words.count > 2 else { continue }
      let point = words[1].hasSuffix("/") ? words[1] : words[1] + "/"
      // Of two at one place the later one covers the other.
      if folder.hasPrefix(point), point.utf8.count >= best.length { best = (point.utf8.count, words[2]) }
    }
    return !localKinds.contains(best.kind)
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The names in a folder, sorted; none where there is no folder, or it can't be read, which `noting` tells apart.
  static func list(_ path: String) -> [String] {
    guard let directory = opendir(path) else {
      note(SystemError("list", path))
      return []
    }
    defer { closedir(directory) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(directory) {
      let name = name(of: entry)
      if name != ".", name != ".." { names.append(name) }
      errno = 0
    }
    if errno != 0 { note(SystemError("list", path)) }
    return names.sorted()
  }

  static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
    withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
  }

  /// Whether nothing has a name, not even a link that leads nowhere.
  static func isGone(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) != 0 && (errno == ENOENT || errno == ENOTDIR)
  }

  static func removeTree(_ path: String) {
    if unlink(path) == 0 || errno == ENOENT { return }
    removeFolder(path)
  }

  private static func openFolder(_ path: String) -> Int32 {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let descriptor = open(path, flags)
    if descriptor >= 0 || errno != EACCES { return descriptor }
    // Nor read. It is no link: opening one fails for another reason.
    chmod(path, S_IRWXU)
    return open(path, flags)
  }

  private static func removeFolder(_ path: String) {
    // The folder is closed before those below it are opened, however deep they go.
    var folders: [String] = []
    // Not through a link, which may lead anywhere.
    let descriptor = openFolder(path)
    guard descriptor >= 0, let directory = fdopendir(descriptor) else { return }
    // A program may have left a folder that its owner can't write.
    var info = stat()
    if fstat(descriptor, &info) == 0, info.st_mode & S_IRWXU != S_IRWXU {
      fchmod(descriptor, info.st_mode & 0o7777 | S_IRWXU)
    }
    while let entry = readdir(directory) {
      let name = name(of: entry)
      if name == "." || name == ".." { continue }
      if entry.pointee.d_type == DT_DIR || unlinkat(dirfd(directory), name, 0) != 0 { folders.append(name) }
    }
    closedir(directory)
    for name in folders { removeFolder(path + "/" + name) }
    rmdir(path)
  }

  /// A path below a folder; an absolute one stays as it is.
  static func join(_ folder: String, _ path: String) -> String {
    path.hasPrefix("/") || folder == "." ? path : folder.hasSuffix("/") ? folder + path : folder + "/" + path
  }

  static func absolute(_ path: String) -> String {
    if path.hasPrefix("/") { return path }
    guard let raw = getcwd(nil, 0) else { return path }
    defer { free(raw) }
    return String(cString: raw) + "/" + path
  }
}
