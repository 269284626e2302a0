"""Starts the emulators: Bochs (VT-x or AMD-V), QEMU with KVM, QEMU alone (AMD-V).

A Machine says what to emulate, an Emulator is one that runs. COM1 goes to a file, or to a socket
that a person or a test talks to. A guest or the core ends the emulator by its debug-exit port;
`Emulator.success()` tells whether that said success.
"""
import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

SHARE = pathlib.Path("/usr/share/bochs")
DEFAULT_MODEL = "corei7_skylake_x"
QEMU = "qemu-system-x86_64"
OVMF = pathlib.Path("/usr/share/ovmf/OVMF.fd")
QEMU_EXIT_PORT = 0xF4
QEMU_SUCCESS = 0x10 << 1 | 1  # isa-debug-exit turns a written v into the status 2v + 1
KINDS = {"bochs": "Bochs, which emulates VT-x", "kvm": "QEMU with KVM",
         "tcg": "QEMU without KVM, which emulates AMD-V"}
# A CPU's flag for its virtualization: the name of that, and the module of KVM that passes it on to guests.
OFFERS = {"vmx": ("VT-x", "kvm_intel"), "svm": ("AMD-V", "kvm_amd")}

BOCHSRC = """\
plugin_ctrl: unmapped=1, biosdev=1, serial=1, iodebug=1, extfpuirq=1, speaker=0, parallel=0, gameport=0
config_interface: textconfig
display_library: rfb, options="timeout=0"
romimage: file={share}/BIOS-bochs-latest, options=fastboot
vgaromimage: file={share}/VGABIOS-lgpl-latest
vga: extension=vbe, update_freq=5, realtime=0
memory: guest={memory}, host={memory}
cpu: model={model}, count={cpus}, ips={ips}, reset_on_triple_fault=0
clock: sync={sync}, rtc_sync=0, time0=946681200
pci: enabled=1, chipset=i440fx
boot: {boot}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: {drive}, path={image}
com1: enabled=1, {serial}
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
"""


class EmulatorError(Exception):
    """The emulator itself did not do as asked; says nothing about what ran in it."""


@dataclasses.dataclass(frozen=True)
class Machine:
    image: pathlib.Path
    kind: str = "bochs"  # one of KINDS
    cdrom: bool = True  # else the image is a hard disk
    model: str = ""  # of the CPU; "": the usual one
    memory: int = 1024  # MiB
    cpus: int = 1
    ips: int = 10_000_000  # Bochs: instructions in an emulated second
    sync: str = "none"  # Bochs: none is deterministic, realtime is for people
    firmware: str = "bios"  # QEMU: or "uefi"
    qmp: bool = False  # QEMU: its screen can be seen, keys can be pressed
    deterministic: bool = False  # QEMU: a tick is an instruction and HLT skips ahead, as Bochs does by "none"
    more: tuple = ()  # QEMU: further arguments
    debugger: tuple = ("c",)  # Bochs: commands to its debugger, which then quits


def bochs_config(machine, serial):
    drive = "type=cdrom, status=inserted" if machine.cdrom else "type=disk, mode=flat"
    return BOCHSRC.format(
        share=SHARE, memory=machine.memory, model=machine.model or DEFAULT_MODEL, cpus=machine.cpus,
        ips=machine.ips, sync=machine.sync, boot="cdrom" if machine.cdrom else "disk", drive=drive,
        image=machine.image, serial=serial)


def bochs_command(machine, folder, serial):
    """Writes what Bochs reads into the folder and returns its command line."""
    (folder / "bochsrc").write_text(bochs_config(machine, serial))
    # Debian's Bochs has the debugger built in, which waits at its prompt: continue, then quit.
    (folder / "debugger.rc").write_text("\n".join([*machine.debugger, "q", ""]))
    return ["bochs-bin", "-q", "-rc", str(folder / "debugger.rc"), "-f", str(folder / "bochsrc"),
            "-log", str(folder / "bochs.log")]


def qemu_command(machine, serial, display="none"):
    # Both models have the virtualization that there is: "host" what KVM passes on, "max" what QEMU emulates.
    model = machine.model or {"kvm": "host", "tcg": "max"}[machine.kind]
    drive = (["-cdrom", str(machine.image), "-boot", "d"] if machine.cdrom else
             ["-drive", f"file={machine.image},format=raw,if=virtio"])
    firmware = ["-bios", str(OVMF)] if machine.firmware == "uefi" else []
    clock = ["-icount", "shift=0,sleep=off", "-seed", "1"] if machine.deterministic else []
    return [QEMU, "-accel", machine.kind, "-cpu", model, "-smp", str(machine.cpus),
            "-m", str(machine.memory), *firmware, *clock, *drive, "-display", display, "-serial", serial,
            "-device", f"isa-debug-exit,iobase={QEMU_EXIT_PORT:#x},iosize=4", *machine.more]


@contextlib.contextmanager
def one_at_a_time():
    """Holds a lock that all starts of emulators of this user share."""
    with open(pathlib.Path(tempfile.gettempdir(), f"pxhv-start-{os.getuid()}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Picture:
    """A picture as a plain PPM file has it."""

    def __init__(self, ppm):
        magic, width, height, most = ppm.split(maxsplit=4)[:4]
        if magic != b"P6" or most != b"255":
            raise EmulatorError("not the kind of picture that QEMU makes")
        self.width, self.height = int(width), int(height)
        self.pixels = ppm[len(ppm) - 3 * self.width * self.height:]

    def at(self, x, y):
        """Red, green, blue, 0 to 255."""
        first = 3 * (y * self.width + x)
        return tuple(self.pixels[first:first + 3])


class Emulator:
    """A running emulator; use it in a `with`, which ends it. The folder takes its files."""

    def __init__(self, machine, folder, interactive=False):
        self.machine = machine
        self.folder = pathlib.Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.serial_file = self.folder / "serial.txt"
        self.log_file = self.folder / "bochs.log"
        self.console = None
        self.cut_off = False  # we ended it, so its status means nothing
        if not interactive:
            self._launch(f"file:{self.serial_file}")
            return
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = "127.0.0.1:%d" % listener.getsockname()[1]
            self._launch(f"tcp:{address}")
            self.console = self._accept(listener)

    def _launch(self, serial):
        if self.machine.kind == "bochs":
            way, where = serial.split(":", 1)
            mode = "file" if way == "file" else "socket-client"
            command = bochs_command(self.machine, self.folder, f"mode={mode}, dev={where}")
        else:
            command = qemu_command(self.machine, serial)
            if self.machine.qmp:
                command += ["-qmp", f"unix:{self.folder / 'qmp'},server=on,wait=off"]
        with open(self.folder / "emulator.txt", "wb") as out, one_at_a_time():
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT)
            self._wait_for_display()

    def _wait_for_display(self):
        """Two Bochs that look for a free display port at the same moment take the same one, and one
        of them dies."""
        until = time.monotonic() + 30
        while (self.machine.kind == "bochs" and self.process.poll() is None
               and time.monotonic() < until and "listening for connections" not in self.log()):
            time.sleep(0.02)

    def _accept(self, listener):
        listener.settimeout(1)
        for _ in range(30):
            try:
                console, _ = listener.accept()
                console.settimeout(None)
                return console
            except socket.timeout:
                if self.process.poll() is not None:
                    break
        self.stop()
        raise EmulatorError(f"no console; see {self.folder}")

    def wait(self, timeout=None):
        """The exit status, or None when it still runs after so many seconds."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        """Ends it if it runs."""
        if self.process.poll() is None:
            self.cut_off = True
            self.process.send_signal(signal.SIGINT)  # Bochs writes its log out, and no SIGTERM ends it
            if self.wait(5) is None:
                self.process.kill()
                self.process.wait()
        if self.console:
            self.console.close()

    def success(self):
        """It has ended, not by us, and the debug-exit port said success."""
        status = 0 if self.machine.kind == "bochs" else QEMU_SUCCESS
        return self.process.returncode == status and not self.cut_off

    def powered_off(self):
        """By ACPI: Bochs calls that a panic, QEMU ends with 0."""
        if self.machine.kind == "bochs":
            return "ACPI control: soft power off" in self.log()
        return self.process.returncode == 0 and not self.cut_off

    def vnc_port(self):
        """Where Bochs shows its screen."""
        return int(re.search(r"listening for connections on port (\d+)", self.log()).group(1))

    def qmp(self, command, **arguments):
        """Has QEMU do this: docs/interop/qmp-spec."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.folder / "qmp"))
            with control.makefile("rw") as lines:
                lines.readline()  # the greeting
                for word, more in (("qmp_capabilities", {}), (command, arguments)):
                    print(json.dumps({"execute": word, "arguments": more}), file=lines, flush=True)
                    while "event" in (answer := json.loads(lines.readline())):
                        pass
                    if "error" in answer:
                        raise EmulatorError(f"{word}: {answer['error']}")

    def screenshot(self):
        """What QEMU shows on its screen now."""
        file = self.folder / "screen.ppm"
        self.qmp("screendump", filename=str(file))
        return Picture(file.read_bytes())

    def press(self, *keys):
        """Presses these on QEMU's PS/2 keyboard, one after the other; "ctrl-c" at the same time."""
        for key in keys:
            self.qmp("send-key", keys=[{"type": "qcode", "data": part} for part in key.split("-")])

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stop()


def choose(cpuinfo="/proc/cpuinfo", modules="/sys/module", kvm="/dev/kvm"):
    """The faster kind that can run pxHV here, "kvm" or "tcg", and why. A /dev/kvm alone promises nothing: it
    may open on a CPU without virtualization, and KVM may keep it from its guests."""
    def text(path):
        try:
            return pathlib.Path(path).read_text()
        except OSError:
            return ""

    flags = {word for line in text(cpuinfo).splitlines() if line.startswith("flags")
             for word in line.partition(":")[2].split()}
    flag = next((flag for flag in OFFERS if flag in flags), None)
    if not flag:
        return "tcg", "this CPU offers neither VT-x nor AMD-V"
    name, module = OFFERS[flag]
    nested = pathlib.Path(modules, module, "parameters/nested")
    if not nested.exists():
        return "tcg", f"this CPU has {name}, but KVM's module {module} is not loaded"
    if text(nested).strip() not in ("Y", "1"):
        return "tcg", f"this CPU has {name}, but KVM keeps it from guests: {nested} is not Y"
    try:
        os.close(os.open(kvm, os.O_RDWR))
    except OSError as error:
        return "tcg", f"this CPU has {name}, but {kvm} cannot be opened: {error.strerror}"
    return "kvm", f"this CPU has {name}, and KVM passes it on to guests"


def resolve(how):
    """The kind for `how`, which is one or "auto", and a sentence that says so."""
    if how != "auto":
        return how, f"Running in {KINDS[how]}."
    kind, why = choose()
    return kind, f"Running in {KINDS[kind]}: {why}."
