"""The front door's own decisions: no emulator."""
import pathlib
import shlex
import socket
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))

import console  # noqa: E402  (needs the path)
import emu  # noqa: E402
import run  # noqa: E402
import test_all  # noqa: E402


def test_guest_is_one_of_three():
    done = subprocess.run(["make", "help", "GUEST=windows"], cwd=TOP, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert "GUEST is linux, dos or hlt" in done.stderr


def test_menu_has_the_three_entries():
    titles = [line.split('"')[1] for line in (TOP / "grub.cfg").read_text().splitlines()
              if line.lstrip().startswith("menuentry")]
    assert titles == ["Linux", "FreeDOS", "Self-test: HLT guest"]


@pytest.mark.parametrize("typed, sent, left", [
    ([b"ls\r"], b"ls\r", False),
    ([b"a\x01", b"xb"], b"a", True),
    ([b"\x01\x01"], b"\x01", False),
    ([b"\x01q", b"x"], b"x", False),
])
def test_ctrl_a_x_leaves(typed, sent, left):
    escape = run.Escape()
    results = [escape.feed(piece) for piece in typed]
    assert b"".join(data for data, _ in results) == sent
    assert results[-1][1] == left


def test_stats_are_found_in_a_terminals_text():
    text = 'x\r\n\x1b[HPXHV-STATS {"stop": "reset"}\r\nlog PXHV-STATS {}\r\nPXHV-STATS {"stop": "off"}\r\n'
    assert [found["stop"] for found in console.stats(text)] == ["reset", "off"]


CTEST = """\
1: ok 1 - one
1: ok 2 - two # SKIP
1/3 Test #1: unit_a ...........   Passed
2: ok 1 - three
2: not ok 2 - four
2/3 Test #2: unit_b ...........***Failed
3/3 Test #3: unit_c ...........***Exception: SegFault
"""


@pytest.mark.parametrize("status, output, passed, failed, skipped", [
    (8, CTEST, 2, 2, 1),
    (0, "1: ok 1 - one\n", 1, 0, 0),
    (1, "1: ok 1 - one\n", 1, 1, 0),
    (0, "No tests were found!!!", 0, 1, 0),
])
def test_single_unit_cases_are_counted(status, output, passed, failed, skipped):
    assert test_all.count_ctest(None, status, output) == test_all.Count(passed, failed, skipped)


def test_a_broken_job_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(test_all, "OUT", tmp_path)
    job = test_all.Job("x", ["false"], test_all.count_junit)
    assert job.run()[0] == test_all.Count(failed=1)
    job.report.write_text('<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/></testsuites>')
    assert test_all.count_junit(job, 1, "") == test_all.Count(2, 2, 1)


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
    line = subprocess.run(["make", "-s", target, "DRY=1", f"SCREEN={screen}"], cwd=TOP, text=True,
                          check=True, stdout=subprocess.PIPE).stdout
    words = shlex.split(line)
    assert words[0] == "qemu-system-x86_64"
    found = dict(zip(words[1:], words[2:]))
    found["-display"] = found["-display"].rstrip("0123456789")  # whichever port is free
    expected = {"-cdrom": str(TOP / "build/pxhv.iso"), "-serial": "mon:stdio",
                "-device": "isa-debug-exit,iobase=0xf4,iosize=4", **options}
    assert expected.items() <= found.items()


def test_make_refuses_another_screen():
    done = subprocess.run(["make", "run", "DRY=1", "SCREEN=sdl"], cwd=TOP, text=True, check=False,
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


@pytest.mark.parametrize("machine, words", [
    ({"firmware": "uefi"}, "-bios /usr/share/ovmf/OVMF.fd "),
    ({"deterministic": True}, "-icount shift=0,sleep=off -seed 1 "),
])
def test_qemu_gets_what_a_test_asks_for(machine, words):
    def line(**more):
        return " ".join(emu.qemu_command(emu.Machine(pathlib.Path("a.iso"), kind="tcg", **more), "stdio"))
    assert words not in line()
    assert words in line(**machine)
