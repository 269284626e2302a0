"""A long run: Linux on the CPU models that the other boot tests leave out."""
import pytest

MODELS = {
    "vmx": ["corei5_arrandale_m520", "corei7_ivy_bridge_3770k", "corei7_haswell_4770", "broadwell_ult",
            "corei3_cnl", "corei7_icelake_u", "tigerlake"],
    "svm-bochs": ["zambezi", "trinity_apu"],
}


@pytest.mark.soak
@pytest.mark.parametrize("platform, model", [(p, model) for p, models in MODELS.items() for model in models])
def test_linux_boots_works_and_powers_off(boot, platform, model):
    with boot.session(modules=boot.linux(), platform=platform, model=model, memory=1024, timeout=300) as session:
        session.console.login()
        assert "Linux pxhv-guest" in session.console.run("uname -a")
        assert "ttyS0" in session.console.run("cat /proc/interrupts")
        session.console.child.send("poweroff\r")
        result = session.finish()
    result.assert_success()
    result.assert_backend()
    assert result.stats["npt_ram_faults"] == 0
