"""What is measured of FreeDOS, each by a function as in measure.py. It boots from a copy of its floppy whose
AUTOEXEC.BAT goes on, after all that it does otherwise, with a command or two. No key is pressed.

To the prompt: OFF runs where the prompt would come.

Text: SCREEN fills the screen at a quiet moment, in several ways, and in one run not at all. What a way costs
is what it has more than that run.

At the prompt: MINUTE powers the PC off some time after the prompt came. What the longer of two runs has more
than the shorter was in the minute between.
"""
import functools

import measure  # puts the next three on the path

import dos
import floppy
import freedos

CHARACTERS = dos.COLUMNS * dos.ROWS
SOME_TICKS, MINUTE_TICKS = 182, 1092  # of the PC's timer: 10 and 60 seconds
LAUNCHED, STOPPED = b"Guest launched!", b"Guest stopped"

base = functools.cache(freedos.find)


def run(boot, platform, commands, **programs):
    """programs: name -> bytes"""
    image = boot.folder / "floppy.img"
    autoexec = floppy.run("mtype", "-i", base(), "::AUTOEXEC.BAT")
    floppy.make_dos(image, base(), {f"{name}.COM": data for name, data in programs.items()},
                    f"{autoexec}\n{commands}\n")
    return measure.run(boot, platform, dos.modules(image))


def prompt(boot, platform):
    return run(boot, platform, "off", OFF=floppy.assemble("off")).stats


def screen(how, boot, platform):
    """With the bytes that the guest's screen became on the serial line."""
    program = boot.asm(measure.HERE / "screen.asm", *how)
    result = run(boot, platform, "screen\noff", OFF=floppy.assemble("off"), SCREEN=program)
    serial = (result.folder / "serial.txt").read_bytes()
    return {**result.stats, "screen_bytes": serial.index(STOPPED) - serial.index(LAUNCHED)}


def minute(ticks, boot, platform):
    program = boot.asm(measure.HERE / "minute.asm", f"TICKS={ticks}")
    return run(boot, platform, "minute", MINUTE=program).stats


RUNS = {
    "dos-minute": functools.partial(minute, SOME_TICKS + MINUTE_TICKS),
    "dos-before": functools.partial(minute, SOME_TICKS),
    "dos-prompt": prompt,
    "dos-quiet": functools.partial(screen, []),
    "dos-direct": functools.partial(screen, ["DIRECT"]),
    "dos-colours": functools.partial(screen, ["COLOURS"]),
    "dos-int10": functools.partial(screen, ["INT10"]),
    "dos-int21": functools.partial(screen, ["INT21"]),
}
