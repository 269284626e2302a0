"""The self-test guest of the ISO, one HLT with interrupts off, on every CPU model that can run it."""
import pytest

import pxhv

MODELS = {
    "vmx": ["corei5_lynnfield_750", "corei5_arrandale_m520", "corei7_sandy_bridge_2600k",
            "corei7_ivy_bridge_3770k", "corei7_haswell_4770", "broadwell_ult", "corei7_skylake_x",
            "corei3_cnl", "corei7_icelake_u", "tigerlake"],
    "svm-bochs": ["phenom_8650_toliman", "zambezi", "trinity_apu", "ryzen"],
    "svm": ["max", "EPYC", "EPYC-Rome", "Opteron_G4,+xgetbv1", pxhv.OPTERON, "phenom,+npt", "qemu64,+svm,+npt"],
}


def run(boot, line, model, platform="vmx"):
    return boot.run([(boot.asm(pxhv.TOP / "iso/hlt.asm"), line)], platform=platform, model=model, memory=128)


@pytest.mark.parametrize("platform, model", [(p, model) for p, models in MODELS.items() for model in models])
def test_hlt_guest(boot, platform, model):
    result = run(boot, "flat mode=long", model, platform)
    result.assert_started("Guest launched!", "Guest executed HLT!")
    result.assert_backend()
    assert result.stats["stop"] == "halted", result.explain("another stop reason")
    assert result.stats["exits"]["hlt"] == 1, result.explain("not one HLT")
    result.assert_success()


def test_no_ept_is_said(boot):
    result = run(boot, "flat mode=long", "core2_penryn_t9600")
    result.assert_line("EPT (nested page tables): missing", "cannot run a guest")
    result.assert_backend("none")
    result.assert_failure()


def test_real_mode_guest_needs_unrestricted_guest(boot):
    result = run(boot, "flat mode=real", "corei5_lynnfield_750")
    result.assert_line("real mode, and this CPU has no unrestricted guest")
    result.assert_backend()
    result.assert_failure()
