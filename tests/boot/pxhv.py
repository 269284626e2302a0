"""Boots the core with modules of a test's choice in an emulator and hands back what came out of it.

    def test_it(boot):
        result = boot.run(modules=[(boot.asm("cpuid"), "flat mode=long")], platform="svm")
        result.assert_success()
        result.assert_backend()

    def test_linux(boot):
        with boot.session(modules=boot.linux(), memory=1024) as session:
            session.console.login(timeout=300)
            assert "pxhv-guest" in session.console.run("uname -a")
            session.console.child.send("poweroff\\r")
            result = session.finish()

A test's files, the serial text among them, stay in build/boot/NAME.
"""
import contextlib
import dataclasses
import os
import pathlib
import shutil
import subprocess

import console
import disk
import emu
import iso as iso_image

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
CORE = pathlib.Path(os.environ.get("PXHV_CORE", BUILD / "pxhv.elf"))
OPTIONS = "log=info on-stop=exit"
TAIL = 40  # lines of serial text in a failure's message


@dataclasses.dataclass(frozen=True)
class Platform:
    """Where a test runs, and with which backend that must be."""
    kind: str  # of emulator
    model: str  # of the CPU, unless the test asks for another one
    backend: str


PLATFORMS = {
    "vmx": Platform("bochs", "corei7_skylake_x", "vmx"),
    "svm": Platform("tcg", "max", "svm"),
    "svm-bochs": Platform("bochs", "ryzen", "svm"),
}
# QEMU 7.2 hangs at the MOV to CR4 that sets OSXSAVE, without a hypervisor too, on a model with XSAVE but
# with neither XSAVEOPT nor XGETBV1.
OPTERON = "Opteron_G5,+xgetbv1"
# What the log says of a backend, in this order
STARTED = {
    "vmx": ("backend: vmx (Intel VT-x)", "VMXON executed successfully!"),
    "svm": ("backend: svm (AMD-V)", "AMD-V turned on successfully!"),
}


@dataclasses.dataclass
class Result:
    platform: Platform
    serial: str  # without escape sequences
    status: int  # of the emulator
    success: bool  # the debug-exit port said so
    powered_off: bool  # by ACPI
    folder: pathlib.Path

    @property
    def all_stats(self):
        return console.stats(self.serial)

    @property
    def stats(self):
        """The figures of the last guest that stopped."""
        found = self.all_stats
        assert found, self.explain("no PXHV-STATS line")
        return found[-1]

    def explain(self, what):
        tail = "\n".join(self.serial.splitlines()[-TAIL:])
        return f"{what}; status {self.status}, files in {self.folder}, the serial text ends:\n{tail}"

    def assert_success(self):
        assert self.success, self.explain("the core did not report success")

    def assert_failure(self):
        """The core ended by itself and reported that it failed."""
        assert not self.success and self.status is not None, self.explain("the core reported success")

    def assert_backend(self, backend=None):
        """That ran which the platform has, or the one given."""
        backend = backend or self.platform.backend
        wrong = [stats for stats in self.all_stats if stats.get("backend") != backend]
        assert self.stats and not wrong, self.explain(f"the backend is not {backend}")

    def assert_started(self, *texts):
        """The log names the platform's backend, then says these."""
        self.assert_line(*STARTED[self.platform.backend], *texts)

    def assert_line(self, *texts):
        """Each text is part of some line, in this order."""
        lines = iter(self.serial.splitlines())
        for text in texts:
            assert any(text in line for line in lines), self.explain(f"no line has {text!r} (in order)")


class Session:
    """A machine that runs, with a console to talk to."""

    def __init__(self, emulator, platform, timeout):
        self.emulator = emulator
        self.platform = platform
        self.console = console.Console(emulator, timeout)

    def finish(self, timeout=-1):
        """Waits until the machine has ended by itself."""
        self.console.finish(timeout)
        self.emulator.wait(10)
        return result_of(self.emulator, self.platform, self.console.text)


def result_of(emulator, platform, serial):
    return Result(platform, serial, emulator.process.poll(), emulator.success(),
                  emulator.powered_off(), emulator.folder)


class Boot:
    """The `boot` fixture: one for each test."""

    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.count = 0

    def asm(self, source, *defines):
        """The bytes of tests/guest/SOURCE.asm, or of a path, assembled by NASM as a flat binary."""
        path = pathlib.Path(source) if isinstance(source, pathlib.Path) else (
            TOP / "tests/guest" / f"{source}.asm")
        out = self.folder / f"{path.stem}.bin"
        subprocess.run(["nasm", "-f", "bin", "-Werror", "-I", f"{path.parent}/", "-o", out, path,
                        *(f"-D{define}" for define in defines)], check=True)
        return out.read_bytes()

    def linux(self, command_line="console=ttyS0"):
        """The modules of the Linux guest."""
        return [(BUILD / "guest/vmlinuz", f"kernel {command_line}"),
                (BUILD / "guest/initrd.gz", "initrd")]

    @contextlib.contextmanager
    def machine(self, core, options, modules, platform, interactive, iso, **machine):
        """An emulator that boots these, with a folder of its own. `iso` boots that ISO instead."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        image = folder / "disk.img"
        command = machine.pop("command", "multiboot2")
        on_uefi = machine.get("firmware") == "uefi"
        # With a clock of instructions the wait of an ISO's menu and OVMF take a minute, and a console falls behind.
        machine = {"kind": platform.kind, "model": platform.model, "memory": 512,
                   "deterministic": not (interactive or on_uefi or iso), **machine}
        if on_uefi and not iso:
            iso = image
            iso_image.make_uefi(image, folder / "tree", core, options, modules)
        elif not iso:
            disk.make(image, core, options, modules, command)
        try:
            with emu.Emulator(emu.Machine(iso or image, cdrom=bool(iso), **machine), folder,
                              interactive) as emulator:
                yield emulator
        finally:
            image.unlink(missing_ok=True)
            shutil.rmtree(folder / "tree", ignore_errors=True)

    def run(self, modules=(), options=OPTIONS, *, platform="vmx", core=CORE, timeout=120, iso=None, **machine):
        """Boots and waits for the end. The rest are fields of emu.Machine (model, memory, ips, ...), and
        `command`, GRUB's for the core."""
        platform = PLATFORMS[platform]
        with self.machine(core, options, modules, platform, False, iso, **machine) as emulator:
            ended = emulator.wait(timeout) is not None
            if not ended:
                emulator.stop()
            serial = console.plain(emulator.serial_file.read_text(errors="replace"))
            result = result_of(emulator, platform, serial)
        assert ended, result.explain(f"still running after {timeout} s")
        return result

    @contextlib.contextmanager
    def session(self, modules=(), options=OPTIONS, *, platform="vmx", core=CORE, timeout=120, iso=None,
                **machine):
        """The same with a console; `timeout` is for each thing that is waited for."""
        platform = PLATFORMS[platform]
        with self.machine(core, options, modules, platform, True, iso, **machine) as emulator:
            session = Session(emulator, platform, timeout)
            try:
                yield session
            finally:
                (emulator.folder / "serial.txt").write_text(session.console.text)
