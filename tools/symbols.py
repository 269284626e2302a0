#!/usr/bin/env python3
"""Turns the functions of a linked image (output of nm) into symbols.c, for backtraces.

usage: symbols.py NM-OUTPUT > symbols.c      (an empty or missing file gives an empty table)"""
import pathlib
import sys

path = pathlib.Path(sys.argv[1])
rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
base = next((int(r[0], 16) for r in rows if r[-1] == "image_text"), 0)
end = next((int(r[0], 16) for r in rows if r[-1] == "image_rodata"), 0)
symbols = {}
for row in rows:
    if len(row) == 3 and row[1] in "tT" and base <= int(row[0], 16) < end and "." not in row[2]:
        symbols.setdefault(int(row[0], 16) - base, row[2])
print("#include <stdint.h>")
print('#define IN __attribute__((section(".symbols"), used))')
print("extern const uint32_t symbol_count, symbol_offset[];\nextern const char *const symbol_name[];")
names = [(offset, symbols[offset]) for offset in sorted(symbols)]
for i, (_, name) in enumerate(names):
    print(f'IN static const char n{i}[] = "{name}";')
print(f"IN const uint32_t symbol_count = {len(names)};")
print("IN const uint32_t symbol_offset[] = {", ", ".join(str(o) for o, _ in names) or "0", "};")
print("IN const char *const symbol_name[] = {", ", ".join(f"n{i}" for i in range(len(names))) or "0", "};")
