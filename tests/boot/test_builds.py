"""Each build of the core boots: gcc and clang, release and debug."""
import fcntl
import subprocess

import pytest

import dos
import pxhv


def core_of(preset):
    """Builds what is not up to date, in folders of its own: another job may be building the usual ones."""
    folder = pxhv.BUILD / "cores" / preset
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (["cmake", "--preset", preset, "-B", str(folder)], ["cmake", "--build", str(folder)]):
            subprocess.run(command, cwd=pxhv.TOP, check=True, capture_output=True)
    return folder / "pxhv.elf"


@pytest.mark.parametrize("platform", pxhv.PLATFORMS)
@pytest.mark.parametrize("preset", ["release", "debug", "release-clang", "debug-clang"])
def test_hlt_guest(boot, preset, platform):
    result = boot.run([(pxhv.BUILD / "hlt.bin", "flat mode=long")], core=core_of(preset), platform=platform)
    result.assert_success()
    result.assert_backend()
    result.assert_line("Guest executed HLT!")


@pytest.mark.slow
@pytest.mark.parametrize("preset, platform", [
    ("debug", "vmx"), ("release-clang", "vmx"),
    ("debug", "svm"), ("release-clang", "svm"), ("debug-clang", "svm"),
])
def test_linux_reaches_its_login_prompt(boot, preset, platform):
    with boot.session(boot.linux("console=ttyS0 quiet"), core=core_of(preset), platform=platform, memory=512,
                      timeout=300) as session:
        session.console.login()
        session.console.child.send("poweroff\r")
        result = session.finish()
    result.assert_success()
    result.assert_backend()


@pytest.mark.parametrize("preset, platform", [("debug", "vmx"), ("release-clang", "vmx"), ("debug", "svm"),
                                              ("release-clang", "svm"), ("debug-clang", "svm")])
def test_dos_reaches_its_prompt(boot, preset, platform):
    with dos.session(boot, platform, core=core_of(preset)) as pc:
        pc.prompt()
        assert "FreeDOS kernel" in pc.run("ver /r")
