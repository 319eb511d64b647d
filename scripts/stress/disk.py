"""A disk that forgets: what a traced run wrote, and what a power cut at any instant may leave of it.

A run is traced once. Each of its system calls on the cache becomes an operation on a model of the file system, so that
the disk after a cut can be made for any instant, and as often as wanted. What is on the disk then:

- Data of a file: all that was written before its last fsync. Of what was written later any part: nothing, all, the
  beginning, any set of blocks of 4,096 bytes or of sectors of 512 bytes. Where a block is missing there are zeros. The
  size is that of the data that arrived, or the full one.
- Names, by the kind of file system:
  - journal (ext4, XFS): operations on names are kept in order, so that a beginning of them is there: at least up to the
    last change of each file or folder that was synced. ext4 gives more, XFS no more than that.
  - server (NFS): each operation on a name is on the server's disk when it returns; data is not.
  - loose: an operation may be there without an earlier one, unless its folder was synced. No file system in use is so
    weak; what is believed must be right on it all the same.
"""
import collections
import pathlib
import re

BLOCK, SECTOR = 4096, 512
KINDS = ("journal", "server", "loose")
CALLS = ("openat,open,creat,write,pwrite64,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,"
         "ftruncate,fsync,fdatasync,lseek")
LINE = re.compile(r"(\d+\.\d+) (\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?.* <(\d+\.\d+)>$")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
DESCRIPTOR = re.compile(r"^(\w+)<([^>]*)>")


def traced(command, folder):
    """The command that traces another one into a folder, a file a thread."""
    return ["strace", "-f", "-ff", "-qq", "-y", "-ttt", "-T", "-xx", "-s", str(1 << 24), "-e", f"trace={CALLS}",
            "-o", str(folder / "trace"), *command]


def unescape(text):
    return bytes.fromhex(text.replace("\\x", ""))


class File:
    """A file's data: writes as (sequence number, offset, bytes)."""

    def __init__(self):
        self.writes, self.size, self.synced = [], 0, 0
        # Sequence numbers of changes of its names or size, and of its fsyncs.
        self.changed, self.syncs = [], []

    def write(self, sequence, offset, data):
        self.writes.append((sequence, offset, data))
        self.size = max(self.size, offset + len(data))
        self.changed.append(sequence)


class Folder:
    """A folder's changes and fsyncs."""

    def __init__(self):
        self.changed, self.syncs = [], []


class Disk:
    """Everything that a traced run did to a folder."""

    def __init__(self, root, traces):
        self.root = str(root)
        self.sequence = 0
        # The names as the run saw them, and how they came to be: (sequence, operation, path, other path, object).
        self.names = {}
        self.operations = []
        self.offsets = {}
        for line in self.in_order(traces):
            self.take(*line)

    @staticmethod
    def in_order(traces):
        """All calls of all threads by the time when they returned: what one causes in another comes later."""
        lines = []
        for trace in traces:
            thread = trace.suffix
            for line in trace.read_text().splitlines():
                match = LINE.match(line)
                if match and not match[4].startswith("-"):
                    lines.append((float(match[1]) + float(match[6]), thread, match))
        lines.sort(key=lambda line: line[0])
        return [(thread, match[2], match[3], int(match[4]), match[5]) for _, thread, match in lines]

    def own(self, path):
        """The path below the root; None for others, and for the folders in which commands work."""
        if not path.startswith(self.root + "/") and path != self.root:
            return None
        inner = path[len(self.root) + 1:]
        return None if any(part.endswith(".scratch") for part in inner.split("/")) else inner

    def paths(self, arguments):
        """The paths among the arguments of a call."""
        found = []
        folder = ""
        for part in arguments.split(", "):
            if (match := DESCRIPTOR.match(part)):
                folder = unescape(match[2]).decode()
            elif (match := STRING.match(part)):
                path = unescape(match[1]).decode()
                found.append(self.own(str(pathlib.PurePosixPath(folder) / path)))
        return found

    def take(self, thread, call, arguments, result, opened):
        self.sequence += 1
        if call in ("openat", "open", "creat"):
            self.open(thread, arguments, result, opened)
        elif call in ("write", "pwrite64", "ftruncate", "fsync", "fdatasync", "lseek"):
            match = DESCRIPTOR.match(arguments)
            path = self.own(unescape(match[2]).decode()) if match and match[2].startswith("\\x") else None
            if path is not None and path in self.names:
                self.change(thread, call, arguments, result, self.names[path], (thread, match[1]))
        else:
            paths = self.paths(arguments)
            if None not in paths:
                self.rename(call, arguments, paths)

    def open(self, thread, arguments, result, opened):
        path = self.own(unescape(opened).decode()) if opened else None
        if path is None:
            return
        self.offsets[thread, str(result)] = None if "O_APPEND" in arguments else 0
        if path not in self.names and "O_CREAT" in arguments:
            self.add(path, File())

    def add(self, path, thing):
        self.operations.append((self.sequence, "add", path, None, thing))
        self.names[path] = thing
        self.touch(path, thing)

    def touch(self, path, thing):
        thing.changed.append(self.sequence)
        parent = self.names.get(str(pathlib.PurePosixPath(path).parent))
        if parent:
            parent.changed.append(self.sequence)

    def change(self, thread, call, arguments, result, thing, handle):
        if call in ("fsync", "fdatasync"):
            thing.syncs.append(self.sequence)
        elif call == "lseek":
            if self.offsets.get(handle) is not None:
                self.offsets[handle] = result
        elif call == "ftruncate":
            assert result == 0 and int(arguments.rsplit(", ", 1)[1]) >= thing.size, "nothing here makes a file shorter"
        else:
            data = unescape(STRING.search(arguments)[1])[:result]
            if call == "pwrite64":
                offset = int(arguments.rsplit(", ", 1)[1])
            else:
                offset = self.offsets.get(handle)
                offset = thing.size if offset is None else offset
                if self.offsets.get(handle) is not None:
                    self.offsets[handle] = offset + len(data)
            thing.write(self.sequence, offset, data)

    def rename(self, call, arguments, paths):
        if call.startswith("mkdir"):
            self.add(paths[0], Folder())
        elif call.startswith("link"):
            self.add(paths[1], self.names[paths[0]])
        elif call.startswith("rename"):
            thing = self.names.pop(paths[0], None)
            if thing is None:
                return
            self.operations.append((self.sequence, "rename", paths[1], paths[0], thing))
            self.names[paths[1]] = thing
            for path in paths:
                self.touch(path, thing)
        else:
            thing = self.names.pop(paths[0], None)
            if thing is not None:
                self.operations.append((self.sequence, "remove", paths[0], None, thing))
                self.touch(paths[0], thing)

    # What is left after a cut

    def folders(self, path):
        """The folder that holds a path, as it was known by name."""
        return str(pathlib.PurePosixPath(path).parent)

    def after_cut(self, cut, kind, rng):
        """The files, as path → bytes, and the folders that a disk has after a cut behind operation `cut`."""
        names = {"": None}
        for sequence, operation, path, other, thing in self.kept_operations(cut, kind, rng):
            if operation == "remove":
                names.pop(path, None)
                continue
            names.pop(other, None)
            names[path] = thing
        reachable = {path: thing for path, thing in names.items() if self.is_reachable(path, names)}
        data = {}
        for thing in reachable.values():
            # Two names of one file show the same bytes.
            if isinstance(thing, File) and id(thing) not in data:
                data[id(thing)] = self.data(thing, cut, rng)
        files = {path: data[id(thing)] for path, thing in reachable.items() if isinstance(thing, File)}
        return files, [path for path, thing in reachable.items() if isinstance(thing, Folder)]

    def is_reachable(self, path, names):
        parent = self.folders(path)
        return path != "" and (parent == "." or (isinstance(names.get(parent), Folder)
                                                 and self.is_reachable(parent, names)))

    def kept_operations(self, cut, kind, rng):
        done = [operation for operation in self.operations if operation[0] <= cut]
        if kind == "server":
            return done
        if kind == "journal":
            sure = self.journalled(cut)
            end = rng.choice([sure, cut, rng.randint(min(sure, cut), cut)])
            return [operation for operation in done if operation[0] <= end]
        return [operation for operation in done
                if rng.random() < 0.5 or self.is_folder_synced(operation, cut)]

    def things(self):
        return {id(operation[4]): operation[4] for operation in self.operations}.values()

    def journalled(self, cut):
        """The operation up to which the journal is on the disk: the last change of what was synced, before the sync."""
        sure = 0
        for thing in self.things():
            for sync in thing.syncs:
                if sync <= cut:
                    sure = max([sure] + [change for change in thing.changed if change < sync])
        return sure

    def is_folder_synced(self, operation, cut):
        sequence, _, path, other, _ = operation
        for name in (path, other):
            folder = self.names.get(self.folders(name)) if name else None
            if name and (folder is None or not any(sequence < sync <= cut for sync in folder.syncs)):
                return False
        return True

    def data(self, file, cut, rng):
        synced = max([0] + [sync for sync in file.syncs if sync <= cut])
        sure, full = bytearray(), bytearray()
        for sequence, offset, data in file.writes:
            if sequence <= cut:
                put(full, offset, data)
            if sequence < synced:
                put(sure, offset, data)
        how = rng.choice(["nothing", "all", "beginning", "blocks", "sectors"])
        if how == "nothing" or len(full) == 0:
            return bytes(sure)
        if how == "all":
            return bytes(full)
        if how == "beginning":
            return bytes(full[:rng.randint(len(sure), len(full))])
        unit = BLOCK if how == "blocks" else SECTOR
        size = len(full) if rng.random() < 0.5 else 0
        result = bytearray(sure)
        for start in range(0, len(full), unit):
            if rng.random() < 0.5:
                put(result, start, full[start:start + unit])
        if len(result) < size:
            result.extend(bytes(size - len(result)))
        return bytes(result)

    def synced_keys(self, folder):
        """Keys of a folder of records, with the operation that brought each with its name to the disk."""
        keys = {}
        last = collections.defaultdict(lambda: None)
        for sequence, operation, path, _, thing in self.operations:
            if operation == "rename" and path.startswith(folder + "/"):
                last[path] = (sequence, thing)
        for path, (sequence, thing) in last.items():
            syncs = [sync for sync in self.names[self.folders(path)].syncs if sync > sequence]
            if thing.syncs and syncs:
                keys[pathlib.PurePosixPath(path).name] = min(syncs)
        return keys


def put(buffer, offset, data):
    if len(buffer) < offset:
        buffer.extend(bytes(offset - len(buffer)))
    buffer[offset:offset + len(data)] = data
