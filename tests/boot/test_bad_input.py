"""What the core cannot run: a clear sentence on the console, the status of a failure, no hang."""
import functools
import struct

import pytest

import dos
import pxhv

HLT = pxhv.TOP / "iso/hlt.asm"
KERNEL = pxhv.BUILD / "guest/vmlinuz"
INITRD = pxhv.BUILD / "guest/initrd.gz"
EXIT = " on-stop=exit"


def refused(boot, modules, *words, options="", **machine):
    """The core does not start a guest, and one line holds all the words."""
    result = boot.run(modules, options + EXIT, timeout=60, **machine)
    lines = result.serial.splitlines()
    assert any(all(word in line for word in words) for line in lines), result.explain(f"no line has {words}")
    assert "Guest launched!" not in result.serial, result.explain("a guest was started")
    assert "panic" not in result.serial.lower(), result.explain("the core panicked")
    assert result.stats["stop"] == "not-started", result.explain("the statistics tell something else")
    started = pxhv.STARTED[result.platform.backend][0] in result.serial
    result.assert_backend(result.platform.backend if started else "none")
    result.assert_failure()


def hlt(boot, line="flat mode=long"):
    return [(boot.asm(HLT), line)]


# (platform, model): what the line says
CPUS = {
    ("vmx", "p4_prescott_celeron_336"): ["this CPU has neither Intel VT-x (VMX) nor AMD-V (SVM)"],
    ("svm", "qemu64,-svm"): ["this CPU has neither Intel VT-x (VMX) nor AMD-V (SVM)", "-cpu max"],
    ("svm", "qemu64"): ["nested paging (NPT): missing"],
    ("svm", "max,-npt"): ["nested paging (NPT): missing"],
    ("svm-bochs", "turion64_tyler"): ["nested paging (NPT): missing"],
    ("svm", "max,-apic"): ["a local APIC, whose timer ends a guest's turn: missing"],
}


@pytest.mark.parametrize("platform, model", CPUS)
def test_cpu(boot, platform, model):
    refused(boot, hlt(boot), *CPUS[platform, model], platform=platform, model=model, memory=128)


@pytest.mark.parametrize("platform, other", [("vmx", "svm"), ("svm", "vmx"), ("svm-bochs", "vmx")])
def test_backend_that_the_cpu_does_not_have(boot, platform, other):
    refused(boot, hlt(boot), f"does not have what backend={other} asks for", platform=platform,
            options=f"backend={other}", memory=128)


def says_and_stays(boot, sentence, modules=(), **machine):
    """Before its options are known the core can only say why, and leave that on the screen."""
    with boot.session(modules, memory=128, timeout=60, **machine) as session:
        session.console.expect(sentence)


def test_no_64_bit_mode(boot):
    says_and_stays(boot, "pxHV: this CPU has no 64-bit mode", model="core_duo_t2400_yonah")


def test_multiboot_1(boot):
    says_and_stays(boot, "pxHV: load me with GRUB's 'multiboot2' command", command="multiboot")


def test_too_many_modules(boot):
    says_and_stays(boot, "more than 16 boot modules", [(b"x", "initrd")] * 40)


OPTIONS = {
    "mem=0": ["mem=0", "at least 2M"],
    "mem=banana": ["mem=banana"],
    "mem=": ["mem="],
    "mem=64K": ["mem=64K", "at least 2M"],
    "mem=99999999999G": ["mem=99999999999G"],
    "mem=18446744073709551615": ["mem=18446744073709551615"],
    "mem=1G": ["mem=1024M", "are free"],
    "log=loud": ["log=loud", "debug"],
    "on-stop=never": ["on-stop=never", "poweroff"],
    "backend=banana": ["backend=banana", "vmx (Intel VT-x) or svm (AMD-V)"],
    "backend=": ["backend=", "vmx (Intel VT-x) or svm (AMD-V)"],
    "colour=red": ["unknown option", "colour=red"],
    "mem": ["'mem'"],
}


@pytest.mark.parametrize("backend", ["vmx", "svm"])
def test_backend_by_name(boot, backend):
    result = boot.run(hlt(boot), f"backend={backend}{EXIT}", platform=backend, memory=128)
    result.assert_success()
    result.assert_backend()


@pytest.mark.parametrize("options", OPTIONS)
def test_option(boot, options):
    refused(boot, hlt(boot), *OPTIONS[options], options=options, memory=128)


def test_long_option(boot):
    refused(boot, hlt(boot), "unknown option", options="x" * 3000, memory=128)


# The lines of some modules
MODULES = [
    ([], ["no guest was loaded", "module2"]),
    (["initrd"], ["initrd but no kernel"]),
    (["kernel", "kernel"], ["two modules", "'kernel'"]),
    (["flat", "kernel"], ["different guests", "kernel and initrd, or flat"]),
    (["bios", "kernel"], ["different guests"]),
    (["bios", "vgabios"], ["bios, vgabios and floppy"]),
    (["floppy"], ["bios, vgabios and floppy"]),
    (["kernal console=ttyS0"], ["unknown role", "kernal"]),
    ([""], ["unknown role"]),
    (["flat mode=virtual"], ["mode=virtual"]),
    (["flat at=somewhere"], ["at=somewhere"]),
    (["flat mode=long at=0xf0000000"], ["not inside the guest's memory"]),
    (["flat mode=long at=0xffffffffffffffff"], ["not inside the guest's memory"]),
    (["flat mode=real at=0x100000"], ["real-mode guest", "below 1 MiB"]),
    (["flat mode=real at=0x8001"], ["multiple of 16"]),
]


@pytest.mark.parametrize("lines, words", MODULES, ids=[", ".join(lines) or "none" for lines, _ in MODULES])
def test_modules(boot, lines, words):
    refused(boot, [(b"\xf4" * 100, line) for line in lines], *words, memory=128)


def patched(at, form, *values):
    return lambda image: image[:at] + struct.pack(form, *values) + image[at + struct.calcsize(form):]


@functools.cache
def kernel():
    """The start of the real one, with a header that says so: GRUB loads it sooner."""
    image = KERNEL.read_bytes()[:128 << 10]
    setup = (image[0x1F1] + 1) * 512
    image = patched(0x1F4, "<I", (len(image) - setup) // 16)(image)
    return patched(0x248, "<II", 0x100, 0x1000)(image)


def cut(length):
    return lambda image: image[:length]


# Offsets: Linux, Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header"
KERNELS = {
    "is empty": (cut(0), ["kernel"]),
    "is one byte": (cut(1), ["truncated"]),
    "ends in its header": (cut(0x240), ["truncated"]),
    "ends behind its header": (cut(0x400), ["truncated"]),
    "is half there": (lambda image: image[:len(image) // 2], ["truncated"]),
    "lacks its last byte": (lambda image: image[:-1], ["truncated"]),
    "is no kernel": (lambda image: bytes(4096), ["not a Linux bzImage"]),
    "is an ELF file": (lambda image: pxhv.CORE.read_bytes(), ["not a Linux bzImage"]),
    "has no boot flag": (patched(0x1FE, "<H", 0), ["not a Linux bzImage"]),
    "has no HdrS": (patched(0x202, "4s", b"HDRS"), ["not a Linux bzImage"]),
    "speaks protocol 2.11": (patched(0x206, "<H", 0x20B), ["too old", "2.12"]),
    "is not 64-bit": (patched(0x236, "<H", 0), ["64-bit"]),
    "is a zImage": (patched(0x211, "B", 0), ["zImage"]),
    "has a setup part longer than itself": (patched(0x1F1, "B", 0xFF), ["truncated"]),
    "claims a huge size": (patched(0x1F4, "<I", 0xFFFFFFFF), ["truncated"]),
    "claims no size": (patched(0x1F4, "<I", 0), ["empty"]),
    "has a header without end": (patched(0x201, "B", 0xFF), ["length"]),
    "has a header too short": (patched(0x201, "B", 0x10), ["length"]),
    "has a payload behind its end": (patched(0x248, "<I", 0xFFFFFF00), ["payload"]),
    "has a payload too long": (patched(0x24C, "<I", 0xFFFFFFFF), ["payload"]),
    "needs less memory than it is long": (patched(0x260, "<I", 0x1000), ["init_size"]),
    "needs 4 GiB": (patched(0x260, "<I", 0xFFFFF000), ["too little guest memory"]),
    "has alignment 0": (patched(0x230, "<I", 0), ["power of two"]),
    "has alignment 3": (patched(0x230, "<I", 3), ["power of two"]),
    "wants to be above 4 GiB": (patched(0x258, "<Q", 1 << 40), ["4 GiB"]),
    "takes a short command line": (patched(0x238, "<I", 3), ["command line is too long"]),
}


@pytest.mark.parametrize("name", KERNELS)
def test_kernel(boot, name):
    change, words = KERNELS[name]
    refused(boot, [(change(kernel()), "kernel console=ttyS0")], *words, memory=256)


# The code is the same on both; a handful shows that the other one refuses too.
@pytest.mark.parametrize("lines, words", [MODULES[n] for n in (0, 1, 4, 8)])
def test_modules_with_amd_v(boot, lines, words):
    refused(boot, [(b"\xf4" * 100, line) for line in lines], *words, platform="svm", memory=128)


@pytest.mark.parametrize("name", ["lacks its last byte", "is not 64-bit", "needs 4 GiB"])
def test_kernel_with_amd_v(boot, name):
    change, words = KERNELS[name]
    refused(boot, [(change(kernel()), "kernel console=ttyS0")], *words, platform="svm", memory=256)


def test_command_line_too_long(boot):
    refused(boot, [(KERNEL, "kernel " + "quiet " * 500)], "command line is too long", memory=256)


def test_too_little_memory_for_linux(boot):
    refused(boot, [(KERNEL, "kernel"), (INITRD, "initrd")], "too little guest memory for the kernel",
            memory=64)


def test_mem_too_small_for_linux(boot):
    refused(boot, [(KERNEL, "kernel")], "too little guest memory for the kernel", options="mem=16M",
            memory=256)


def test_initrd_does_not_fit(boot):
    refused(boot, [(KERNEL, "kernel"), (bytes(24 << 20), "initrd")], "initrd does not fit",
            options="mem=72M", memory=256)


FLOPPY = bytes(510) + b"\x55\xaa" + bytes((1440 << 10) - 512)
SEABIOS = dos.FIRMWARE / "bios.bin"
VGABIOS = dos.FIRMWARE / "vgabios-isavga.bin"


def pc(floppy=FLOPPY, bios=SEABIOS, vgabios=VGABIOS, line="bios"):
    return [(bios, line), (vgabios, "vgabios"), (floppy, "floppy")]


# What a PC with a BIOS is made of, and what the line says
PCS = {
    "a floppy of 1,000 bytes": (pc(FLOPPY[:1000]), ["1000 bytes", "no floppy", "1440"]),
    "a floppy of 1,440 KiB and a byte": (pc(FLOPPY + b"x"), ["1474561 bytes", "no floppy"]),
    "an empty floppy": (pc(b""), ["0 bytes", "no floppy"]),
    "a floppy without boot signature": (pc(bytes(1440 << 10)), ["cannot be booted", "55h AAh"]),
    "a BIOS of 256 KiB": (pc(bios=dos.FIRMWARE / "bios-256k.bin"), ["262144 bytes", "131072", "bios.bin"]),
    "an empty BIOS": (pc(bios=b""), ["0 bytes", "131072"]),
    "a video BIOS that is none": (pc(vgabios=bytes(30000)), ["no option ROM"]),
    "a video BIOS of two bytes": (pc(vgabios=b"\x55\xaa"), ["no option ROM"]),
    "an option": (pc(line="bios idle=maybe"), ["idle=maybe", "idle=on|off"]),
}


@pytest.mark.parametrize("platform", ["vmx", "svm"])
@pytest.mark.parametrize("name", PCS)
def test_pc_with_a_bios(boot, platform, name):
    modules, words = PCS[name]
    refused(boot, modules, *words, platform=platform, memory=128)


@pytest.mark.parametrize("kib, least", [(1440, 3), (2880, 5)])
def test_too_little_memory_for_a_bios(boot, kib, least):
    floppy = FLOPPY[:512].ljust(kib << 10, b"\0")
    refused(boot, pc(floppy), f"needs at least {least} MiB", "there are 2", options="mem=2M", memory=128)


def test_bios_without_unrestricted_guest(boot):
    refused(boot, pc(), "no unrestricted guest mode", model="corei5_lynnfield_750", memory=128)


def test_a_bios_that_resets_itself_for_ever_stops(boot):
    """The CPU starts 16 bytes before its end, with: lidt [cs:0xffe0], a table of no entries; int3."""
    bios = bytes((128 << 10) - 16) + bytes.fromhex("2e0f011ee0ffcc").ljust(16, b"\xf4")
    result = boot.run(pc(bios=bios), "log=info on-stop=exit", platform="svm", memory=128)
    result.assert_line("Guest launched!", "starts again: triple fault", "Guest stopped: triple fault")
    result.assert_failure()
    result.assert_backend()
