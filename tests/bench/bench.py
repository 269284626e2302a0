#!/usr/bin/python3
"""Measures pxHV in Bochs' VT-x: prints a table, writes build/bench.json. Status 1: something could not
be measured; a missed target is only shown.

All runs are deterministic (random.c takes out the last chance), with a clock of 1 GHz: a tick is an
emulated instruction, and the same files give the same figures again. PXHV_CORE names another core than
build/pxhv.elf.

Boot to init: the initrd's /init is replaced by init.asm, which ends the machine with its first
instructions: under pxHV by its power-off port, bare by Bochs' debug port. The ticks from the kernel's
first instruction to there are, under pxHV, those that the core counts from launch to stop; bare, the
tick at which Bochs ended less the tick at which it ends when entry.asm lies over the kernel's entry.
Both machines have the same memory, kernel, initrd and command line; bare, GRUB's `linux` loads them.
Bare the kernel also meets Bochs' chipset (timer calibration, PCI), so the quotient can be below 1.

Exits to the login prompt: the usual initrd; getty sets its terminal up, but instead of asking for a name
it starts init.asm, which prints the prompt's text, waits until it is sent, and writes the power-off port.
So at most an exit or two is not of the way to the prompt.

The replaced files are a second archive after the initrd's own: the kernel unpacks one after the other.
"""
import functools
import gzip
import json
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import sys
import traceback

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
MACHINE = {"model": "corei7_skylake_x", "ips": 1_000_000_000, "sync": "none"}
OPTIONS = f"{pxhv.OPTIONS} mem=1G"
GUEST_MEMORY, HOST_MEMORY = 1024, 2048  # MiB
LOG, QUIET = "console=ttyS0", "console=ttyS0 quiet"
TIMEOUT = 150
CPUID_COUNT = 1000  # as in cpuid.asm
INITTAB = "::sysinit:/etc/rcS\nttyS0::wait:/bin/getty -L -n -l /bin/finish ttyS0 115200 vt100\n"


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


def bare_ticks(boot, kernel):
    """The tick at which Bochs ended, by its debug port, when GRUB boots the kernel itself."""
    image = boot.folder / "disk.img"
    config = f"linux (hd0,msdos1)/kernel {QUIET}\ninitrd (hd0,msdos1)/initrd\nboot\n"
    disk.write(image, config, {"kernel": kernel, "initrd": init_initrd(boot)})
    machine = emu.Machine(image, cdrom=False, memory=GUEST_MEMORY, **MACHINE)
    with emu.Emulator(machine, boot.folder) as emulator:
        emulator.wait(TIMEOUT)
        good = emulator.success()
    image.unlink()
    ticks = re.findall(r"^Next at t=(\d+)", (boot.folder / "emulator.txt").read_text(errors="replace"), re.M)
    if not good or not ticks:
        raise NotMeasured(f"bare: the kernel did not get to the end; see {boot.folder}")
    return int(ticks[-1])


def bare_entry(boot):
    return bare_ticks(boot, kernel_that_ends(boot))


def bare_init(boot):
    return bare_ticks(boot, KERNEL)


def run(boot, modules):
    result = boot.run(modules, OPTIONS, core=CORE, memory=HOST_MEMORY, timeout=TIMEOUT, **MACHINE)
    result.assert_success()
    result.assert_backend("vmx")
    assert result.stats["stop"] == "power-off", result.explain("another stop reason")
    return result


def pxhv_init(boot):
    return run(boot, [(KERNEL, f"kernel {QUIET}"), (init_initrd(boot), "initrd")]).stats


def pxhv_login(command_line, boot):
    finish = boot.asm(HERE / "init.asm", "LOGIN")
    files = {"etc/inittab": (0o100644, INITTAB.encode()), "bin/finish": (0o100755, finish)}
    result = run(boot, [(KERNEL, f"kernel {command_line}"), (initrd(files), "initrd")])
    result.assert_line(console.LOGIN)
    return result.stats


def cpuid_exit(boot):
    result = run(boot, [(boot.asm(HERE / "cpuid.asm"), "flat mode=long")])
    rounds = [int(ticks, 16) / CPUID_COUNT for ticks in re.findall(r"^CPUID (\w+)$", result.serial, re.M)]
    if not rounds:
        raise NotMeasured(result.explain("no line with ticks"))
    return {"min": min(rounds), "median": statistics.median(rounds)}


def loaded_kib(_boot):
    table = subprocess.run(["size", CORE], check=True, text=True, stdout=subprocess.PIPE).stdout
    text, data = table.splitlines()[1].split()[:2]
    return (int(text) + int(data)) / 1024


RUNS = {
    "pxhv-log": functools.partial(pxhv_login, LOG),
    "pxhv-quiet": functools.partial(pxhv_login, QUIET),
    "bare-init": bare_init,
    "pxhv-init": pxhv_init,
    "bare-entry": bare_entry,
    "cpuid": cpuid_exit,
    "size": loaded_kib,
}


def besides_uart(stats):
    return sum(stats["exits"].values()) - stats["uart_exits"]


def boot_pxhv(got):
    return got["pxhv-init"]["ticks_in_guest"] + got["pxhv-init"]["ticks_in_host"]


def boot_bare(got):
    return got["bare-init"] - got["bare-entry"]


def uart_ratio(stats):
    return stats["uart_exits"] / stats["uart_bytes"]


# name, target in words, whether a value meets it (None: no target), how it comes from the runs, digits
# behind the point
FIGURES = [
    ("boot to init, ticks, bare", "", None, boot_bare, 0),
    ("boot to init, ticks, pxHV", "", None, boot_pxhv, 0),
    ("boot to init, pxHV / bare", "<= 1.10", lambda x: x <= 1.10,
     lambda got: boot_pxhv(got) / boot_bare(got), 3),
    ("exits to login, no UART, quiet", "< 3188, aim 2400", lambda x: x < 3188,
     lambda got: besides_uart(got["pxhv-quiet"]), 0),
    ("exits to login, no UART, full log", "< 3188, aim 2400", lambda x: x < 3188,
     lambda got: besides_uart(got["pxhv-log"]), 0),
    ("nested faults on RAM, quiet", "0", lambda x: x == 0, lambda got: got["pxhv-quiet"]["npt_ram_faults"], 0),
    ("nested faults on RAM, full log", "0", lambda x: x == 0, lambda got: got["pxhv-log"]["npt_ram_faults"], 0),
    ("UART exits per byte, quiet", "<= 1.1", lambda x: x <= 1.1, lambda got: uart_ratio(got["pxhv-quiet"]), 3),
    ("UART exits per byte, full log", "<= 1.1", lambda x: x <= 1.1, lambda got: uart_ratio(got["pxhv-log"]), 3),
    ("ticks to the guest, 1 GiB", "<= 5000000", lambda x: x <= 5_000_000,
     lambda got: got["pxhv-quiet"]["ticks_to_guest"], 0),
    ("memory held, KiB, 1 GiB guest", "<= 4096", lambda x: x <= 4096,
     lambda got: got["pxhv-quiet"]["resident_kib"], 0),
    ("pxhv.elf text + data, KiB", "<= 200", lambda x: x <= 200, lambda got: got["size"], 1),
    ("ticks per CPUID exit, median", "<= 200", lambda x: x <= 200, lambda got: got["cpuid"]["median"], 1),
]


def measure(name):
    """What RUNS[name] found, or None after saying why not."""
    print(f"measuring {name}", file=sys.stderr)
    try:
        return RUNS[name](pxhv.Boot(OUT / name))
    except (NotMeasured, AssertionError, emu.EmulatorError) as problem:
        print(f"{name}: {problem}", file=sys.stderr)
    except Exception:  # the other figures are measured all the same
        print(f"{name}:\n{traceback.format_exc()}", file=sys.stderr)
    return None


def figure(name, target, met, value_of, digits, got):
    try:
        value = round(value_of(got), digits) if digits else value_of(got)
    except (KeyError, TypeError, ZeroDivisionError):  # a run that failed gave nothing
        return {"name": name, "target": target, "measured": None, "verdict": "not measured"}
    verdict = "" if met is None else "ok" if met(value) else "OVER"
    return {"name": name, "target": target, "measured": value, "verdict": verdict}


def print_table(figures):
    row = "{name:<36}{target:<18}{measured:>12}  {verdict}".format
    print(row(name="figure", target="target", measured="measured", verdict=""))
    for line in figures:
        text = row(**{**line, "measured": "-" if line["measured"] is None else line["measured"]})
        print(text.rstrip())


def print_exits(got):
    """By reason, the most frequent first."""
    columns = [name for name in ("pxhv-quiet", "pxhv-log", "pxhv-init") if got[name]]
    if not columns:
        return
    kinds = {kind for name in columns for kind in got[name]["exits"]}
    print("\n{:<36}".format("exits by reason") + "".join(f"{name:>12}" for name in columns))
    for kind in sorted(kinds, key=lambda kind: -got[columns[0]]["exits"].get(kind, 0)):
        print(f"{kind:<36}" + "".join(f"{got[name]['exits'].get(kind, 0):>12}" for name in columns))
    for key in ("uart_exits", "uart_bytes", "ticks_in_guest", "ticks_in_host"):
        print(f"{key:<36}" + "".join(f"{got[name][key]:>12}" for name in columns))


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    shutil.copy(pxhv.CORE, CORE)
    library = OUT / "random.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "random.c"], check=True)
    os.environ["LD_PRELOAD"] = str(library)
    got = {name: measure(name) for name in RUNS}
    figures = [figure(*line, got) for line in FIGURES]
    print_table(figures)
    print_exits(got)
    (pxhv.BUILD / "bench.json").write_text(json.dumps({"figures": figures, "runs": got}, indent=1) + "\n")
    return 1 if any(line["measured"] is None for line in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
