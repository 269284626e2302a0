"""Tiny guests, one per behaviour (tests/guest/*.asm). Each checks itself and reports line by line."""
import pytest

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
# No unrestricted guest; an early CPU with it; one without APICv but with 1 GiB pages.
OTHER_MODELS = {
    "corei5_lynnfield_750": ["cpuid", "cr", "fpu_reset", "longmode", "mode_switch", "paging32", "pdpte", "shadow",
                             "timer"],
    "corei7_sandy_bridge_2600k": ["cpuid", "cr", "real", "timer"],
    "corei3_cnl": ["cpuid", "timer"],
}
# HOW of stop.asm: the reason that the statistics give, success, words of the log
STOPS = {
    "acpi": ("power-off", True, ""),
    "cf9": ("reset", True, ""),
    "i8042": ("reset", True, ""),
    "port92": ("reset", True, ""),
    "halt": ("halted", True, "Guest executed HLT!"),
    "triple": ("triple-fault", False, "triple fault"),
    "push_hole": ("killed", False, "does not emulate"),
    "run_hole": ("killed", False, "where no RAM is"),
    "stack_in_hole": ("killed", False, "cannot be delivered"),
    "write_rom_hole": ("power-off", True, ""),
}


def run(boot, name, line, *defines, **machine):
    result = boot.run([(boot.asm(name, *defines), line)], memory=MEMORY, **machine)
    result.assert_backend("vmx")
    return result


def test_leaving_protected_mode_without_unrestricted_guest(boot):
    result = run(boot, "leave_protected", PROT, model="corei5_lynnfield_750")
    assert result.stats["stop"] == "killed", result.explain("another stop reason")
    result.assert_line("goes to real mode")
    result.assert_failure()


def assert_checked(result):
    """Every check passed, and the guest got to its end: it counts its checks before it says DONE."""
    lines = result.serial.splitlines()
    failed = [line for line in lines if line.startswith("FAIL")]
    assert not failed, result.explain("\n".join(failed))
    assert any(line.startswith("PASS") for line in lines), result.explain("no check at all")
    assert "DONE" in lines, result.explain("the guest did not get to its end")
    assert result.stats["stop"] == "power-off", result.explain("another stop reason")
    assert result.stats["npt_ram_faults"] == 0, result.explain("RAM was not mapped")
    result.assert_success()


@pytest.mark.parametrize("name", CHECKED)
def test_guest(boot, name):
    assert_checked(run(boot, name, CHECKED[name]))


@pytest.mark.parametrize("model, name", [(m, n) for m, names in OTHER_MODELS.items() for n in names])
def test_guest_on_another_cpu(boot, model, name):
    assert_checked(run(boot, name, CHECKED[name], model=model))


@pytest.mark.parametrize("how", STOPS)
def test_stop(boot, how):
    reason, good, words = STOPS[how]
    result = run(boot, "stop", LONG, f"HOW={how}")
    assert result.stats["stop"] == reason, result.explain("another stop reason")
    assert words in result.serial, result.explain(f"the log does not say {words!r}")
    assert not any(line.startswith("FAIL") for line in result.serial.splitlines())
    if good:
        result.assert_success()
    else:
        result.assert_failure()
