#!/usr/bin/python3
"""Measures pxHV on each platform of measure.py: prints tables, writes build/bench.json. Status 1:
something could not be measured; a missed target is only shown.

The clock of all of them runs at 1 GHz: a tick is an emulated instruction. In Bochs the same files give
the same figures again (random.c takes out the last chance). In QEMU, GRUB waits for the disk a little
longer or shorter, and Linux takes randomness from the tick at which it starts: a few exits more or less.
The seconds to the login prompt are the wall's, of `make run`, and vary as those do. PXHV_CORE names
another core than build/pxhv.elf for all but these. Without a FreeDOS floppy that guest is left out.
"""
import concurrent.futures
import itertools
import json
import os
import shutil
import subprocess
import sys
import traceback

import run_to_login
import measure  # puts the next four on the path
import emu
import floppy
import freedos
import measure_dos
import pxhv
from measure import CORE, LEFT_OUT, OUT, PLATFORMS, RUNS


class LeftOut(Exception):
    """The platform cannot run it."""


def exits(stats):
    return sum(stats["exits"].values())


def besides_uart(stats):
    return exits(stats) - stats["uart_exits"]


def ticks(stats):
    return stats["ticks_in_guest"] + stats["ticks_in_host"]


def boot_pxhv(got):
    return ticks(got["pxhv-init"])


def boot_bare(got):
    if "bare-init" not in got:
        raise LeftOut
    return got["bare-init"] - got["bare-entry"]


def uart_ratio(stats):
    return stats["uart_exits"] / stats["uart_bytes"]


def exits_by_guest(stats):
    """Without those that come with the host's time, as it paints and sends."""
    return exits(stats) - sum(stats["exits"].get(kind, 0) for kind in HOST_EXITS)


def exits_of_screen(way):
    return lambda got: exits_by_guest(got[way]) - exits_by_guest(got["dos-quiet"])


def exits_a_character(way):
    return lambda got: exits_of_screen(way)(got) / measure_dos.CHARACTERS


def bytes_of_screen(way):
    return lambda got: got[way]["screen_bytes"] - got["dos-quiet"]["screen_bytes"]


def halted_percent(got):
    longer, shorter = got["dos-minute"], got["dos-before"]
    return 100 * (longer["ticks_halted"] - shorter["ticks_halted"]) / (ticks(longer) - ticks(shorter))


def at_most(limit):
    return lambda value: value <= limit


# name, target in words, whether a value meets it (None: no target), how it comes from the runs of a
# platform, digits behind the point
PLATFORM_FIGURES = [
    ("boot to init, ticks, bare", "", None, boot_bare, 0),
    ("boot to init, ticks, pxHV", "", None, boot_pxhv, 0),
    ("boot to init, pxHV / bare", "<= 1.10", at_most(1.10), lambda got: boot_pxhv(got) / boot_bare(got), 3),
    ("exits to login, no UART, quiet", "< 3188, aim 2400", at_most(3187),
     lambda got: besides_uart(got["pxhv-quiet"]), 0),
    ("exits to login, no UART, full log", "< 3188, aim 2400", at_most(3187),
     lambda got: besides_uart(got["pxhv-log"]), 0),
    ("exits of the UART, quiet", "", None, lambda got: got["pxhv-quiet"]["uart_exits"], 0),
    ("exits of the UART, full log", "", None, lambda got: got["pxhv-log"]["uart_exits"], 0),
    ("UART exits per byte, quiet", "<= 1.1", at_most(1.1), lambda got: uart_ratio(got["pxhv-quiet"]), 3),
    ("UART exits per byte, full log", "<= 1.1", at_most(1.1), lambda got: uart_ratio(got["pxhv-log"]), 3),
    ("nested faults on RAM, quiet", "0", at_most(0), lambda got: got["pxhv-quiet"]["npt_ram_faults"], 0),
    ("nested faults on RAM, full log", "0", at_most(0), lambda got: got["pxhv-log"]["npt_ram_faults"], 0),
    ("ticks to the guest, 1 GiB", "<= 5000000", at_most(5_000_000),
     lambda got: got["pxhv-quiet"]["ticks_to_guest"], 0),
    ("memory held, KiB, 1 GiB guest", "<= 4096", at_most(4096),
     lambda got: got["pxhv-quiet"]["resident_kib"], 0),
    ("ticks per CPUID exit, least", "", None, lambda got: got["cpuid"]["min"], 1),
    ("ticks per CPUID exit, median", "<= 200", at_most(200), lambda got: got["cpuid"]["median"], 1),
]
# The same of FreeDOS. A character of the BIOS moves the cursor by three accesses to the CRTC.
DOS_FIGURES = [
    ("DOS: exits to the prompt", "< 6000", at_most(5999), lambda got: exits(got["dos-prompt"]), 0),
    ("DOS: PAUSE among them", "", None, lambda got: got["dos-prompt"]["exits"].get("pause", 0), 0),
    ("DOS: launch to the prompt, ticks", "", None, lambda got: ticks(got["dos-prompt"]), 0),
    ("DOS: ticks to the guest, 1 GiB", "<= 5000000", at_most(5_000_000),
     lambda got: got["dos-prompt"]["ticks_to_guest"], 0),
    ("DOS: halted at the prompt, %", "> 95", lambda x: x > 95, halted_percent, 2),
    ("DOS: exits of a screenful, direct", "0", at_most(0), exits_of_screen("dos-direct"), 0),
    ("DOS: exits a character, INT 10h", "<= 3", at_most(3), exits_a_character("dos-int10"), 2),
    ("DOS: exits a character, INT 21h", "<= 3", at_most(3), exits_a_character("dos-int21"), 2),
    ("DOS: bytes of a screen, one colour", "<= 3000", at_most(1.5 * measure_dos.CHARACTERS),
     bytes_of_screen("dos-direct"), 0),
    ("DOS: bytes of a screen, 16 colours", "<= 6000", at_most(1.5 * 2 * measure_dos.CHARACTERS),
     bytes_of_screen("dos-colours"), 0),
]
# The same, from what does not depend on the platform.
FIGURES = [
    ("pxhv.elf text + data, KiB", "<= 200", at_most(200), lambda got: got["size"], 1),
    ("make run to login, wall seconds*", "< 15", lambda x: x < 15, lambda got: min(got["seconds"]), 1),
]
WALL_RUNS = 3
WALL = f"* the best of {WALL_RUNS}; not the same each time, nor on another computer"
HOST_EXITS = ("timer", "extint")
EXITS_OF = {"pxhv-quiet": "exits to login, quiet", "pxhv-log": "exits to login, full log",
            "pxhv-init": "exits to init, quiet"}
DOS_EXITS_OF = {"dos-prompt": "exits to DOS's prompt", "dos-minute": "exits of 70 seconds of DOS"}
BESIDES = ("uart_exits", "uart_bytes", "ticks_in_guest", "ticks_halted", "ticks_in_host")


def attempt(name, what):
    """What the function found, or None after saying why not."""
    print(f"measuring {name}", file=sys.stderr)
    try:
        return what()
    except (measure.NotMeasured, AssertionError, emu.EmulatorError, floppy.FloppyError,
            run_to_login.NoLogin) as problem:
        print(f"{name}: {problem}", file=sys.stderr)
    except Exception:  # the other figures are measured all the same
        print(f"{name}:\n{traceback.format_exc()}", file=sys.stderr)
    return None


def measure_platforms(runs):
    """platform -> run -> what it found"""
    def measure_run(key):
        run, platform = key
        name = f"{platform}-{run}"
        return attempt(name, lambda: runs[run](pxhv.Boot(OUT / name), platform))

    library = OUT / "random.so"
    subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-o", library, measure.HERE / "random.c"], check=True)
    os.environ["LD_PRELOAD"] = str(library)
    keys = [key for key in itertools.product(runs, PLATFORMS) if key not in LEFT_OUT]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(keys, pool.map(measure_run, keys)))
    return {platform: {run: found[run, platform] for run in runs if (run, platform) in found}
            for platform in PLATFORMS}


def judge(met, value_of, digits, got):
    try:
        value = round(value_of(got), digits) if digits else value_of(got)
    except LeftOut:
        return {"measured": None, "verdict": "left out"}
    except (KeyError, TypeError, ZeroDivisionError):  # a run that failed gave nothing
        return {"measured": None, "verdict": "not measured"}
    return {"measured": value, "verdict": "" if met is None else "ok" if met(value) else "OVER"}


def judge_all(got, platforms, dos):
    """A dict for each figure; in "on" what was measured, by platform, or under "" if that is all one."""
    def figure(name, target, *how, on):
        return {"name": name, "target": target, "on": {key: judge(*how, runs) for key, runs in on.items()}}

    return ([figure(*line, on=platforms) for line in PLATFORM_FIGURES + (DOS_FIGURES if dos else [])] +
            [figure(*line, on={"": got}) for line in FIGURES])


def row(first, second, cells):
    print((f"{first:<36}{second:<18}" + "".join(f"{cell:>24}" for cell in cells)).rstrip())


def print_figures(figures):
    row("figure", "target", PLATFORMS.values())
    for line in figures:
        row(line["name"], line["target"],
            ["-" if cell["measured"] is None else
             f"OVER {cell['measured']}" if cell["verdict"] == "OVER" else cell["measured"]
             for cell in line["on"].values()])
    print(WALL)


def print_exits(run, title, platforms):
    """By reason, the most frequent first."""
    stats = [runs[run] or {} for runs in platforms.values()]
    counts = [one.get("exits", {}) for one in stats]
    kinds = {kind for exits in counts for kind in exits}
    print()
    row(title, "", PLATFORMS.values())
    for kind in sorted(kinds, key=lambda kind: (-max(exits.get(kind, 0) for exits in counts), kind)):
        row(kind, "", [exits.get(kind, 0) if exits else "-" for exits in counts])
    row("all", "", [sum(exits.values()) if exits else "-" for exits in counts])
    for key in BESIDES:
        row(key, "", [one.get(key, "-") for one in stats])


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    shutil.copy(pxhv.CORE, CORE)
    # First, as nothing else runs yet.
    seconds = attempt("make run to login", lambda: [run_to_login.seconds() for _ in range(WALL_RUNS)])
    got = {"seconds": seconds, "size": measure.loaded_kib()}
    dos = measure_dos.base()
    platforms = measure_platforms({**RUNS, **measure_dos.RUNS} if dos else RUNS)
    figures = judge_all(got, platforms, dos)
    print_figures(figures)
    if not dos:
        print(f"FreeDOS is left out. {freedos.HINT}")
    for run, title in {**EXITS_OF, **(DOS_EXITS_OF if dos else {})}.items():
        print_exits(run, title, platforms)
    (pxhv.BUILD / "bench.json").write_text(
        json.dumps({"figures": figures, "runs": {**got, **platforms}}, indent=1) + "\n")
    missing = any(cell["verdict"] == "not measured" for line in figures for cell in line["on"].values())
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
