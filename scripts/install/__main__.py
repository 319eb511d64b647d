"""Installs the program with its man pages, completions and schema, or removes what was installed.

usage: python3 scripts/install PROGRAM --prefix PREFIX [--destdir DIR]
       python3 scripts/install --remove --prefix PREFIX [--destdir DIR]
       python3 scripts/install PROGRAM --deb DIR

What was installed is listed in PREFIX/share/pipeline/installed, by which it is removed. Nothing of the repository is needed
afterwards. --destdir puts a folder before PREFIX, as packagers want it. --deb makes a Debian package in DIR instead.
"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import completions
import debian
import manual

LIST = "share/pipeline/installed"
COMPLETIONS = {
    "bash": "share/bash-completion/completions/pipeline",
    "zsh": "share/zsh/site-functions/_pipeline",
    "fish": "share/fish/vendor_completions.d/pipeline.fish",
}


def printed(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def texts(program):
    """The text files to install, by their place under the prefix."""
    version = printed(program, "--version").strip()
    help = json.loads(printed(program, "--experimental-dump-help"))
    files = {f"share/man/man1/{name}.1": text for name, text in manual.pages(help["command"], version)}
    for shell, path in COMPLETIONS.items():
        files[path] = completions.mended(shell, printed(program, "--generate-completion-script", shell))
    files["share/pipeline/pipeline.schema.json"] = printed(program, "stages", "--schema")
    return files


def install(program, root):
    files = texts(program)
    # The second speaks HTTP for `pipeline serve`, which finds it beside the first.
    programs = {"bin/pipeline": pathlib.Path(program), "bin/pipeline-serve": pathlib.Path(program).with_name("pipeline-serve")}
    for path, built in programs.items():
        binary = root / path
        binary.parent.mkdir(parents=True, exist_ok=True)
        # A program that runs can't be overwritten; it can be replaced.
        binary.unlink(missing_ok=True)
        shutil.copyfile(built, binary)
        subprocess.run(["strip", str(binary)], check=True)
        binary.chmod(0o755)
    files[LIST] = "".join(f"{path}\n" for path in sorted([*programs, LIST, *files]))
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)
    print(f"installed {len(files) + len(programs)} files under {root}")


def remove(root):
    listed = root / LIST
    if not listed.exists():
        sys.exit(f"nothing to remove: there is no {listed}")
    paths = listed.read_text(encoding="utf-8").split()
    for path in paths:
        (root / path).unlink(missing_ok=True)
    listed.parent.rmdir()
    print(f"removed {len(paths)} files under {root}")


def package(program, folder):
    """Makes a Debian package."""
    for tool in ["dpkg-deb", "dpkg-shlibdeps"]:
        if not shutil.which(tool):
            sys.exit(f"there is no {tool}: apt-get install dpkg-dev")
    root = pathlib.Path(tempfile.mkdtemp())
    install(program, root / "usr")
    return debian.pack(root, printed(program, "--version").strip(), folder)


def main():
    parser = argparse.ArgumentParser(prog="scripts/install", description="Installs the program, or removes it.")
    parser.add_argument("program", nargs="?", help="the program, as built")
    parser.add_argument("--prefix")
    parser.add_argument("--destdir", default="")
    parser.add_argument("--remove", action="store_true")
    parser.add_argument("--deb", type=pathlib.Path)
    options = parser.parse_args()
    if options.program and options.deb and not options.prefix:
        print(package(options.program, options.deb))
        return
    if not options.prefix or options.deb:
        parser.error("give either --prefix or, with a program, --deb")
    if options.remove == bool(options.program):
        parser.error("give either a program or --remove")
    root = pathlib.Path(options.destdir + options.prefix)
    if not root.is_absolute():
        parser.error(f"the prefix must be absolute, got {root}")
    try:
        remove(root) if options.remove else install(options.program, root)
    except PermissionError as error:
        sys.exit(f"{error.filename} can't be written: choose another PREFIX, or run as root")


if __name__ == "__main__":
    main()
