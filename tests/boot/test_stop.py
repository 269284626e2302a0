"""What happens when a guest has stopped: the prompt and the on-stop= option."""
import pytest

import pxhv

EACH_BACKEND = pytest.mark.parametrize("platform", ["vmx", "svm"])
GUEST = [(pxhv.BUILD / "hlt.bin", "flat mode=long")]
PROMPT = "r = run the guest again, b = reboot, p = power off"
BANNER = "pxHV 0."


@EACH_BACKEND
def test_prompt_runs_the_guest_again_then_powers_off(boot, platform):
    with boot.session(GUEST, "log=info", platform=platform, memory=256) as session:
        child = session.console.child
        for key in "rr":
            child.expect_exact(PROMPT)
            child.send(key)
        child.expect_exact(PROMPT)
        child.send("p")
        result = session.finish()
    assert result.serial.count("Guest executed HLT!") == 3, result.explain("not three runs")
    assert "powered off" not in result.serial
    result.assert_backend()
    first, second, third = result.all_stats
    assert [stats["exits"]["hlt"] for stats in (first, second, third)] == [1, 1, 1]
    assert second["resident_kib"] == third["resident_kib"], result.explain("a restart leaks memory")


@EACH_BACKEND
def test_prompt_reboots(boot, platform):
    with boot.session(GUEST, "log=info", platform=platform, memory=256) as session:
        child = session.console.child
        child.expect_exact(PROMPT)
        child.send("b")
        child.expect_exact(BANNER)
        child.expect_exact(PROMPT)
        child.send("p")
        result = session.finish()
    result.assert_backend()
    assert len(result.all_stats) == 2, result.explain("not one guest before and one after")


@EACH_BACKEND
def test_on_stop_reset_reboots(boot, platform):
    with boot.session(GUEST, "log=info on-stop=reset", platform=platform, memory=256) as session:
        child = session.console.child
        for _ in range(2):
            child.expect_exact(BANNER)
            child.expect_exact(pxhv.STARTED[session.platform.backend][0])
            child.expect_exact("Guest executed HLT!")


@EACH_BACKEND
def test_on_stop_poweroff_ends_the_machine(boot, platform):
    result = boot.run(GUEST, "log=info on-stop=poweroff", platform=platform, memory=256)
    result.assert_backend()
    assert PROMPT not in result.serial, result.explain("the machine went on")
    assert result.powered_off, result.explain("it did not end by ACPI")


@EACH_BACKEND
def test_linux_runs_again_after_a_reboot_of_its_own(boot, platform):
    """A guest that stops with much state behind it leaves nothing that the next one trips over."""
    with boot.session(boot.linux("console=ttyS0 quiet"), "log=info mem=256M", platform=platform,
                      memory=512, ips=50_000_000, timeout=300) as session:
        child = session.console.child
        session.console.login(timeout=300)
        child.send("reboot\r")
        child.expect_exact("the guest asked for a reset")
        child.expect_exact(PROMPT)
        child.send("r")
        session.console.login(timeout=300)
        assert "Linux pxhv-guest" in session.console.run("uname -a")
        child.send("poweroff\r")
        child.expect_exact(PROMPT)
        child.send("p")
        result = session.finish()
    result.assert_backend()
    assert [stats["stop"] for stats in result.all_stats] == ["reset", "power-off"]


def test_on_stop_reset_does_not_loop_over_a_refusal(boot):
    with boot.session([], "log=info on-stop=reset", memory=256) as session:
        session.console.child.expect_exact("no guest was loaded")
        session.console.child.expect_exact(PROMPT)
