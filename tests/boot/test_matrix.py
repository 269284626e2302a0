"""Plain QEMU, which emulates AMD-V: amount of RAM, firmware and CPU model in every combination."""
import itertools

import pytest

import pxhv

RAM = [128, 1024, 4096, 8192]  # MiB
FIRMWARE = ["bios", "uefi"]
CPUS = ["max", "EPYC", pxhv.OPTERON, "qemu64,+svm,+npt"]
MIB_SPARED = 64  # at most what pxHV, the firmware and the kernel keep for themselves of a guest's RAM


def each(**lists):
    return pytest.mark.parametrize(", ".join(lists), itertools.product(*lists.values()))


@each(memory=RAM, firmware=FIRMWARE, model=CPUS)
def test_cpuid_guest(boot, memory, firmware, model):
    result = boot.run([(boot.asm("cpuid"), "flat mode=long")], platform="svm", memory=memory, model=model,
                      firmware=firmware)
    result.assert_started("Guest launched!", "PASS", "DONE")
    assert "FAIL" not in result.serial, result.explain("a check failed")
    assert result.stats["stop"] == "power-off", result.explain("another stop reason")
    result.assert_backend()
    result.assert_success()


def linux(boot, memory, firmware, model, options=pxhv.OPTIONS):
    """To the login prompt and off; the guest's MiB."""
    with boot.session(boot.linux("console=ttyS0 quiet"), options, platform="svm", memory=memory, model=model,
                      firmware=firmware, timeout=120) as session:
        session.console.login()
        kib = int(session.console.run("awk '/MemTotal/{print $2}' /proc/meminfo"))
        session.console.child.send("poweroff\r")
        result = session.finish()
    result.assert_started("Guest launched!", "pxhv-guest login:")
    assert result.stats["stop"] == "power-off", result.explain("another stop reason")
    assert result.stats["npt_ram_faults"] == 0, result.explain("RAM was not mapped")
    result.assert_backend()
    result.assert_success()
    return kib >> 10


@pytest.mark.slow
@each(firmware=FIRMWARE, model=CPUS)
def test_linux(boot, firmware, model):
    linux(boot, 1024, firmware, model)


@pytest.mark.slow
@pytest.mark.parametrize("memory, mem", [(256, 192), (4096, 2560), (8192, 6144)])
def test_linux_has_its_ram(boot, memory, mem):
    """With 4 GiB and more a part of it is above 4 GiB, of the host's memory and of the guest's."""
    found = linux(boot, memory, "bios", "max", f"{pxhv.OPTIONS} mem={mem}M")
    assert mem * 0.95 - MIB_SPARED < found < mem
