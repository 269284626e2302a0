"""Style and layers: no emulator, nothing built."""
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
FLAGS = ["-std=c11", "-O2", "-ffreestanding", "-mno-red-zone", "-mgeneral-regs-only", "-Isrc", "-Wall",
         "-Wextra", "-Werror"]


def files(*patterns):
    return sorted(str(path.relative_to(TOP)) for pattern in patterns for path in TOP.glob(pattern))


def run(*command, **more):
    done = subprocess.run(command, cwd=TOP, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **more)
    if done.returncode != 0:
        pytest.fail(done.stdout, pytrace=False)


def test_layers():
    run("/usr/bin/python3", "tests/lint/check_layers.py", "src")


def test_clang_format():
    run("clang-format", "--dry-run", "-Werror", *files("src/**/*.[ch]", "tests/unit/*.[ch]"))


def test_shell_scripts():
    run("shellcheck", *files("tools/*.sh", "tools/initramfs/etc/rcS", ".ci/run"))


@pytest.mark.parametrize("path", files("src/**/*.h"))
def test_header_stands_alone(path):
    run("gcc", *FLAGS, "-fsyntax-only", "-x", "c", "-", input=f'#include "{path[4:]}"\n')


@pytest.mark.parametrize("path", files("src/**/*.h"))
def test_header_opens_with_what_it_is_for(path):
    lines = (TOP / path).read_text().splitlines()
    assert lines[0].startswith("/* "), f"{path} opens with no comment"


@pytest.mark.parametrize("path", files("src/**/*.[ch]", "src/**/*.asm"))
def test_file_is_under_500_lines(path):
    assert len((TOP / path).read_text().splitlines()) < 500


@pytest.mark.parametrize("path", files("src/**/*.c"))
def test_clang_tidy(path):
    run("clang-tidy", "--quiet", path, "--", *FLAGS)
