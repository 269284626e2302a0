"""Tiny guests, one per behaviour (tests/guest/*.asm). Each checks itself and reports line by line."""
import pytest

LONG = "flat mode=long"
MEMORY = 128
CHECKED = {
    "cpuid": LONG,
    "port_io": LONG,
    "string_io": LONG,
    "msr": LONG,
    "cr": LONG,
    "mmio": LONG,
    "xsetbv": LONG,
    "apic": LONG,
    "pv_eoi": LONG,
    "pic": LONG,
    "ioapic": LONG,
    "timer": LONG,
    "exceptions": LONG,
    "shadow": LONG,
    "nmi": LONG,
    "refused": LONG,
    "state": LONG,
}


def run(boot, name, line, *defines, **machine):
    result = boot.run([(boot.asm(name, *defines), line)], memory=MEMORY, **machine)
    result.assert_backend("vmx")
    return result


def assert_checked(result):
    """Every check passed, and the guest got to its end: it counts its checks before it says DONE."""
    lines = result.serial.splitlines()
    failed = [line for line in lines if line.startswith("FAIL")]
    assert not failed, result.explain("\n".join(failed))
    assert any(line.startswith("PASS") for line in lines), result.explain("no check at all")
    assert "DONE" in lines, result.explain("the guest did not get to its end")
    assert result.stats["stop"] == "power-off", result.explain("another stop reason")
    result.assert_success()


@pytest.mark.parametrize("name", CHECKED)
def test_guest(boot, name):
    assert_checked(run(boot, name, CHECKED[name]))
