"""DOS as a person sees and uses it, and other things that boot from a floppy on a PC with a BIOS."""
import pathlib
import re
import zlib

import pytest

import dos
import floppy
import freedos
import pxhv

ALL = ["vmx", "svm", "svm-bochs"]
EACH_BACKEND = pytest.mark.parametrize("platform", ["vmx", "svm"])
EVERYWHERE = pytest.mark.parametrize("platform", ALL)
CACHE = pathlib.Path(pxhv.TOP / ".cache")

# Programs that check by themselves, and how long they take at most.
PROGRAMS = {"a20": 60, "unreal": 60, "pit1000": 90, "rtcalarm": 90, "disk": 120}


@pytest.fixture
def with_programs(boot):
    """A copy of FreeDOS' floppy with these programs of tests/dos."""
    def make(*programs, **more):
        out = boot.folder / "programs.img"
        assert freedos.find(), freedos.HINT
        files = {f"{name.upper()}.COM": floppy.assemble(name) for name in programs}
        floppy.make_dos(out, freedos.find(), files, **more)
        return out
    return make


@EVERYWHERE
def test_commands_at_the_prompt(boot, platform, with_programs):
    with dos.session(boot, platform, with_programs("off")) as pc:
        pc.prompt()
        assert "FreeDOS kernel" in pc.run("ver /r")
        assert "COMMAND  COM" in pc.run("dir")
        pc.run("echo FOO > X.TXT")
        assert pc.run("type X.TXT") == "FOO"
        result = pc.power_off()
    result.assert_started("Guest launched!", "Guest stopped: the guest powered off")
    result.assert_backend()
    result.assert_success()
    assert result.stats["npt_ram_faults"] == 0


@pytest.mark.parametrize("machine", [{"platform": "svm", "firmware": "uefi"}, {"platform": "svm", "more": ("-vga", "none")},
                                     {"platform": "vmx", "model": "corei7_sandy_bridge_2600k"},
                                     {"platform": "vmx", "model": "corei3_cnl"},
                                     {"platform": "svm-bochs", "model": "phenom_8650_toliman"},
                                     {"platform": "svm", "model": "EPYC,+svm,+npt"}], ids=str)
def test_prompt_on_other_machines(boot, machine):
    with dos.session(boot, **machine) as pc:
        pc.prompt()
        assert "FreeDOS kernel" in pc.run("ver /r")


@EVERYWHERE
@pytest.mark.parametrize("program", PROGRAMS)
def test_program_checks_the_machine(boot, platform, program, with_programs):
    """Two count interrupts in a time: a clock of instructions does not mind a busy computer."""
    counts = program in ("pit1000", "rtcalarm")
    with dos.session(boot, platform, with_programs(program), deterministic=counts) as pc:
        pc.prompt()
        text = pc.run(program, timeout=PROGRAMS[program])
        assert f"{program}: passed" in text, text


@EACH_BACKEND
def test_keyboard_controller(boot, platform, with_programs):
    with dos.session(boot, platform, with_programs("kbc")) as pc:
        pc.prompt()
        pc.type("kbc\r")
        pc.wait_text("Press a key")
        pc.type("x")
        pc.wait_text("kbc: passed")


# What a terminal sends, and what INT 16h AH=10h makes of it: scan code, ASCII.
KEYS = {
    "a": "1e61", "A": "1e41", "7": "0837", "&": "0826", "/": "352f", "\r": "1c0d", "\x7f": "0e08", "\t": "0f09",
    " ": "3920", "\x01": "1e01", "\x1a": "2c1a", "\x1ba": "1e00", "\x1b1": "7800", "\x1b[Z": "0f00",
    "\x1b[A": "48e0", "\x1b[B": "50e0", "\x1b[C": "4de0", "\x1b[D": "4be0", "\x1b[H": "47e0", "\x1b[F": "4fe0",
    "\x1b[2~": "52e0", "\x1b[3~": "53e0", "\x1b[5~": "49e0", "\x1b[6~": "51e0", "\x1b[1;5D": "73e0",
    "\x1b[1;3D": "9b00", "\x1bOP": "3b00", "\x1bOQ": "3c00", "\x1b[15~": "3f00", "\x1b[21~": "4400",
    "\x1b[23~": "8500", "\x1b[24~": "8600", "\x1bOM": "e00d",
}


@EACH_BACKEND
def test_keys_of_every_class(boot, platform, with_programs):
    with dos.session(boot, platform, with_programs("keys")) as pc:
        pc.prompt()
        pc.type("cls\rkeys\r")
        pc.wait_text("Esc twice")
        for sent, wanted in KEYS.items():
            pc.type(sent)
            pc.wait(lambda pc: pc.last_key() == wanted, f"key {sent!r} as {wanted}", 20)
        pc.type("\x1b")
        pc.wait(lambda pc: pc.last_key() == "011b", "Esc")
        pc.type("\x1b")
        pc.prompt()


def test_the_computer_s_own_keyboard(boot, with_programs):
    with dos.session(boot, "svm", with_programs("keys", "off"), options="log=info on-stop=prompt", qmp=True) as pc:
        pc.prompt()
        press = pc.session.emulator.press
        press("k", "e", "y", "s", "ret")
        pc.wait_text("Esc twice")
        for key, code in {"a": "1e61", "shift-a": "1e41", "ctrl-a": "1e01", "alt-a": "1e00", "f1": "3b00",
                          "up": "48e0", "delete": "53e0", "f12": "8600", "kp_enter": "e00d"}.items():
            press(key)
            pc.wait(lambda pc: pc.last_key() == code, f"key {key} as {code}", 20)
        press("esc", "esc")
        pc.prompt()
        press("o", "f", "f", "ret")
        pc.wait(lambda pc: "p = power off" in pc.session.console.text, "question of the core")
        press("r")
        pc.wait(lambda pc: pc.session.console.text.count("Guest launched!") == 2, "second run")
        pc.prompt()


@EACH_BACKEND
@pytest.mark.slow
def test_a_pasted_text_arrives_whole(boot, platform, with_programs):
    lines = [f"{n:03} Paste Me!" for n in range(500)]
    text = "\r\n".join([*lines, ""]).encode()
    with dos.session(boot, platform, with_programs("crc")) as pc:
        pc.prompt()
        pc.type("copy con x.txt\r" + "".join(line + "\r" for line in lines) + "\x1a\r")
        pc.wait(lambda pc: lines[-1] in pc.text() and pc.at_prompt(), "end of the text", 240)
        shown = pc.run("crc x.txt")
    assert f"crc {zlib.crc32(text):08x} size {len(text)}" in shown


# pyte knows eight hues and calls the sixth brown.
HUES = "black blue green cyan red magenta brown white".split()


@EACH_BACKEND
def test_colours_arrive_on_the_terminal(boot, platform, with_programs):
    with dos.session(boot, platform, with_programs("int10")) as pc:
        pc.prompt()
        pc.type("int10\r")
        pc.wait(lambda pc: pc.lines()[24].startswith("Press a key") and pc.lines()[24].endswith("*"), "last row")
        pc.read(1)
        lines = pc.lines()
        assert lines[0].startswith("INT 10h teletype")
        assert lines[1].startswith("stringattributes") or lines[1].startswith("string")
        assert pc.colours(1, 0) == ("brown", "blue")  # 1e: bright yellow on blue
        assert lines[2].startswith("##########9A")
        assert pc.colours(2, 0) == ("white", "green")
        assert pc.colours(2, 10) == ("brown", "red")
        for n in range(1, 16):
            assert lines[4 + n].startswith(f"foreground {n:x}"[:12]) or f"{n:x}" in lines[4 + n].lower()
            assert pc.colours(4 + n, 0)[0] in (HUES[n % 8], "default" if n % 8 == 7 else HUES[n % 8]), n
        for n in range(1, 8):
            assert pc.colours(4 + n, 20)[1] == HUES[n], n
        assert lines[4][40:60] == "╔" + "═" * 18 + "╗"
        assert lines[10][40:60] == "┌" + "─" * 18 + "┐"
        assert lines[16][40:46] == "░░▒▒▓▓"
        assert (pc.screen.cursor.y, pc.screen.cursor.x) == (24, 12)
        pc.type(" ")
        pc.wait_text("int10: passed")


def rgb(red, green, blue):
    """A VGA colour of six bits as QEMU shows it."""
    return tuple(v << 2 | (v & 1) * 3 for v in (red, green, blue))


EGA = [(0, 0, 0), (0, 0, 42), (0, 42, 0), (0, 42, 42), (42, 0, 0), (42, 0, 42), (42, 21, 0), (42, 42, 42)]
EGA += [tuple(v + 21 for v in colour) for colour in EGA[:6]] + [(63, 63, 21), (63, 63, 63)]


def mode13(x, y):
    i = x // 20
    if (x, y) in ((319, 0), (0, 199), (319, 199)):
        return rgb(63, 0, 63)
    if x == y:
        return rgb(63, 63, 63)
    return rgb(4 * i, 63 - 4 * i, 0) if y < 100 else rgb(0, 4 * i, 63 - 4 * i)


def mode12(x, y):
    b, c = y // 16, x // 40
    if y == 479:
        return rgb(*EGA[15])
    colours = {0: c, 4: c, 10: c, 1: 15 - c, 2: c if x & 7 < 4 else 0, 3: 0 if x % 2 else c, 5: 15 ^ c, 6: 9 & c,
               7: 9 | c, 8: c if x & 7 in (0, 1, 2, 7) else 0, 9: 15 if x - 40 * c == y - 144 else 0}
    return rgb(*EGA[colours.get(b, 0)])


def cga4(x, y):
    v = x // 80 if y < 100 else x & 3
    v = 3 - v if y % 2 else v
    return rgb(*EGA[[0, 11, 13, 15][v]])


def modex(x, y):
    if 160 <= x < 192 and 140 <= y < 156:
        return modex(x - 160, y - 140)
    if y == 239:
        return rgb(63, 63, 63)
    if y >= 120:
        i = y - 120
        return rgb(i // 2, 63 - i // 2, 32)
    return None  # colours of the BIOS's own palette


PICTURES = {"mode13": (mode13, 320, 200, 2, "320 x 200, 256 colours"), "cga4": (cga4, 320, 200, 2, "320 x 200, 4 colours"),
            "mode12": (mode12, 640, 480, 1, "640 x 480, 16 colours"), "modex": (modex, 320, 240, 2, "320 x 240, 256 colours")}


@pytest.mark.parametrize("name", PICTURES)
def test_picture_on_the_host_s_screen(boot, name, with_programs):
    wanted, width, height, scale, words = PICTURES[name]
    with dos.session(boot, "svm", with_programs(name), qmp=True) as pc:
        pc.prompt()
        pc.type(f"{name}\r")
        pc.wait_text(f"[graphics, {words}: on the computer's own screen]")
        for _ in range(20):
            picture = pc.session.emulator.screenshot()
            if not (wrong := wrong_pixels(picture, wanted, width, height, scale)):
                break
            pc.read(0.2)
        assert not wrong, f"{len(wrong)} wrong pixels, such as {wrong[:5]}"
        for _ in range(2):
            pc.type(" ")
            pc.read(0.5)
        pc.wait_text(f"{name}: passed")


def wrong_pixels(picture, wanted, width, height, scale):
    assert (picture.width, picture.height) == (width * scale, height * scale)
    wrong = []
    for y in range(height):
        for x in range(width):
            colour = wanted(x, y)
            if colour and picture.at(x * scale, y * scale) != colour:
                wrong.append((x, y, colour, picture.at(x * scale, y * scale)))
    return wrong


@EACH_BACKEND
def test_full_screen_program(boot, platform, with_programs):
    with dos.session(boot, platform, with_programs("snake")) as pc:
        pc.prompt()
        pc.type("snake\r")
        pc.wait(lambda pc: pc.lines()[0].rstrip().endswith("Esc leaves"), "title")
        pc.read(1)
        lines = pc.lines()
        assert lines[0][1:6] == "SNAKE" and lines[0][32:39] == "score 0"
        assert pc.colours(0, 1)[1] == "blue"
        assert lines[1] == "╔" + "═" * 78 + "╗" and lines[24] == "╚" + "═" * 78 + "╝"
        assert lines[12][36:41] == "████☻" and lines[6][60] == "♦"
        pc.type("\x1b[A")  # up
        pc.wait(lambda pc: pc.lines()[11][40] in "☻█", "snake that went up")
        pc.type("\x1b")
        pc.prompt()


@EACH_BACKEND
@pytest.mark.slow
@pytest.mark.parametrize("seconds", [600, pytest.param(3600, marks=pytest.mark.soak)])
def test_time_is_true(boot, platform, seconds, with_programs):
    """So many seconds of the clock are as many of the BIOS's ticks."""
    image = with_programs("ticks", "off", autoexec=f"@ticks {seconds}\n@off\n")
    result = boot.run(dos.modules(image), platform=platform, memory=512, timeout=900, ips=10_000_000)
    result.assert_success()
    screen = dos.replay(result.folder / "serial.txt")
    assert "ticks: passed" in screen, screen


@EACH_BACKEND
def test_a_reset_starts_the_pc_again(boot, platform, with_programs):
    with dos.session(boot, platform, with_programs("off")) as pc:
        pc.prompt()
        pc.run("echo FOO > X.TXT")
        pc.type("\x1b[3;7~")  # Ctrl+Alt+Del
        pc.wait(lambda pc: "The guest's PC starts again" in pc.session.console.text, "restart")
        pc.wait(lambda pc: not pc.at_prompt(), "new start")
        pc.prompt()
        assert "FOO" not in pc.run("type X.TXT")
        pc.power_off().assert_success()


@EACH_BACKEND
def test_a_program_that_pokes_anything_leaves_the_host_alone(boot, platform, with_programs):
    for line in ("poke 1 2000", "poke 2 0", "poke 3 500 r"):
        image = with_programs("poke", "off", autoexec=f"@{line}\n@off\n")
        with dos.session(boot, platform, image) as pc:
            pc.wait(lambda pc: "PXHV-STATS" in pc.session.console.text
                    or pc.session.console.text.count("starts again") > 1, "end", 120)
            assert "pxHV panic" not in pc.session.console.text


@pytest.mark.parametrize("kib", floppy.KIB)
def test_every_size_of_floppy_boots(boot, kib):
    image = boot.folder / "tiny.img"
    floppy.make_tiny(image, kib)
    with dos.session(boot, "svm", image) as pc:
        pc.wait_text(f"boot sector of {kib} KiB")


@EACH_BACKEND
def test_grub_floppy(boot, platform):
    image = boot.folder / "grub.img"
    floppy.make_grub(image)
    with dos.session(boot, platform, image) as pc:
        pc.wait_text("grub>")
        pc.type("lsmmap\r")
        pc.wait(lambda pc: re.search(r"available RAM[^$]*\ngrub>$", pc.text()), "memory map")
        assert re.search(r"base_addr = 0x0, length = 0x9f[0-9a-f]*", pc.text())


@EACH_BACKEND
@pytest.mark.slow
def test_memtest_floppy(boot, platform):
    image = boot.folder / "memtest.img"
    floppy.make_memtest(image, CACHE)
    with dos.session(boot, platform, image, options="log=info on-stop=exit mem=16M") as pc:
        pc.wait_text("Memtest86+", 240)
        pc.wait(lambda pc: re.search(r"Test #[3-9]", pc.text()), "third test", 300)
        assert re.search(r"Errors: *0", pc.text()), pc.text()
