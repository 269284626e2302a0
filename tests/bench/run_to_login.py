#!/usr/bin/python3
"""run_to_login.py [TARGET]: prints the wall seconds from `make TARGET GUEST=linux` to the guest's login prompt,
with all of it built before. TARGET is run (default), run-tcg, run-kvm or run-bochs.

Leaves build/pxhv.iso with GUEST=linux; the next make that wants another one makes it.
"""
import argparse
import pathlib
import subprocess
import sys
import time

import pexpect

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))

import console  # noqa: E402  (needs the path)

TARGETS = ["run", "run-tcg", "run-kvm", "run-bochs"]
TIMEOUT = 300
GAVE_UP = "r = run the guest again"  # the core's prompt
LEAVE = "\x01x"  # Ctrl-A x


class NoLogin(Exception):
    """The run did not come to the login prompt."""


def seconds(target="run"):
    subprocess.run(["make", "-s", "iso", "GUEST=linux"], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    began = time.monotonic()
    child = pexpect.spawn("make", ["-s", target, "GUEST=linux"], cwd=TOP, timeout=TIMEOUT, encoding="utf-8",
                          codec_errors="replace")
    try:
        found = child.expect([console.LOGIN, GAVE_UP, pexpect.EOF, pexpect.TIMEOUT])
        took = time.monotonic() - began
        if found != 0:
            raise NoLogin(f"no login prompt after {took:.0f} s; the console ends:\n"
                          f"{console.plain(child.before)[-2000:]}")
        child.send(LEAVE)
        child.expect(pexpect.EOF, timeout=10)
    finally:
        child.close(force=True)
    return took


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("target", nargs="?", default="run", choices=TARGETS)
    try:
        print(f"{seconds(parse.parse_args().target):.2f}")
    except NoLogin as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
