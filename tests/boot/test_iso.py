"""The ISO and its menu, from BIOS and from UEFI, with a stand-in for the core."""
import pytest

import iso
import pxhv

FIRMWARE = {
    "bios-bochs": {"platform": "vmx"},
    "bios-qemu": {"platform": "svm"},
    "uefi-qemu": {"platform": "svm", "firmware": "uefi"},
}
LINES = {
    None: ["[log=info]", "[kernel console=ttyS0]", "[initrd]"],
    "linux": ["[log=info]", "[kernel console=ttyS0]", "[initrd]"],
    "dos": ["[log=info]", "[bios]", "[vgabios]", "[floppy]"],
    "hlt": ["[log=info]", "[flat mode=long]"],
}


@pytest.fixture
def make_iso(boot, stand_in):
    """Makes an ISO with small files in the place of the real ones."""
    def make(guest, dos=True):
        files = {name: stand_in for name in [*iso.FILES, *(iso.dos_files(None) if dos else {})]}
        files["boot/grub/grub.cfg"] = pxhv.TOP / "grub.cfg"
        image = boot.folder / "test.iso"
        iso.make(image, boot.folder / "tree", files, guest)
        return image
    return make


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("guest", LINES)
def test_menu_boots_the_chosen_entry(boot, make_iso, guest, firmware):
    result = boot.run(iso=make_iso(guest), timeout=60, **FIRMWARE[firmware])
    result.assert_success()
    result.assert_line(*LINES[guest], "PXHV-STATS")
    assert "not found" not in result.serial, result.explain("GRUB complains")


def test_menu_without_a_floppy_has_no_freedos(boot, make_iso):
    result = boot.run(iso=make_iso("dos", dos=False), timeout=60, platform="svm")
    result.assert_line(*LINES["linux"], "PXHV-STATS")
