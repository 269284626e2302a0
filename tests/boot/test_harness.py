"""The harness itself, with a stand-in for the core, and the choices that `make run` makes."""
import pathlib
import shlex
import socket
import subprocess

import pexpect
import pytest

import emu
import pxhv
import run


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


INTEL = "processor\t: 0\nvmx flags\t: vnmi\nflags\t\t: fpu vmx sse\n"
AMD = "processor\t: 0\nflags\t\t: fpu svm sse\n"
NEITHER = "processor\t: 0\nvmx flags\t: vmx svm\nflags\t\t: fpu vmxx svm_lock vmmcall\n"


@pytest.fixture
def host(tmp_path):
    """What choose() looks at; None leaves a file out, and /dev/kvm is a folder if it does not open."""
    def make(cpuinfo, intel, amd, kvm):
        for name, text in {"cpuinfo": cpuinfo, "kvm_intel/parameters/nested": intel,
                           "kvm_amd/parameters/nested": amd, "kvm": kvm}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text)
        if kvm is None:
            (tmp_path / "kvm").mkdir()
        return tmp_path / "cpuinfo", tmp_path, tmp_path / "kvm"
    return make


@pytest.mark.parametrize("cpuinfo, intel, amd, kvm, kind, why", [
    (INTEL, "Y\n", None, "", "kvm", "this CPU has VT-x, and KVM passes it on"),
    (INTEL, "1\n", None, "", "kvm", "VT-x"),
    (AMD, None, "1\n", "", "kvm", "this CPU has AMD-V, and KVM passes it on"),
    (AMD, None, "Y\n", "", "kvm", "AMD-V"),
    (INTEL, "N\n", None, "", "tcg", "this CPU has VT-x, but KVM keeps it from guests"),
    (AMD, None, "0\n", "", "tcg", "this CPU has AMD-V, but KVM keeps it from guests"),
    (INTEL, None, "1\n", "", "tcg", "this CPU has VT-x, but KVM's module kvm_intel is not loaded"),
    (AMD, "Y\n", None, "", "tcg", "this CPU has AMD-V, but KVM's module kvm_amd is not loaded"),
    (INTEL, "Y\n", None, None, "tcg", "cannot be opened: Is a directory"),
    (AMD, None, "1\n", None, "tcg", "cannot be opened: Is a directory"),
    (NEITHER, "Y\n", "1\n", "", "tcg", "this CPU offers neither VT-x nor AMD-V"),
    (None, "Y\n", "1\n", "", "tcg", "this CPU offers neither VT-x nor AMD-V"),
], ids=range(12))
def test_kvm_is_taken_only_where_it_passes_virtualization_on(host, cpuinfo, intel, amd, kvm, kind, why):
    chosen, reason = emu.choose(*host(cpuinfo, intel, amd, kvm))
    assert chosen == kind
    assert why in reason


def test_kvm_is_not_taken_where_there_is_none(host):
    paths = host(INTEL, "Y", None, "")
    paths[-1].unlink()
    kind, why = emu.choose(*paths)
    assert kind == "tcg"
    assert f"{paths[-1]} cannot be opened: No such file" in why


def test_a_kind_that_was_asked_for_is_taken(monkeypatch):
    monkeypatch.setattr(emu, "choose", lambda: ("kvm", "it can"))
    assert emu.resolve("auto") == ("kvm", "Running in QEMU with KVM: it can.")
    assert emu.resolve("tcg") == ("tcg", "Running in QEMU without KVM, which emulates AMD-V.")


@pytest.mark.parametrize("kind, model, cpu", [
    ("kvm", "", "host"), ("tcg", "", "max"), ("tcg", "EPYC", "EPYC"),
])
def test_qemu_gets_the_cpu(kind, model, cpu):
    words = emu.qemu_command(emu.Machine(pathlib.Path("a.iso"), kind=kind, model=model), "mon:stdio")
    assert words[1:5] == ["-accel", kind, "-cpu", cpu]


@pytest.mark.parametrize("target, screen, options", [
    ("run-kvm", "", {"-accel": "kvm", "-cpu": "host", "-display": "none"}),
    ("run-tcg", "", {"-accel": "tcg", "-cpu": "max", "-display": "none"}),
    ("run-tcg", "gtk", {"-display": "gtk"}),
    ("run-tcg", "vnc", {"-display": "vnc=127.0.0.1:"}),
])
def test_dry_run_shows_the_command_line(target, screen, options):
    line = subprocess.run(["make", "-s", target, "DRY=1", f"SCREEN={screen}"], cwd=pxhv.TOP, text=True,
                          check=True, stdout=subprocess.PIPE).stdout
    words = shlex.split(line)
    assert words[0] == "qemu-system-x86_64"
    found = dict(zip(words[1:], words[2:]))
    found["-display"] = found["-display"].rstrip("0123456789")  # whichever port is free
    expected = {"-cdrom": str(pxhv.BUILD / "pxhv.iso"), "-serial": "mon:stdio",
                "-device": "isa-debug-exit,iobase=0xf4,iosize=4", **options}
    assert expected.items() <= found.items()


def test_make_refuses_another_screen():
    done = subprocess.run(["make", "run", "DRY=1", "SCREEN=sdl"], cwd=pxhv.TOP, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert "SCREEN is gtk or vnc" in done.stderr


def test_bochs_refuses_a_gtk_window():
    with pytest.raises(SystemExit, match="SCREEN=vnc"):
        run.run_bochs(emu.Machine(pathlib.Path("a.iso")), "gtk")


def test_vnc_port_is_one_that_nobody_has(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(run, "VNC_PORT", taken.getsockname()[1])
        port = run.free_vnc_port()
    assert port > run.VNC_PORT
    socket.create_server(("127.0.0.1", port)).close()


def test_missing_packages_are_named(tmp_path, monkeypatch):
    qemu = tmp_path / "qemu"
    monkeypatch.setattr(emu, "QEMU", str(qemu))
    with pytest.raises(SystemExit, match="install the package qemu-system-x86"):
        run.check_qemu(None)
    qemu.write_text("#!/bin/sh\necho none\n")
    qemu.chmod(0o755)
    run.check_qemu("vnc")
    with pytest.raises(SystemExit, match="qemu-system-gui"):
        run.check_qemu("gtk")
    qemu.write_text("#!/bin/sh\necho none\necho gtk\n")
    run.check_qemu("gtk")


def test_run_has_menu_and_console_on_the_terminal_and_ends_with_the_machine(boot):
    assert not (pxhv.BUILD / "iso/boot/grub/choice.cfg").exists(), "`make iso` without GUEST comes first"
    text = boot.folder / "terminal.txt"
    with text.open("w") as log:
        child = pexpect.spawn(str(pxhv.TOP / "tools/run.py"), ["tcg"], timeout=60, encoding="utf-8",
                              codec_errors="replace", logfile=log)
        child.expect_exact("Ctrl-A x leaves")
        for key in "bp":  # reboot, which brings the menu back, then power off
            child.expect_exact("automatically in")
            child.send("\x1b[B")
            child.expect_exact("*Self-test: HLT guest")
            child.send("\r")
            child.expect_exact("p = power off")
            child.send(key)
        child.expect(pexpect.EOF)
        child.close()
    assert child.exitstatus == 0, text.read_text()
