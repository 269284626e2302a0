"""Makes hard-disk images that boot a core with its modules by a small GRUB: quicker than an ISO.

The image is GRUB's boot sector and core image, and one partition that is a plain tar file.
"""
import functools
import io
import pathlib
import re
import struct
import subprocess
import tarfile
import tempfile

GRUB = pathlib.Path("/usr/lib/grub/i386-pc")
MODULES = "biosdisk part_msdos tar multiboot multiboot2 linux serial terminal configfile".split()
# What goes wrong in GRUB is to be seen on the serial port.
SERIAL = "serial --unit=0 --speed=115200\nterminal_output serial\n"
START = f"{SERIAL}configfile (hd0,msdos1)/grub.cfg\n"
SECTOR = 512
CYLINDER = 16 * 63 * SECTOR  # Bochs takes whole cylinders only
TABLE, SIGNATURE = 446, 510


@functools.cache
def grub_core():
    with tempfile.TemporaryDirectory() as folder:
        config, core = pathlib.Path(folder, "start.cfg"), pathlib.Path(folder, "core.img")
        config.write_text(START)
        subprocess.run(["grub-mkimage", "-O", "i386-pc", "-p", "/", "-c", config, "-o", core, *MODULES],
                       check=True)
        return core.read_bytes()


def quoted(words):
    """The words as GRUB's shell takes them literally."""
    return " ".join(word if re.fullmatch(r"[\w./:=,+@-]+", word) else "'%s'" % word
                    for word in words.split())


def grub_config(options, modules, command="multiboot2", where="(hd0,msdos1)"):
    lines = [f"{command} {where}/core {quoted(options)}"]
    lines += [f"module2 {where}/module{n} {quoted(line)}" for n, (_, line) in enumerate(modules)]
    return "\n".join(lines + ["boot", ""])


def content(source):
    return source if isinstance(source, bytes) else pathlib.Path(source).read_bytes()


def tar(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def padded(data, unit):
    return data.ljust(-(-len(data) // unit) * unit, b"\0")


def names(core, modules):
    """What the files are called: name -> path or bytes."""
    return {"core": core, **{f"module{n}": source for n, (source, _) in enumerate(modules)}}


def make(image, core, options="", modules=(), command="multiboot2"):
    """Writes the image. core and the files of modules, pairs of (file, command line), are paths or
    bytes. GRUB loads the core by the command."""
    write(image, grub_config(options, modules, command), names(core, modules))


def write(image, config, files):
    """Writes an image of any files, with the grub.cfg that boots them. files: name -> path or bytes."""
    partition = padded(tar([("grub.cfg", config.encode()),
                            *((name, content(source)) for name, source in files.items())]), SECTOR)

    sector = bytearray((GRUB / "boot.img").read_bytes())
    loader = padded(bytes(sector) + grub_core(), SECTOR)
    sector[TABLE:SIGNATURE] = struct.pack(
        "<B3sB3sII48x", 0x80, b"\xfe\xff\xff", 0xDA, b"\xfe\xff\xff",
        len(loader) // SECTOR, len(partition) // SECTOR)
    sector[SIGNATURE:] = b"\x55\xaa"
    image.write_bytes(padded(bytes(sector) + loader[SECTOR:] + partition, CYLINDER))
