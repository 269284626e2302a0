"""What is measured, on one platform at a time: each function boots a machine and hands back figures.

Boot to init: the initrd's /init is replaced by init.asm, which ends the machine with its first
instructions: under pxHV by its power-off port, bare by the emulator's debug port, after it has sent the
time-stamp counter. The ticks from the kernel's first instruction to there are, under pxHV, those that
the core counts from launch to stop; bare, the counter at the end less the counter in a run that ends
where entry.asm lies over the kernel's entry. Both machines have the same memory, kernel, initrd and
command line; bare, GRUB's `linux` loads them. Bare the kernel also meets the emulator's chipset (timer
calibration, PCI), so the quotient can be below 1.

Exits to the login prompt: the usual initrd; getty sets its terminal up, but instead of asking for a name
it starts init.asm, which prints the prompt's text, waits until it is sent, and writes the power-off port.
So at most an exit or two is not of the way to the prompt.

The replaced files are a second archive after the initrd's own: the kernel unpacks one after the other.
"""
import functools
import gzip
import pathlib
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP / "tools"), str(TOP / "tests/boot")]

import console  # noqa: E402  (needs the path)
import disk  # noqa: E402
import emu  # noqa: E402
import pxhv  # noqa: E402

OUT = pxhv.BUILD / "bench"
CORE = OUT / "pxhv.elf"  # a copy: builds may go on meanwhile
KERNEL = pxhv.BUILD / "guest/vmlinuz"
INITRD = pxhv.BUILD / "guest/initrd.gz"
OPTIONS = f"{pxhv.OPTIONS} mem=1G"
GUEST_MEMORY, HOST_MEMORY = 1024, 2048  # MiB
LOG, QUIET = "console=ttyS0", "console=ttyS0 quiet"
TIMEOUT = 400
CPUID_COUNT = 1000  # as in cpuid.asm
COUNTER_DIGITS = 16  # as in end.inc
INITTAB = "::sysinit:/etc/rcS\nttyS0::wait:/bin/getty -L -n -l /bin/finish ttyS0 115200 vt100\n"


# pxhv.PLATFORMS by its name, and the title of its column
PLATFORMS = {"vmx": "vmx (Bochs skylake_x)", "svm": "svm (QEMU TCG max)", "svm-bochs": "svm (Bochs ryzen)"}
# All with a clock of 1 GHz that counts instructions, and none that follows the wall's.
MACHINE = {"ips": 1_000_000_000, "deterministic": True, "more": ("-rtc", "base=2000-01-01,clock=vm")}


class NotMeasured(Exception):
    """A figure could not be measured."""


def newc(files):
    """A cpio archive as the kernel takes it. files: name -> (mode, bytes)"""
    out = bytearray()
    for number, (name, (mode, data)) in enumerate({**files, "TRAILER!!!": (0, b"")}.items(), 1):
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def initrd(files):
    first = INITRD.read_bytes()
    return first + bytes(-len(first) % 4) + gzip.compress(newc(files), mtime=0)


def init_initrd(boot):
    return initrd({"init": (0o100755, boot.asm(HERE / "init.asm"))})


def kernel_that_ends(boot):
    """The kernel with entry.asm at its 32-bit entry, which is what GRUB jumps to."""
    kernel = bytearray(KERNEL.read_bytes())
    entry = (kernel[0x1F1] + 1) * disk.SECTOR  # boot protocol: setup_sects
    code = boot.asm(HERE / "entry.asm")
    kernel[entry:entry + len(code)] = code
    return bytes(kernel)


def bare_ticks(boot, platform, kernel):
    """The time-stamp counter at the end, when GRUB boots the kernel itself."""
    image = boot.folder / "disk.img"
    config = f"linux (hd0,msdos1)/kernel {QUIET}\ninitrd (hd0,msdos1)/initrd\nboot\n"
    disk.write(image, config, {"kernel": kernel, "initrd": init_initrd(boot)})
    where = pxhv.PLATFORMS[platform]
    machine = emu.Machine(image, where.kind, cdrom=False, model=where.model, memory=GUEST_MEMORY, **MACHINE)
    with emu.Emulator(machine, boot.folder) as emulator:
        emulator.wait(TIMEOUT)
        good = emulator.success()
    image.unlink()
    if not good:
        raise NotMeasured(f"bare: the kernel did not get to the end; see {boot.folder}")
    return int(emulator.serial_file.read_bytes()[-COUNTER_DIGITS:], 16)


def bare_entry(boot, platform):
    return bare_ticks(boot, platform, kernel_that_ends(boot))


def bare_init(boot, platform):
    return bare_ticks(boot, platform, KERNEL)


def run(boot, platform, modules):
    result = boot.run(modules, OPTIONS, platform=platform, core=CORE, memory=HOST_MEMORY, timeout=TIMEOUT,
                      **MACHINE)
    result.assert_success()
    result.assert_backend()
    assert result.stats["stop"] == "power-off", result.explain("another stop reason")
    return result


def pxhv_init(boot, platform):
    return run(boot, platform, [(KERNEL, f"kernel {QUIET}"), (init_initrd(boot), "initrd")]).stats


def pxhv_login(command_line, boot, platform):
    finish = boot.asm(HERE / "init.asm", "LOGIN")
    files = {"etc/inittab": (0o100644, INITTAB.encode()), "bin/finish": (0o100755, finish)}
    result = run(boot, platform, [(KERNEL, f"kernel {command_line}"), (initrd(files), "initrd")])
    result.assert_line(console.LOGIN)
    return result.stats


def cpuid_exit(boot, platform):
    result = run(boot, platform, [(boot.asm(HERE / "cpuid.asm"), "flat mode=long")])
    rounds = [int(ticks, 16) / CPUID_COUNT for ticks in re.findall(r"^CPUID (\w+)$", result.serial, re.M)]
    if not rounds:
        raise NotMeasured(result.explain("no line with ticks"))
    return {"min": min(rounds), "median": statistics.median(rounds)}


# The longest first: some run at the same time.
RUNS = {
    "bare-init": bare_init,
    "pxhv-log": functools.partial(pxhv_login, LOG),
    "pxhv-quiet": functools.partial(pxhv_login, QUIET),
    "pxhv-init": pxhv_init,
    "bare-entry": bare_entry,
    "cpuid": cpuid_exit,
}

# Debian's kernel does not come to init bare in Bochs' ryzen.
LEFT_OUT = {("bare-init", "svm-bochs"), ("bare-entry", "svm-bochs")}


def loaded_kib():
    table = subprocess.run(["size", CORE], check=True, text=True, stdout=subprocess.PIPE).stdout
    text, data = table.splitlines()[1].split()[:2]
    return (int(text) + int(data)) / 1024
