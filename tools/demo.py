#!/usr/bin/python3
"""demo.py [auto|bochs|kvm|tcg]: boots each guest there is, with nobody at the keyboard: logs in, runs a few
commands, powers off, and prints what it cost. Ends with 0 if all went well."""
import argparse
import pathlib
import sys
import time

import pexpect

import console
import disk
import emu
import floppy
import freedos
import iso

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"
OPTIONS = "log=info on-stop=exit"
PATIENCE = 600  # seconds for the longest wait, the way to the login prompt


def session_linux(talk):
    talk.login()
    for command in ("uname -a", "cat /proc/interrupts"):
        talk.run(command)
    talk.child.send("poweroff\r")


GUESTS = {
    "hlt": ([(BUILD / "hlt.bin", "flat mode=long")], lambda talk: None),
    "linux": ([(BUILD / "guest/vmlinuz", "kernel console=ttyS0"),
               (BUILD / "guest/initrd.gz", "initrd")], session_linux),
}


def session_dos(talk):
    talk.expect(r"A:\\>")
    for command in ("ver /r", "dir"):
        talk.child.send(command + "\r")
    talk.expect("bytes free")
    talk.child.send("off\r")


def dos_modules():
    """FreeDOS with a program that powers off; None if there is no floppy."""
    base = freedos.find()
    if not base:
        return None
    image = BUILD / "demo/dos.img"
    image.parent.mkdir(parents=True, exist_ok=True)
    floppy.make_dos(image, base, {"OFF.COM": floppy.assemble("off")})
    return [(iso.FIRMWARE / "bios.bin", "bios"), (iso.FIRMWARE / "vgabios-isavga.bin", "vgabios"), (image, "floppy")]


def figures(stats):
    """The table of one PXHV-STATS line."""
    rows = [(name, value) for name, value in stats.items() if not isinstance(value, dict)]
    exits = sorted(stats.get("exits", {}).items(), key=lambda pair: -pair[1])
    rows.append(("exits", sum(count for _, count in exits)))
    rows += [(f"  {kind}", count) for kind, count in exits if count]
    return "\n".join(f"  {name:<20} {value:>16}" for name, value in rows)


def play(kind, name):
    """True if the guest did all it was asked to and the core ended with success."""
    modules, session = GUESTS[name]
    folder = BUILD / "demo" / name
    folder.mkdir(parents=True, exist_ok=True)
    image = folder / "disk.img"
    disk.make(image, BUILD / "pxhv.elf", OPTIONS, modules)
    print(f"\n=== {name} ===", flush=True)
    began = time.monotonic()
    with emu.Emulator(emu.Machine(image, kind, cdrom=False), folder, interactive=True) as emulator:
        talk = console.Console(emulator, PATIENCE, also=sys.stdout)
        try:
            session(talk)
            talk.finish()
        except (pexpect.TIMEOUT, pexpect.EOF):
            print(f"\n=== {name}: the console fell silent or ended; see {folder} ===")
            return False
        emulator.wait(10)
        good = emulator.success()
    print(f"\n=== {name}: {'done' if good else 'FAILED'} after {time.monotonic() - began:.0f} s ===")
    for stats in console.stats(talk.text):
        print(figures(stats))
    return good and bool(console.stats(talk.text))


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("how", nargs="?", default="auto", choices=["auto", *emu.KINDS])
    kind, sentence = emu.resolve(parse.parse_args().how)
    print(sentence)
    if modules := dos_modules():
        GUESTS["dos"] = (modules, session_dos)
    results = {name: play(kind, name) for name in GUESTS}
    print("\n" + ", ".join(f"{name}: {'ok' if good else 'FAILED'}" for name, good in results.items()))
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
