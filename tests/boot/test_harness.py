"""The harness itself, with a stand-in for the core."""
import pytest


@pytest.mark.parametrize("kind", ["bochs", "tcg"])
def test_command_lines_arrive_as_given(boot, stand_in, kind):
    result = boot.run([(b"one", "kernel console=ttyS0 x=$y;z"), (b"", "initrd")], "log=debug mem=512M",
                      core=stand_in, kind=kind, timeout=60)
    result.assert_success()
    result.assert_line("[log=debug mem=512M]", "[kernel console=ttyS0 x=$y;z]", "[initrd]")
    result.assert_backend("none")
    with pytest.raises(AssertionError):
        result.assert_backend("vmx")


@pytest.mark.parametrize("kind", ["bochs", "tcg"])
def test_failure_is_told_from_success(boot, stand_in, kind):
    result = boot.run([], "fail", core=stand_in, kind=kind, timeout=60)
    result.assert_failure()
    with pytest.raises(AssertionError, match="did not report success"):
        result.assert_success()


def test_a_hang_is_no_success(boot, stand_in):
    with pytest.raises(AssertionError, match="still running after 5 s"):
        boot.run([], "hang", core=stand_in, timeout=5)


@pytest.mark.parametrize("kind", ["bochs", "tcg"])
def test_console_carries_bytes_both_ways(boot, stand_in, kind):
    line = "the quick brown fox " * 20
    with boot.session([], "echo", core=stand_in, kind=kind, timeout=60) as session:
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
