#!/usr/bin/python3
"""run.py auto|bochs|kvm [--dry]: boots build/pxhv.iso with its serial console on this terminal."""
import argparse
import os
import pathlib
import selectors
import shlex
import sys
import termios
import tty

import emu

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"
ESCAPE = 0x01  # Ctrl-A, as in QEMU: then x leaves, and Ctrl-A itself is sent


class Escape:
    """Takes what is typed; gives what to send on, and whether Ctrl-A x was among it."""

    def __init__(self):
        self.armed = False

    def feed(self, typed):
        send = bytearray()
        for byte in typed:
            if not self.armed:
                if byte == ESCAPE:
                    self.armed = True
                else:
                    send.append(byte)
                continue
            self.armed = False
            if byte == ord("x"):
                return bytes(send), True
            if byte == ESCAPE:
                send.append(byte)
        return bytes(send), False


def bridge(console):
    """Copies bytes between the terminal and the console until one of them ends."""
    stdin, stdout = sys.stdin.fileno(), sys.stdout.fileno()
    escape = Escape()
    select = selectors.DefaultSelector()
    select.register(console, selectors.EVENT_READ)
    try:
        select.register(stdin, selectors.EVENT_READ)
    except PermissionError:
        pass  # a plain file or /dev/null: nobody types
    while True:
        for key, _ in select.select():
            data = os.read(key.fd, 4096)
            if key.fd == stdin:
                if not data:
                    select.unregister(stdin)
                    continue
                data, leave = escape.feed(data)
                console.sendall(data)
                if leave:
                    return
            elif data:
                while data:
                    data = data[os.write(stdout, data):]
            else:
                return


def run_bochs(machine):
    print("Ctrl-A x leaves.", flush=True)
    with emu.Emulator(machine, BUILD / "run", interactive=True) as bochs:
        terminal = sys.stdin.isatty()
        before = termios.tcgetattr(sys.stdin) if terminal else None
        try:
            if terminal:
                tty.setraw(sys.stdin)
            bridge(bochs.console)
        except (ConnectionError, KeyboardInterrupt):
            pass
        finally:
            if terminal:
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
        print()
        ended = bochs.wait(2) is not None
    # Left by Ctrl-A x is well; ended by itself is well if the machine said so or was switched off.
    return 0 if not ended or bochs.success() or bochs.powered_off() else 1


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("how", choices=["auto", "bochs", "kvm"])
    parse.add_argument("--dry", action="store_true", help="print the command line instead")
    args = parse.parse_args()

    how = args.how
    if how == "auto":
        how, why = emu.choose()
        name = {"kvm": "QEMU with KVM", "bochs": "Bochs"}[how]
        print(f"Running in {name}: {why}.", flush=True)
    # A person at the keyboard needs a clock that does not race while the guest idles. Bochs' other way
    # to that, sync=slowdown, spares the CPU but makes an idle guest fall far behind real time.
    machine = emu.Machine(BUILD / "pxhv.iso", kind=how, ips=50_000_000, sync="realtime")
    if how == "kvm":
        command = emu.qemu_command(machine, "mon:stdio")
        if args.dry:
            print(shlex.join(command))
            return 0
        print("Ctrl-A x leaves.", flush=True)
        os.execvp(command[0], command)
    if args.dry:
        print(emu.bochs_config(machine, "mode=socket-client, dev=..."), end="")
        return 0
    return run_bochs(machine)


if __name__ == "__main__":
    sys.exit(main())
