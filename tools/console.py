"""What to do at the guest's console: shared by the demo, the boot tests and the long runs."""
import json
import re

import pexpect.fdpexpect

LOGIN = r"pxhv-guest login: "
PROMPT = r"root@pxhv-guest:[^ ]*# "
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
STATS = re.compile(r"^PXHV-STATS (\{.*\})\s*$", re.MULTILINE)


def plain(text):
    """Without the escape sequences of terminals, with plain line ends."""
    return ESCAPES.sub("", text).replace("\r", "")


def stats(text):
    """All the PXHV-STATS lines, one for each time that a guest stopped."""
    return [json.loads(line) for line in STATS.findall(plain(text))]


class Console:
    """A pexpect child over an emulator's console, which also keeps all it has read."""

    def __init__(self, emulator, timeout, also=None):
        self.parts = []
        self.also = also  # a stream that gets the text too
        self.child = pexpect.fdpexpect.fdspawn(emulator.console, timeout=timeout, encoding="utf-8",
                                               codec_errors="replace")
        self.child.logfile_read = self

    def write(self, text):
        self.parts.append(text)
        if self.also:
            self.also.write(text)

    def flush(self):
        if self.also:
            self.also.flush()

    @property
    def text(self):
        return plain("".join(self.parts))

    def expect(self, pattern, timeout=-1):
        """The text before the pattern, a regular expression."""
        self.child.expect(pattern, timeout=timeout)
        return plain(self.child.before)

    def login(self, timeout=-1):
        self.expect(LOGIN, timeout)
        self.child.send("root\r")
        self.expect(PROMPT)

    def run(self, command, timeout=-1):
        """What the command prints. It must fit on the prompt's line: the shell would wrap it."""
        assert len(command) < 60
        self.child.send(command + "\r")
        self.expect(re.escape(command) + r"\r*\n")
        return self.expect(PROMPT, timeout)

    def finish(self, timeout=-1):
        """Reads to the end."""
        self.expect(pexpect.EOF, timeout)
