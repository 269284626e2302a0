"""A DOS guest as a person sees it: its screen is on the serial line, as a terminal gets it.

    with dos.session(boot, "svm") as pc:
        assert "FreeCom" in pc.run("ver /r")
"""
import contextlib
import re
import time

import pexpect
import pyte

import freedos
import iso as iso_image

FIRMWARE = iso_image.FIRMWARE
COLUMNS, ROWS = 80, 25
PROMPT = "A:\\>"


def modules(floppy=None):
    """The modules of a PC with a BIOS; `floppy` is a path or bytes, FreeDOS if it is left out."""
    floppy = floppy or freedos.find()
    assert floppy, freedos.HINT
    files = iso_image.dos_files(floppy)
    roles = {"bios.bin": "bios", "vgabios.bin": "vgabios", "floppy.img": "floppy"}
    return [(source, roles[name.rsplit("/", 1)[-1]]) for name, source in files.items()]


class Pc:
    """What the terminal shows, and a keyboard."""

    def __init__(self, session):
        self.session = session
        self.child = session.console.child
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.Stream(self.screen)
        self.fed = 0

    def read(self, seconds):
        """Takes in all that arrives within that time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.take(left)

    def take(self, seconds):
        """Takes in what arrives next, if something does within that time."""
        with contextlib.suppress(pexpect.TIMEOUT):
            self.child.read_nonblocking(65536, timeout=seconds)
        parts = self.session.console.parts
        for part in parts[self.fed:]:
            self.stream.feed(part)
        self.fed = len(parts)

    def lines(self):
        return [line.rstrip() for line in self.screen.display]

    def text(self):
        return "\n".join(self.lines()).rstrip()

    def wait(self, condition, what, timeout=None):
        """Until condition(self) is true; gives what it returned."""
        until = time.monotonic() + (timeout or self.child.timeout)
        while not (found := condition(self)):
            assert time.monotonic() < until, f"no {what}; the screen shows:\n{self.text()}"
            self.take(0.1)
        return found

    def wait_text(self, text, timeout=None):
        self.wait(lambda pc: text in pc.text(), repr(text), timeout)

    def at_prompt(self):
        """The cursor is behind a prompt with nothing typed."""
        cursor = self.screen.cursor
        return self.lines()[cursor.y] == PROMPT and cursor.x == len(PROMPT)

    def prompt(self, timeout=None):
        self.wait(Pc.at_prompt, "prompt", timeout)

    def type(self, keys):
        self.child.send(keys)

    def run(self, command, timeout=None):
        """What a command prints, or the last screen of it."""
        self.type("cls\r")
        self.wait(lambda pc: pc.at_prompt() and pc.text().strip() == PROMPT, "clear screen")
        self.type(command + "\r")
        self.wait(lambda pc: pc.at_prompt() and pc.text().strip() != PROMPT, f"end of {command}", timeout)
        lines = self.lines()
        echo = PROMPT + command
        first = lines.index(echo) + 1 if echo in lines else 0
        return "\n".join(lines[first:self.screen.cursor.y]).strip("\n")

    def last_key(self):
        """The code of the key that KEYS.COM showed last."""
        found = re.findall(r"^key ([0-9a-f]{4}) shift", self.text(), re.MULTILINE)
        return found[-1] if found else None

    def power_off(self):
        """By the program OFF; the result."""
        self.type("off\r")
        return self.session.finish()

    def colours(self, row, column):
        """Foreground and background as pyte names them."""
        cell = self.screen.buffer[row][column]
        return cell.fg, cell.bg


def replay(serial):
    """What the terminal shows at the end of a file of serial output."""
    screen = pyte.Screen(COLUMNS, 2 * ROWS)
    pyte.Stream(screen).feed(serial.read_bytes().decode(errors="replace"))
    return "\n".join(line.rstrip() for line in screen.display)


@contextlib.contextmanager
def session(boot, platform, floppy=None, options="log=info on-stop=exit", **machine):
    """FreeDOS, or another floppy, from its first moment. With fewer instructions in a second of Bochs an
    interrupt for each millisecond would be all that it has time for."""
    machine = {"memory": 512, "timeout": 120, "ips": 100_000_000, **machine}
    with boot.session(modules(floppy), options, platform=platform, **machine) as booted:
        yield Pc(booted)
