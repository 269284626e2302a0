"""The harness itself, with a stand-in for the core, and `make run` on a terminal."""
import pexpect
import pytest

import pxhv


@pytest.mark.parametrize("platform", ["vmx", "svm"])
def test_command_lines_arrive_as_given(boot, stand_in, platform):
    result = boot.run([(b"one", "kernel console=ttyS0 x=$y;z"), (b"", "initrd")], "log=debug mem=512M",
                      core=stand_in, platform=platform, timeout=60)
    result.assert_success()
    result.assert_line("[log=debug mem=512M]", "[kernel console=ttyS0 x=$y;z]", "[initrd]")
    result.assert_backend("none")
    with pytest.raises(AssertionError, match="the backend is not"):
        result.assert_backend()


@pytest.mark.parametrize("platform", ["vmx", "svm"])
def test_failure_is_told_from_success(boot, stand_in, platform):
    result = boot.run([], "fail", core=stand_in, platform=platform, timeout=60)
    result.assert_failure()
    with pytest.raises(AssertionError, match="did not report success"):
        result.assert_success()


def test_a_hang_is_no_success(boot, stand_in):
    with pytest.raises(AssertionError, match="still running after 5 s"):
        boot.run([], "hang", core=stand_in, timeout=5)


@pytest.mark.parametrize("platform", ["vmx", "svm"])
def test_console_carries_bytes_both_ways(boot, stand_in, platform):
    line = "the quick brown fox " * 20
    with boot.session([], "echo", core=stand_in, platform=platform, timeout=60) as session:
        session.console.expect(r"\[echo\]\r?\n")
        session.console.child.send(line + "\r")
        result = session.finish()
    result.assert_success()
    result.assert_line(line.rstrip())


def test_a_machine_that_was_stopped_is_no_success(boot, stand_in):
    with boot.session([], "echo", core=stand_in, timeout=60) as session:
        session.console.expect(r"\[echo\]")
        session.emulator.stop()
        assert not session.emulator.success()


def test_run_has_menu_and_console_on_the_terminal_and_ends_with_the_machine(boot):
    assert not (pxhv.BUILD / "iso/boot/grub/choice.cfg").exists(), "`make iso` without GUEST comes first"
    text = boot.folder / "terminal.txt"
    with text.open("w") as log:
        child = pexpect.spawn(str(pxhv.TOP / "tools/run.py"), ["tcg"], timeout=60, encoding="utf-8",
                              codec_errors="replace", logfile=log)
        child.expect_exact("Ctrl-A x leaves")
        for key in "bp":  # reboot, which brings the menu back, then power off
            child.expect_exact("automatically in")
            for entry in ("FreeDOS", "Self-test: HLT guest"):
                child.send("\x1b[B")
                child.expect_exact(f"*{entry}")
            child.send("\r")
            child.expect_exact("p = power off")
            child.send(key)
        child.expect(pexpect.EOF)
        child.close()
    assert child.exitstatus == 0, text.read_text()
