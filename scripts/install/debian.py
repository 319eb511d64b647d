"""Packs what was installed into a folder as a Debian package."""
import datetime
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

PACKAGE = "pipeline"
MAINTAINER = "The developers of pipeline <pipeline@users.noreply.github.com>"
# Opened by dlopen, where no tool sees them; by the names of Debian 12, of 13 and of Ubuntu.
LATE = ["libhdf5-103-1 | libhdf5-310 | libhdf5-103-1t64", "libopenblas0"]
CONTROL = """Package: pipeline
Version: {version}
Architecture: {architecture}
Maintainer: {maintainer}
Installed-Size: {size}
Depends: {depends}
Recommends: gnuplot-nox | gnuplot, graphviz
Suggests: python3-h5py
Section: {section}
Priority: optional
Description: batch dataflow tool that runs only what has changed
 A pipeline file says which stages there are, over which axes they expand and
 what takes what. Each stage at each value is a node that writes one HDF5 file
 into a cache. Only nodes whose parameters, files or inputs have changed run
 again, and the program tells which field changed.
 .
 Any program can be a stage. Those of a study of machine unlearning are built
 in: training, influence functions, clustering, statistics, tables, pictures.
"""
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: pipeline
Comment: The program has parts of Swift's libraries, of swift-argument-parser, swift-collections and swift-numerics (Apache
 License 2.0 with a runtime library exception), of OpenSSL (Apache License 2.0) and of libyaml (MIT) linked into it.

Files: *
Copyright: 2026 the developers of pipeline
License: none-stated
 The developers have stated no licence. This package is for those who have made it from the sources.
"""


# Linked in on purpose: a start maps no library for them, and the program is the same on each Debian.
OVERRIDES = "".join(f"pipeline: embedded-library {library} [usr/bin/pipeline]\n" for library in ("libyaml", "zlib"))


def packed(path, data):
    """Writes a file as gzip does, with no time and no name in it, so that equal contents are equal bytes."""
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=9) as out:
        out.write(data)
    path.chmod(0o644)


def libraries(binaries):
    """The packages of the libraries that the programs are linked to, each once, as dpkg-shlibdeps names them."""
    with tempfile.TemporaryDirectory() as folder:
        control = pathlib.Path(folder, "debian/control")
        control.parent.mkdir()
        control.write_text(f"Source: {PACKAGE}\n\nPackage: {PACKAGE}\nArchitecture: any\n")
        answer = subprocess.run(["dpkg-shlibdeps", "-O", *map(str, binaries)], cwd=folder, check=True, capture_output=True,
                                text=True)
    return re.search(r"shlibs:Depends=(.*)", answer.stdout)[1].split(", ")


def made():
    """When the sources were last changed, so that a package can be made again to the same bytes."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        here = pathlib.Path(__file__).parent
        answer = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=here, capture_output=True, text=True)
        epoch = answer.stdout.strip() or "0"
    return int(epoch)


def document(root, version):
    """Writes what Debian wants beside a program."""
    folder = root / "usr/share/doc" / PACKAGE
    folder.mkdir(parents=True)
    (folder / "copyright").write_text(COPYRIGHT, encoding="utf-8")
    overrides = root / "usr/share/lintian/overrides" / PACKAGE
    overrides.parent.mkdir(parents=True)
    overrides.write_text(OVERRIDES, encoding="utf-8")
    date = datetime.datetime.fromtimestamp(made(), datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S +0000")
    entry = f"{PACKAGE} ({version}) unstable; urgency=medium\n\n  * Made from the sources.\n\n -- {MAINTAINER}  {date}\n"
    packed(folder / "changelog.gz", entry.encode())
    for page in sorted((root / "usr/share/man").rglob("*.1")):
        packed(page.with_name(page.name + ".gz"), page.read_bytes())
        page.unlink()
    # Where Debian's zsh looks for what packages bring.
    site, vendor = root / "usr/share/zsh/site-functions", root / "usr/share/zsh/vendor-completions"
    site.rename(vendor)
    (root / "usr/share/pipeline/installed").unlink()


def files(root):
    return sorted(path for path in root.rglob("*") if path.is_file() and "DEBIAN" not in path.parts)


def pack(root, version, folder):
    """Makes the package of what is installed under root/usr, and returns its path."""
    document(root, version)
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True).stdout.strip()
    control = root / "DEBIAN"
    control.mkdir()
    sums = [f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n" for path in files(root)]
    (control / "md5sums").write_text("".join(sums))
    size = sum(-(-path.stat().st_size // 1024) for path in files(root))
    programs = sorted((root / "usr/bin").iterdir())
    depends = sorted(libraries(programs)) + LATE
    (control / "control").write_text(CONTROL.format(
        version=version, architecture=architecture, maintainer=MAINTAINER, size=size, depends=", ".join(depends),
        section="science"))
    for path in [root, *root.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.parent == root / "usr/bin" else 0o644)
        os.utime(path, (made(), made()))
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"{PACKAGE}_{version}_{architecture}.deb"
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "-z1", "--build", str(root), str(package)], check=True,
        stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(made())})
    shutil.rmtree(root)
    return package
