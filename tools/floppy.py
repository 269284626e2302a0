#!/usr/bin/python3
"""Makes floppies that boot: a copy of a DOS floppy with more files, GRUB, memtest86+, and for each size
one that only says how large it is. Nothing here needs root.

    floppy.py dos OUT BASE FILE ...     floppy.py grub OUT
    floppy.py memtest OUT CACHE         floppy.py tiny OUT KIB
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = TOP / "tests/dos"
GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
GRUB_MODULES = "biosdisk fat normal echo lsmmap ls halt reboot date".split()
MEMTEST = "memtest86+"
# For a PC of one CPU without ACPI and PCI; it starts without a question.
MEMTEST_OPTIONS = "nosmp nosm nobench nopause keyboard=legacy"
KIB = (160, 180, 320, 360, 720, 1200, 1440, 2880)
WHEN = 946684800  # the files' time, 2000-01-01, so that the same files make the same floppy
LONGEST = 300  # seconds for a command; only the network takes more than one


class FloppyError(Exception):
    """A floppy could not be made; the text says why."""


def run(*command, **more):
    """What the command printed."""
    try:
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, timeout=LONGEST,
                              env={**os.environ, "TZ": "UTC", "LC_ALL": "C"}, **more)
    except subprocess.TimeoutExpired:
        raise FloppyError(f"{command[0]} took more than {LONGEST} s") from None
    if done.returncode:
        raise FloppyError(f"{command[0]} failed: {done.stdout.strip()}")
    return done.stdout


def assemble(name, *defines):
    """The bytes of tests/dos/NAME.asm."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out")
        run("nasm", "-f", "bin", "-Werror", "-I", f"{PROGRAMS}/", "-o", out, PROGRAMS / f"{name}.asm",
            *(f"-D{define}" for define in defines))
        return out.read_bytes()


def put(image, files):
    """Copies files, name -> bytes, into the root of the FAT image."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = pathlib.Path(folder, name)
            path.write_bytes(data)
            os.utime(path, (WHEN, WHEN))
            run("mcopy", "-o", "-m", "-i", image, path, f"::{name}")


def names(image):
    """The files in the root of the FAT image."""
    return {line.removeprefix("::/").upper() for line in run("mdir", "-b", "-i", image, "::").split()}


def dos_text(text):
    return text.replace("\r\n", "\n").replace("\n", "\r\n").encode("cp437")


def make_dos(out, base_image, files, autoexec=None, config=None):
    """Copies the base and adds files, name -> bytes. autoexec and config are the texts of AUTOEXEC.BAT
    and CONFIG.SYS, None leaves the base's own."""
    out = pathlib.Path(out)
    shutil.copyfile(base_image, out)
    files = dict(files)
    if autoexec is not None:
        files["AUTOEXEC.BAT"] = dos_text(autoexec)
    if config is not None:
        files["CONFIG.SYS"] = dos_text(config)
        if "FDCONFIG.SYS" in names(out):  # FreeDOS takes it instead
            run("mdel", "-i", out, "::FDCONFIG.SYS")
    put(out, files)


def make_grub(out):
    """A floppy that boots to GRUB's prompt, with the commands of GRUB_MODULES."""
    with tempfile.TemporaryDirectory() as folder:
        core = pathlib.Path(folder, "core.img")
        run("grub-mkimage", "-O", "i386-pc", "-p", "/", "-o", core, *GRUB_MODULES)
        data = (GRUB / "boot.img").read_bytes() + core.read_bytes()
    pathlib.Path(out).write_bytes(data.ljust(1440 << 10, b"\0"))


def fetch(package, cache):
    """The folder in the cache that the Debian package is unpacked in; it is not installed. Without a
    network the last copy serves."""
    cache = pathlib.Path(cache)
    cache.mkdir(parents=True, exist_ok=True)
    try:
        return fetch_newest(package, cache)
    except FloppyError as problem:
        copies = sorted(cache.glob(f"{package}_*"), key=lambda path: path.stat().st_mtime)
        if not copies:
            raise FloppyError(f"{package} could not be downloaded: {problem}") from None
        return copies[-1]


def fetch_newest(package, cache):
    def version():
        shown = run("apt-cache", "show", "--no-all-versions", package)
        return re.search(r"^Version: (.*)$", shown, re.MULTILINE).group(1)

    def download():
        # apt's own user cannot write to a folder of ours
        run("apt-get", "download", "-q", "-o", f"APT::Sandbox::User={run('id', '-un').strip()}", package, cwd=new)

    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    try:
        folder = cache / f"{package}_{version()}"
    except FloppyError:  # no package list
        run(*sudo, "apt-get", "update")
        folder = cache / f"{package}_{version()}"
    if folder.exists():
        return folder
    with tempfile.TemporaryDirectory(dir=cache) as new:
        try:
            download()
        except FloppyError:  # the package list is too old
            run(*sudo, "apt-get", "update")
            folder = cache / f"{package}_{version()}"
            download()
        deb, = pathlib.Path(new).glob("*.deb")
        run("dpkg-deb", "-x", deb, pathlib.Path(new, "unpacked"))
        pathlib.Path(new, "unpacked").rename(folder)
    return folder


def make_memtest(out, cache):
    """A SYSLINUX floppy that starts memtest86+, in text mode, at once."""
    program = fetch(MEMTEST, cache) / "boot/memtest86+x64.bin"
    out = pathlib.Path(out)
    out.unlink(missing_ok=True)
    run("mformat", "-C", "-f", "1440", "-N", "70784856", "-i", out, "::")
    config = f"DEFAULT memtest\nLABEL memtest\n  LINUX memtest\n  APPEND {MEMTEST_OPTIONS}\n"
    put(out, {"MEMTEST": program.read_bytes(), "SYSLINUX.CFG": dos_text(config)})
    run("syslinux", "--install", out)


def make_tiny(out, kib):
    """An empty floppy of one of the sizes KIB. Its boot sector prints `boot sector of N KiB`."""
    if kib not in KIB:
        raise FloppyError(f"no floppy has {kib} KiB, but {', '.join(map(str, KIB))}")
    pathlib.Path(out).write_bytes(assemble("bootsector", f"KIB={kib}").ljust(kib << 10, b"\0"))


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parse.add_subparsers(dest="kind", required=True)
    for kind, more in {"dos": ["base"], "grub": [], "memtest": ["cache"], "tiny": []}.items():
        arguments = kinds.add_parser(kind)
        for name in ["out", *more]:
            arguments.add_argument(name, type=pathlib.Path)
        if kind == "dos":
            arguments.add_argument("files", type=pathlib.Path, nargs="*")
        elif kind == "tiny":
            arguments.add_argument("kib", type=int, choices=KIB)
    given = parse.parse_args()
    try:
        if given.kind == "dos":
            make_dos(given.out, given.base, {path.name.upper(): path.read_bytes() for path in given.files})
        elif given.kind == "grub":
            make_grub(given.out)
        elif given.kind == "memtest":
            make_memtest(given.out, given.cache)
        else:
            make_tiny(given.out, given.kib)
    except (FloppyError, OSError) as problem:
        sys.exit(f"{problem}")


if __name__ == "__main__":
    main()
