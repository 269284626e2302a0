#!/usr/bin/python3
"""Finds a FreeDOS boot floppy and prints its path: FREEDOS_IMG if that is set, else a copy beside the project,
else the official FreeDOS 1.3, downloaded once. Ends with 1 and a line on what to do if there is none."""
import hashlib
import io
import os
import pathlib
import sys
import time
import urllib.request
import zipfile

import floppy

TOP = pathlib.Path(__file__).resolve().parent.parent
BESIDE = TOP.parent / "shared/guests/freedos-1440k.img"
BESIDE_SUM = "2546c15c6cba5814f7a318b1ef4e24158504d73dd24ba6eb6133ffe87686a056"
URL = ("https://www.ibiblio.org/pub/micro/pc-stuff/freedos/files/distributions/1.3/official/"
       "FD13-FloppyEdition.zip")
URL_SUM = "75a4e11a7fce6f124e20927b3022b4b715a2a3f7324c5f5bfea42d90d80eb072"
MEMBER = "144m/x86BOOT.img"
MEMBER_SUM = "3f7834ea4575ba05d106e4b8f59f886da7bfb1979ee386be2a2deba8df518925"
KEPT = TOP / ".cache/freedos-1.3-1440k.img"
PATIENCE = 30  # seconds for the download, from first to last byte
LARGEST = 64 << 20  # bytes of a download
HINT = "No FreeDOS floppy: set FREEDOS_IMG to the path of a bootable FreeDOS floppy's image"


class Unusable(Exception):
    """There is something, but it does not serve; the text says why."""


def has_sum(data, wanted):
    return hashlib.sha256(data).hexdigest() == wanted


def own():
    """The user's choice, so of any content, but it must be able to boot."""
    named = os.environ.get("FREEDOS_IMG")
    if not named:
        return None
    path = pathlib.Path(named).absolute()
    try:
        data = path.read_bytes()
    except OSError as problem:
        raise Unusable(f"FREEDOS_IMG: {problem}") from None
    if len(data) not in [kib << 10 for kib in floppy.KIB]:
        raise Unusable(f"FREEDOS_IMG: {path} has {len(data)} bytes, which no floppy has")
    if data[510:512] != b"\x55\xaa":
        raise Unusable(f"FREEDOS_IMG: {path} has no boot sector")
    return path


def kept(path, wanted):
    """The path if the file is there, and the right one."""
    if not path.exists():
        return None
    if not has_sum(path.read_bytes(), wanted):
        raise Unusable(f"{path} is not the FreeDOS floppy that it should be: its SHA-256 differs")
    return path


def download():
    end = time.monotonic() + PATIENCE
    data = bytearray()
    try:
        with urllib.request.urlopen(URL, timeout=PATIENCE) as answer:
            while piece := answer.read1(1 << 16):
                data += piece
                if len(data) > LARGEST or time.monotonic() > end:
                    raise Unusable("FreeDOS 1.3: the download is too large or too slow")
    except OSError as problem:  # urllib's errors are some
        raise Unusable(f"FreeDOS 1.3 could not be downloaded: {problem}") from None
    if not has_sum(data, URL_SUM):
        raise Unusable("FreeDOS 1.3: the SHA-256 of the download differs")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        image = archive.read(MEMBER)
    if not has_sum(image, MEMBER_SUM):
        raise Unusable(f"FreeDOS 1.3: the SHA-256 of {MEMBER} differs")
    KEPT.parent.mkdir(exist_ok=True)
    new = KEPT.with_suffix(".new")
    new.write_bytes(image)
    new.replace(KEPT)
    return KEPT


def find():
    """The path, or None; why something found did not serve goes to stderr. A FREEDOS_IMG that does not serve is
    not passed over."""
    for place in (own, lambda: kept(BESIDE, BESIDE_SUM), lambda: kept(KEPT, MEMBER_SUM), download):
        try:
            path = place()
        except Unusable as problem:
            print(problem, file=sys.stderr)
            if place is own:
                return None
            continue
        if path:
            return path
    return None


def main():
    path = find()
    if not path:
        sys.exit(HINT)
    print(path)


if __name__ == "__main__":
    main()
