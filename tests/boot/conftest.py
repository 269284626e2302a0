"""Boot tests: each starts emulators. Run one with: /usr/bin/python3 -m pytest tests/boot -k NAME"""
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tools")]

import pxhv  # noqa: E402  (needs the path)

MARKERS = {
    "slow": "takes over half a minute: started before the others",
    "soak": "a long run, only in `make soak`",
}


def pytest_configure(config):
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_collection_modifyitems(config, items):
    if "soak" not in config.option.markexpr:
        soak = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture
def boot(request):
    name = f"{request.node.path.stem}.{request.node.name}"
    return pxhv.Boot(pxhv.BUILD / "boot" / re.sub(r"[^\w.-]+", "_", name))


@pytest.fixture
def stand_in(boot):
    """An ELF file in the place of the core, for tests of the way to it (selftest.asm)."""
    obj, elf = boot.folder / "core.o", boot.folder / "core.elf"
    subprocess.run(["nasm", "-f", "elf32", "-Werror", "-o", obj, HERE / "selftest.asm"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x100000", "-n", "-o", elf, obj], check=True)
    return elf
