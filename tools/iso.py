#!/usr/bin/python3
"""iso.py [--guest linux|dos|hlt]: lays the tree of iso/README.md out in build/iso and makes build/pxhv.iso.

Does nothing when the ISO has been made from the same files.
"""
import argparse
import hashlib
import pathlib
import shutil
import subprocess
import sys

import disk
import freedos

TOP = pathlib.Path(__file__).resolve().parent.parent
BUILD = TOP / "build"
FILES = {
    "boot/grub/grub.cfg": TOP / "grub.cfg",
    "boot/pxhv.elf": BUILD / "pxhv.elf",
    "boot/hlt.bin": BUILD / "hlt.bin",
    "boot/linux/vmlinuz": BUILD / "guest/vmlinuz",
    "boot/linux/initrd.gz": BUILD / "guest/initrd.gz",
}
FIRMWARE = pathlib.Path("/usr/share/seabios")
ENTRIES = {"linux": "Linux", "dos": "FreeDOS", "hlt": "Self-test: HLT guest"}
# What grub.cfg uses, and the partition maps that the start on UEFI asks for. The image that GRUB starts
# from has its disk drivers built in.
MODULES = ("multiboot2 normal iso9660 serial terminal test configfile all_video sleep part_acorn part_amiga "
           "part_apple part_bsd part_dfly part_dvh part_gpt part_msdos part_plan part_sun part_sunpc")


def dos_files(floppy):
    return {"boot/dos/bios.bin": FIRMWARE / "bios.bin", "boot/dos/vgabios.bin": FIRMWARE / "vgabios-isavga.bin",
            "boot/dos/floppy.img": floppy}


def choice(guest):
    return f'set default="{ENTRIES[guest]}"\nset timeout=0\n' if guest else ""


def stage(tree, files, guest):
    shutil.rmtree(tree, ignore_errors=True)
    for name, source in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(disk.content(source))
    if guest:
        (tree / "boot/grub/choice.cfg").write_text(choice(guest))


def make(iso, tree, files, guest=None):
    """Puts the files, a path on the ISO to a path here or to bytes, into the folder `tree` and that onto the ISO."""
    stage(tree, files, guest)
    done = subprocess.run(
        ["grub-mkrescue", "-o", str(iso), f"--install-modules={MODULES}", "--compress=no",
         "--locales=", "--fonts=", "--themes=", str(tree)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}grub-mkrescue failed")


def make_uefi(image, tree, core, options="", modules=()):
    """What disk.make is for BIOS, for UEFI."""
    config = f"insmod all_video\n{disk.SERIAL}{disk.grub_config(options, modules, where='')}"
    make(image, tree, {"boot/grub/grub.cfg": config.encode(), **disk.names(core, modules)})


def main():
    parse = argparse.ArgumentParser(description=__doc__)
    parse.add_argument("--guest", choices=ENTRIES, help="boots this entry, without the menu's wait")
    guest = parse.parse_args().guest

    floppy = freedos.find()
    if guest == "dos" and not floppy:
        sys.exit(freedos.HINT)
    files = {**FILES, **(dos_files(floppy) if floppy else {})}
    digest = hashlib.sha256((MODULES + choice(guest)).encode())
    for name, source in sorted(files.items()):
        digest.update(name.encode() + hashlib.sha256(source.read_bytes()).digest())
    iso, stamp = BUILD / "pxhv.iso", BUILD / "iso.sha256"
    if iso.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)
    make(iso, BUILD / "iso", files, guest)
    stamp.write_text(digest.hexdigest())
    print(f"{iso.relative_to(TOP)}: {iso.stat().st_size >> 10} KiB")
    if not floppy:
        print(freedos.HINT)


if __name__ == "__main__":
    main()
