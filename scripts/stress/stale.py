"""A file system over a folder that imitates NFS: each mount of it caches attributes and names for a while.

usage: stale.py FOLDER MOUNTPOINT SECONDS COMMAND…   (as root, in a mount namespace of its own)

What one host changes, another sees late: attributes, names and the absence of names are believed for so many seconds. As on
NFS, opening a file asks for what the name leads to now and for the size (close-to-open), opening a folder forgets the
absent names in it, and data are read anew. Speaks FUSE's protocol on /dev/fuse, so that no library is needed.
"""
import ctypes
import errno
import os
import stat
import struct
import sys
import threading

NEGATIVE_OPEN = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_TRUNC
ROOT = 1
NOW = -2


class Mount:
    """One mount: the nodes that the kernel knows, each held by a descriptor, and open files."""

    def __init__(self, folder, point, seconds):
        self.seconds = seconds
        self.nodes = {ROOT: os.open(folder, os.O_PATH | os.O_DIRECTORY)}
        self.places, self.absent, self.lists, self.next_list = {}, {}, {}, 1
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions".encode()
        if ctypes.CDLL(None, use_errno=True).mount(b"stale", os.fsencode(point), b"fuse.stale", 0, options) != 0:
            raise OSError(ctypes.get_errno(), "can't mount")

    def serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 18)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):
                    continue
                return
            length, code, unique, node = struct.unpack_from("<IIQQ", request)
            action = ACTIONS.get(code)
            if code in (2, 42, 36):
                continue
            if code == 27:
                # The kernel may hold a folder's lock that forgetting its names needs until another call has its answer.
                threading.Thread(target=self.answer, args=(unique, action, node, request[40:length]), daemon=True).start()
            else:
                self.answer(unique, action, node, request[40:length])

    def answer(self, unique, action, node, body):
        error, data = 0, b""
        try:
            if action is None:
                raise OSError(errno.ENOSYS, "")
            data = action(self, node, body) or b""
        except OSError as problem:
            error = -problem.errno
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), error, unique) + data)
        except OSError:
            # Whoever asked is gone.
            pass

    def tell(self, kind, data):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), kind, 0) + data)
        except OSError:
            # The kernel does not know it any more.
            pass

    # What answers are made of.

    def path(self, node):
        return f"/proc/self/fd/{self.nodes[node]}"

    def attributes(self, facts):
        times = [facts.st_atime_ns, facts.st_mtime_ns, facts.st_ctime_ns]
        return struct.pack(
            "<6Q10I", facts.st_ino, facts.st_size, facts.st_blocks, *(t // 10**9 for t in times), *(t % 10**9 for t in times),
            facts.st_mode, facts.st_nlink, facts.st_uid, facts.st_gid, 0, 4096, 0)

    def entry(self, parent, name):
        """The answer to a look-up: what the name leads to, or that there is none, for a while."""
        try:
            descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=self.nodes[parent])
        except FileNotFoundError:
            self.absent.setdefault(parent, set()).add(name)
            return struct.pack("<4Q2I", 0, 0, self.seconds, 0, 0, 0) + bytes(88)
        facts = os.stat(descriptor)
        if facts.st_ino in self.nodes:
            os.close(descriptor)
        else:
            self.nodes[facts.st_ino] = descriptor
        self.absent.get(parent, set()).discard(name)
        self.places[facts.st_ino] = (parent, name)
        return struct.pack("<4Q2I", facts.st_ino, 0, self.seconds, self.seconds, 0, 0) + self.attributes(facts)

    def status(self, node):
        return struct.pack("<QII", self.seconds, 0, 0) + self.attributes(os.stat(self.nodes[node]))

    # Calls.

    def start(self, node, body):
        major, minor, ahead = struct.unpack_from("<3I", body)
        return struct.pack("<4I2H2I2H2I6I", 7, min(minor, 31), ahead, 0, 12, 9, 1 << 17, 1, 32, 0, 0, 0, *[0] * 6)

    def look_up(self, node, body):
        return self.entry(node, body[:-1])

    def change(self, node, body):
        valid, _, handle, size, _, atime, mtime, _, ansec, mnsec, _, mode, _, uid, gid = struct.unpack_from("<IIQQQQQQIIIIIII", body)
        path = self.path(node)
        if valid & 1:
            os.chmod(path, stat.S_IMODE(mode))
        if valid & 6:
            os.chown(path, uid if valid & 2 else -1, gid if valid & 4 else -1)
        if valid & 8:
            os.truncate(path, size)
        if valid & 48:
            facts = os.stat(path)
            os.utime(path, ns=(facts.st_atime_ns if not valid & 16 else atime * 10**9 + ansec,
                               facts.st_mtime_ns if not valid & 32 else mtime * 10**9 + mnsec))
        if valid & 384:
            os.utime(path)
        return self.status(node)

    def make_folder(self, node, body):
        mode, _ = struct.unpack_from("<II", body)
        os.mkdir(body[8:-1], mode, dir_fd=self.nodes[node])
        return self.entry(node, body[8:-1])

    def rename(self, node, body, skip=8):
        (target,) = struct.unpack_from("<Q", body)
        old, new, _ = body[skip:].split(b"\0", 2)
        os.rename(old, new, src_dir_fd=self.nodes[node], dst_dir_fd=self.nodes[target])
        self.absent.get(target, set()).discard(new)

    def link(self, node, body):
        (source,) = struct.unpack_from("<Q", body)
        os.link(self.path(source), body[8:-1], dst_dir_fd=self.nodes[node], follow_symlinks=True)
        return self.entry(node, body[8:-1])

    def open(self, node, body):
        flags, _ = struct.unpack_from("<II", body)
        parent, name = self.places[node]
        # Close-to-open: a name that leads elsewhere by now is looked up again, and what stands there is asked for anew.
        try:
            if os.stat(name, dir_fd=self.nodes[parent], follow_symlinks=False).st_ino != node:
                raise OSError(errno.ESTALE, "")
        except FileNotFoundError:
            raise OSError(errno.ESTALE, "") from None
        handle = os.open(self.path(node), flags & ~NEGATIVE_OPEN)
        self.tell(2, struct.pack("<Qqq", node, -1, 0))
        return struct.pack("<QII", handle, 1, 0)

    def create(self, node, body):
        flags, mode, _, _ = struct.unpack_from("<4I", body)
        name = body[16:-1]
        handle = os.open(name, flags | os.O_CREAT, mode, dir_fd=self.nodes[node])
        return self.entry(node, name) + struct.pack("<QII", handle, 1, 0)

    def read(self, node, body):
        handle, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(handle, size, offset)

    def write(self, node, body):
        handle, offset, size = struct.unpack_from("<QQI", body)
        return struct.pack("<II", os.pwrite(handle, body[40:40 + size], offset), 0)

    def close(self, node, body):
        os.close(struct.unpack_from("<Q", body)[0])

    def sync(self, node, body):
        os.fsync(struct.unpack_from("<Q", body)[0])

    def open_folder(self, node, body):
        for name in self.absent.pop(node, ()):
            self.tell(3, struct.pack("<QII", node, len(name), 0) + name + b"\0")
        with os.scandir(self.path(node)) as entries:
            found = [(each.inode(), 4 if each.is_dir(follow_symlinks=False) else 8, os.fsencode(each.name)) for each in entries]
        handle, self.next_list = self.next_list, self.next_list + 1
        self.lists[handle] = found
        return struct.pack("<QII", handle, 0, 0)

    def read_folder(self, node, body):
        handle, offset, size = struct.unpack_from("<QQI", body)
        data = b""
        for number, (inode, kind, name) in enumerate(self.lists[handle][offset:], offset + 1):
            each = struct.pack("<QQII", inode, number, len(name), kind) + name
            each += bytes(-len(each) % 8)
            if len(data) + len(each) > size:
                break
            data += each
        return data

    def close_folder(self, node, body):
        self.lists.pop(struct.unpack_from("<Q", body)[0], None)

    def room(self, node, body):
        facts = os.statvfs(self.path(node))
        return struct.pack("<5Q4I6I", facts.f_blocks, facts.f_bfree, facts.f_bavail, facts.f_files, facts.f_ffree,
                           facts.f_bsize, facts.f_namemax, facts.f_frsize, 0, *[0] * 6)


ACTIONS = {
    1: Mount.look_up, 3: lambda m, n, b: m.status(n), 4: Mount.change, 9: Mount.make_folder,
    5: lambda m, n, b: os.fsencode(os.readlink(b"", dir_fd=m.nodes[n])),
    10: lambda m, n, b: os.unlink(b[:-1], dir_fd=m.nodes[n]), 11: lambda m, n, b: os.rmdir(b[:-1], dir_fd=m.nodes[n]),
    12: Mount.rename, 13: Mount.link, 14: Mount.open, 15: Mount.read, 16: Mount.write, 17: Mount.room, 18: Mount.close,
    20: Mount.sync, 25: lambda m, n, b: b"", 26: Mount.start, 27: Mount.open_folder, 28: Mount.read_folder,
    29: Mount.close_folder, 30: lambda m, n, b: b"", 35: Mount.create, 45: lambda m, n, b: m.rename(n, b, 16)}


def main():
    folder, point, seconds, *command = sys.argv[1:]
    os.umask(0)
    mount = Mount(folder, point, int(seconds))
    child = os.fork()
    if child == 0:
        os.umask(0o022)
        os.close(mount.device)
        os.execvp(command[0], command)
    threading.Thread(target=mount.serve, daemon=True).start()
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)


if __name__ == "__main__":
    main()
