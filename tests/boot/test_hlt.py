"""The self-test guest of the ISO, one HLT with interrupts off, on every CPU model that has VT-x."""
import pytest

import pxhv

MODELS = ["corei5_lynnfield_750", "corei5_arrandale_m520", "corei7_sandy_bridge_2600k",
          "corei7_ivy_bridge_3770k", "corei7_haswell_4770", "broadwell_ult", "corei7_skylake_x",
          "corei3_cnl", "corei7_icelake_u", "tigerlake"]


def run(boot, line, model):
    return boot.run([(boot.asm(pxhv.TOP / "iso/hlt.asm"), line)], model=model, memory=128)


@pytest.mark.parametrize("model", MODELS)
def test_hlt_guest(boot, model):
    result = run(boot, "flat mode=long", model)
    result.assert_line("backend: vmx (Intel VT-x)", "VMXON executed successfully!", "Guest launched!",
                       "Guest executed HLT!")
    result.assert_backend("vmx")
    assert result.stats["stop"] == "halted", result.explain("another stop reason")
    assert result.stats["exits"]["hlt"] == 1, result.explain("not one HLT")
    result.assert_success()


def test_no_ept_is_said(boot):
    result = run(boot, "flat mode=long", "core2_penryn_t9600")
    result.assert_line("EPT (nested page tables): missing", "cannot run a guest")
    result.assert_failure()


def test_real_mode_guest_needs_unrestricted_guest(boot):
    result = run(boot, "flat mode=real", "corei5_lynnfield_750")
    result.assert_line("real mode, and this CPU has no unrestricted guest")
    result.assert_failure()
