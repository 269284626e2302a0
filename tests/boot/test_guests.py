"""Tiny guests, one per behaviour (tests/guest/*.asm). Each checks itself and reports line by line."""
import subprocess

import pytest

import pxhv

LONG, PROT, REAL = "flat mode=long", "flat mode=prot", "flat mode=real at=0x8000"
MEMORY = 128
CHECKED = {
    "apic": LONG,
    "cpuid": LONG,
    "cr": LONG,
    "cs_long_bit": PROT,
    "exceptions": LONG,
    "fpu_reset": LONG,
    "hlt_step": LONG,
    "ioapic": LONG,
    "kvm_clock": LONG,
    "longmode": PROT,
    "mmio": LONG,
    "mode_switch": PROT,
    "movs_border": LONG,
    "msr": LONG,
    "nmi": LONG,
    "paging32": PROT,
    "pdpte": PROT,
    "pic": LONG,
    "port_io": LONG,
    "pv_eoi": LONG,
    "real": REAL,
    "refused": LONG,
    "shadow": LONG,
    "state": LONG,
    "string_io": LONG,
    "timer": LONG,
    "tss16": PROT,
    "xsetbv": LONG,
}
SOME = ["cpuid", "cr", "real", "timer"]
# What is special about each is in docs/TESTING.md, "CPU models".
OTHER_MODELS = {
    ("vmx", "corei5_lynnfield_750"): ["cpuid", "cr", "fpu_reset", "longmode", "mode_switch", "paging32",
                                      "pdpte", "shadow", "timer"],
    ("vmx", "corei7_sandy_bridge_2600k"): SOME,
    ("vmx", "corei3_cnl"): ["cpuid", "timer"],
    ("svm-bochs", "phenom_8650_toliman"): [*SOME, "exceptions", "mmio", "msr", "nmi", "shadow"],
    ("svm", "EPYC"): SOME,
    ("svm", pxhv.OPTERON): SOME,
    ("svm", "qemu64,+svm,+npt"): [*SOME, "fpu_reset", "msr"],
}
REFUSED = "the CPU refused to enter the guest"
# What the emulators do wrong, not pxHV: the checks that fail there, or the words that the guest is killed
# with. A mended emulator is to be noticed, so they must fail.
KNOWN_FAULTS = {
    "svm": {  # QEMU 7.2
        # MOV to CR0 does not refuse bits 63:32.
        "cr": {"CR0, the upper half"},
        # A fault while an injected exception is delivered does not become a double fault.
        "exceptions": {"a double fault on the way to #GP"},
        # WRMSR takes addresses that are not canonical and types that PAT does not have, and looks the MSR
        # up in the permission map with all 64 bits of RCX.
        "msr": {"LSTAR, not canonical", "FS_BASE, not canonical", "PAT, a reserved type",
                "the upper half of RCX does not count"},
    },
    "svm-bochs": {  # Bochs 2.7
        # VMRUN refuses CS.L with CS.D outside long mode too.
        "cs_long_bit": REFUSED,
    },
}
# HOW of stop.asm: the reason that the statistics give, success, words of the log
STOPS = {
    "acpi": ("power-off", True, ""),
    "cf9": ("reset", True, ""),
    "i8042": ("reset", True, ""),
    "port92": ("reset", True, ""),
    "halt": ("halted", True, "Guest executed HLT!"),
    "triple": ("triple-fault", False, "triple fault"),
    "mul_hole": ("killed", False, "does not emulate"),
    "run_hole": ("killed", False, "where no RAM is"),
    "stack_in_hole": ("killed", False, "cannot be delivered"),
    "tables_in_hole": ("killed", False, "page tables lie at 0xf0000000, where no RAM is"),
    "write_rom_hole": ("power-off", True, ""),
}
# Bochs 2.7 ends itself at an AMD guest's triple fault, before it looks whether that leaves the guest.
EMULATOR_DIES = [("svm-bochs", "triple")]


def run(boot, name, line, *defines, **machine):
    result = boot.run([(boot.asm(name, *defines), line)], memory=MEMORY, **machine)
    result.assert_backend()
    return result


def failed_checks(result):
    """The names: a line is `FAIL name expected X got Y`."""
    return {line.removeprefix("FAIL ").partition(" expected ")[0]
            for line in result.serial.splitlines() if line.startswith("FAIL")}


def assert_checked(result, faults=frozenset()):
    """Every check passed but these, which failed, and the guest got to its end: it counts its checks before it
    says DONE."""
    lines = result.serial.splitlines()
    failed = failed_checks(result)
    assert failed == faults, result.explain(f"failed: {failed - faults}; expected to fail: {faults - failed}")
    assert any(line.startswith("PASS") for line in lines), result.explain("no check at all")
    assert "DONE" in lines, result.explain("the guest did not get to its end")
    assert result.stats["stop"] == "power-off", result.explain("another stop reason")
    assert result.stats["npt_ram_faults"] == 0, result.explain("RAM was not mapped")
    result.assert_success()


def check(boot, platform, name, **machine):
    result = run(boot, name, CHECKED[name], platform=platform, **machine)
    faults = KNOWN_FAULTS.get(platform, {}).get(name, set())
    if isinstance(faults, set):
        assert_checked(result, faults)
    else:
        assert result.stats["stop"] == "killed", result.explain("another stop reason")
        result.assert_line(faults)


@pytest.mark.parametrize("platform", pxhv.PLATFORMS)
@pytest.mark.parametrize("name", CHECKED)
def test_guest(boot, platform, name):
    check(boot, platform, name)


@pytest.mark.parametrize("platform, model, name",
                         [(*cpu, name) for cpu, names in OTHER_MODELS.items() for name in names])
def test_guest_on_another_cpu(boot, platform, model, name):
    check(boot, platform, name, model=model)


@pytest.mark.parametrize("platform", pxhv.PLATFORMS)
@pytest.mark.parametrize("how", STOPS)
def test_stop(boot, platform, how):
    if (platform, how) in EMULATOR_DIES:
        # The log is lost with it. With another backend the core would refuse this option, and say so.
        options = f"{pxhv.OPTIONS} backend={pxhv.PLATFORMS[platform].backend}"
        result = boot.run([(boot.asm("stop", f"HOW={how}"), LONG)], options, platform=platform, memory=MEMORY)
        assert result.status and not result.all_stats, result.explain("the emulator lived")
        return
    reason, good, words = STOPS[how]
    result = run(boot, "stop", LONG, f"HOW={how}", platform=platform)
    assert result.stats["stop"] == reason, result.explain("another stop reason")
    assert words in result.serial, result.explain(f"the log does not say {words!r}")
    assert not failed_checks(result), result.explain("a check failed")
    if good:
        result.assert_success()
    else:
        result.assert_failure()


@pytest.mark.parametrize("platform", pxhv.PLATFORMS)
def test_breakpoints_in_the_core(boot, platform):
    """QEMU lets a guest's breakpoint stop the host's code; it must not come back for ever."""
    table = subprocess.run(["nm", pxhv.CORE], check=True, text=True, stdout=subprocess.PIPE).stdout
    address = next(line.split()[0] for line in table.splitlines() if line.endswith(" T on_cpuid"))
    assert_checked(run(boot, "breakpoints", LONG, f"CORE=0x{address}", platform=platform))


def test_leaving_protected_mode_without_unrestricted_guest(boot):
    result = run(boot, "leave_protected", PROT, model="corei5_lynnfield_750")
    assert result.stats["stop"] == "killed", result.explain("another stop reason")
    result.assert_line("goes to real mode")
    result.assert_failure()
