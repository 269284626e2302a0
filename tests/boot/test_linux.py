"""Debian's own kernel to its login prompt, to work, and to its end."""
import pytest

# The usual ones; no APICv and no 1 GiB pages; no unrestricted guest; AMD-V with next-RIP saving, and
# without. Bochs' phenom_8650_toliman announces POPCNT and refuses it, so bare Linux dies there as well.
MACHINES = [("vmx", "corei7_skylake_x"), ("vmx", "corei7_sandy_bridge_2600k"), ("vmx", "corei5_lynnfield_750"),
            ("svm-bochs", "ryzen"), ("svm-bochs", "phenom_8650_toliman"), ("svm", "max")]
ARGUMENTS = {"phenom_8650_toliman": " clearcpuid=popcnt"}
EACH_BACKEND = pytest.mark.parametrize("platform", ["vmx", "svm"])


def boot_to_login(boot, platform, **machine):
    modules = boot.linux("console=ttyS0" + ARGUMENTS.get(machine.get("model"), ""))
    return boot.session(modules, platform=platform, memory=1024, timeout=300, **machine)


def assert_ran(result, stop):
    result.assert_started("Loading Linux kernel...", "Guest launched!", "pxhv-guest login:")
    result.assert_backend()
    assert result.stats["stop"] == stop, result.explain("another stop reason")
    assert result.stats["npt_ram_faults"] == 0, result.explain("RAM was not mapped")
    result.assert_success()


@pytest.mark.slow
@pytest.mark.parametrize("platform, model", MACHINES)
def test_linux_boots_works_and_powers_off(boot, platform, model):
    with boot_to_login(boot, platform, model=model) as session:
        session.console.login()
        assert "Linux pxhv-guest" in session.console.run("uname -a")
        interrupts = session.console.run("cat /proc/interrupts")
        assert "timer" in interrupts and "ttyS0" in interrupts
        assert session.console.run("dmesg | grep -c 'Call Trace'").strip() == "0"
        session.console.child.send("poweroff\r")
        result = session.finish()
    assert_ran(result, "power-off")


@pytest.mark.slow
@EACH_BACKEND
def test_linux_reboots(boot, platform):
    with boot_to_login(boot, platform) as session:
        session.console.login()
        session.console.child.send("reboot\r")
        result = session.finish()
    assert_ran(result, "reset")


@pytest.mark.slow
@EACH_BACKEND
def test_programs_keep_their_registers_and_output_is_whole(boot, platform):
    """Many processes that switch in the midst of AVX copies; more text than the core's buffer holds."""
    with boot_to_login(boot, platform) as session:
        session.console.login()
        session.console.run("for i in $(seq 30);do dmesg|grep k|head -3;done>/dev/null")
        assert session.console.run("dmesg | grep -c segfault").strip() == "0"
        count = 16000  # 85 KiB
        text = session.console.run(f"seq {count}")
        assert text.split() == [str(n) for n in range(1, count + 1)], "text was lost on the way"
        session.console.child.send("poweroff\r")
        result = session.finish()
    assert_ran(result, "power-off")


def test_a_long_paste_arrives_though_nothing_answers_it(boot):
    """More than the core's buffer holds, with no echo that would make it look at the line again."""
    lines = "".join(f"{n:059}\r" for n in range(200))
    with boot_to_login(boot, "svm") as session:
        session.console.login()
        session.console.child.send("stty -echo; echo re''ady; cat > /tmp/x\r")
        session.console.expect("\nready")
        session.console.child.send(lines + "\x04wc -c /tmp/x\r")
        session.console.expect(f"{len(lines)} /tmp/x", 60)
