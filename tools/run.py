#!/usr/bin/python3
"""run.py auto|bochs|kvm|tcg [--screen gtk|vnc] [--dry]: boots build/pxhv.iso with its serial console on this
terminal, and its screen in a window on request."""
import argparse
import os
import pathlib
import selectors
import shlex
import shutil
import socket
import subprocess
import sys
import termios
import tty

import emu

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build"
ESCAPE = 0x01  # Ctrl-A, as in QEMU: then x leaves, and Ctrl-A itself is sent
VNC_PORT = 5900  # of VNC's display :0


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


def run_bochs(machine, screen):
    if screen == "gtk":
        sys.exit("Bochs has no window here: SCREEN=vnc shows its screen.")
    print("Ctrl-A x leaves.", flush=True)
    with emu.Emulator(machine, BUILD / "run", interactive=True) as bochs:
        if screen:
            tell_vnc(bochs.vnc_port())
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


def tell_vnc(port):
    print(f"The screen is on VNC, localhost:{port} (display :{port - VNC_PORT}).", flush=True)


def free_vnc_port():
    """The first one that nobody listens on."""
    for port in range(VNC_PORT, VNC_PORT + 100):
        try:
            socket.create_server(("127.0.0.1", port)).close()
            return port
        except OSError:
            pass
    sys.exit(f"No port for VNC is free, from {VNC_PORT} on.")


def check_qemu(screen):
    """Ends with a sentence if a Debian package is missing."""
    if not shutil.which(emu.QEMU):
        sys.exit(f"{emu.QEMU} is missing: install the package qemu-system-x86.")
    if screen == "gtk":
        known = subprocess.run([emu.QEMU, "-display", "help"], text=True, check=False, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout
        if "gtk" not in known.split():
            sys.exit("SCREEN=gtk needs the package qemu-system-gui: install that, or take SCREEN=vnc.")


def run_qemu(machine, screen, dry):
    port = free_vnc_port() if screen == "vnc" else None
    display = f"vnc=127.0.0.1:{port - VNC_PORT}" if port else screen or "none"
    command = emu.qemu_command(machine, "mon:stdio", display)
    if dry:
        print(shlex.join(command))
        return
    check_qemu(screen)
    if port:
        tell_vnc(port)
    print("Ctrl-A x leaves, Ctrl-A c is QEMU's monitor and back.", flush=True)
    os.execvp(command[0], command)


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("how", choices=["auto", *emu.KINDS])
    parse.add_argument("--screen", choices=["gtk", "vnc"], help="shows the machine's screen as well")
    parse.add_argument("--dry", action="store_true", help="print the command line instead")
    args = parse.parse_args()

    kind, sentence = emu.resolve(args.how)
    print(sentence, file=sys.stderr if args.dry else sys.stdout, flush=True)
    # A person at the keyboard needs a clock that does not race while the guest idles. Bochs' other way
    # to that, sync=slowdown, spares the CPU but makes an idle guest fall far behind real time.
    machine = emu.Machine(BUILD / "pxhv.iso", kind=kind, ips=50_000_000, sync="realtime")
    if kind != "bochs":
        return run_qemu(machine, args.screen, args.dry)
    if args.dry:
        print(emu.bochs_config(machine, "mode=socket-client, dev=..."), end="")
        return 0
    return run_bochs(machine, args.screen)


if __name__ == "__main__":
    sys.exit(main())
