"""The front door's own decisions: no emulator."""
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))

import console  # noqa: E402  (needs the path)
import run  # noqa: E402
import test_all  # noqa: E402

def test_guest_is_linux_or_hlt():
    done = subprocess.run(["make", "help", "GUEST=dos"], cwd=TOP, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode != 0
    assert "GUEST is linux or hlt" in done.stderr


def test_menu_has_the_two_entries():
    titles = [line.split('"')[1] for line in (TOP / "grub.cfg").read_text().splitlines()
              if line.startswith("menuentry")]
    assert titles == ["Linux", "Self-test: HLT guest"]


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
