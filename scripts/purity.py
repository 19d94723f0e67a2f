#!/usr/bin/python3
"""Pure code proves itself: the symbols of its objects (V=opt, built before).

A pure folder may call libc functions of the list below, itself, other pure folders and base/. So it
cannot read a clock, a file or a socket, whatever it includes. Besides, no folder of the house keeps
writable globals: several brokers and controllers must fit into one process.
"""
import fnmatch
import glob
import os
import subprocess
import sys

from layers import FLOORS, PURE, folder_of
from tree import ROOT, Report

OBJECTS = os.path.join(ROOT, "build/opt/obj")

# Functions of libc that depend on nothing but their arguments.
LIBC = """
    abort abs memchr memcmp memcpy memmem memmove memrchr memset stpcpy
    strchr strcmp strcspn strlen strncasecmp strcasecmp strncmp strnlen strpbrk strrchr strspn
    strstr strtod strtol strtoll strtoul strtoull bsearch qsort qsort_r
    snprintf vsnprintf sscanf __isoc99_sscanf
    __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc tolower toupper isdigit isalnum isspace
    __errno_location __stack_chk_fail __*_chk _GLOBAL_OFFSET_TABLE_
    ceil floor fmod exp log log2 pow sqrt lround llround
""".split()

# Libraries of one folder.
LIBRARY = {
    "proto": ["protobuf_c_*"],
    "metadata": ["protobuf_c_*"],
    "broker/group": ["pcre2_*"],
    "wire": ["LZ4*", "ZSTD_*", "snappy_*", "deflate*", "inflate*", "crc32*"],
}

# Simulated systems: what they may call besides the list, base/ and each other. So nothing of the
# real system can come into a simulation, which would not be the same the next time.
SIMULATED = {
    "sim/net": ["inet_ntop", "inet_pton"],
    "sim/fs": [],
}

# What base/ has for the others.
IMPURE_BASE = {"uuid_random", "log_to_stderr",
               "system_random", "system_wall_ms", "system_process_id"}

# Writable data with a reason: (object, symbol).
GLOBALS_ALLOWED = {
    ("sim/net/host.o", "current"): "whose code runs: sim/net/sim_net.h",
    ("base/crc32c.o", "table"): "filled once, then constant",
    ("base/crc32c.o", "table_once"): "guards it",
    ("base/crc32c.o", "shift_table"): "filled once, then constant",
    ("base/crc32c.o", "shift_once"): "guards it",
}
WRITABLE = (".data", ".bss", ".tdata", ".tbss", "*COM*")


def symbols(objects):
    """{object: [(name, type, section)]} from one run of nm."""
    out = subprocess.run(["nm", "-f", "sysv", *objects], cwd=OBJECTS, capture_output=True,
                         text=True, check=True).stdout
    table = {name: [] for name in objects}
    current = objects[0]
    for line in out.splitlines():
        if line.startswith(("Symbols from ", "Undefined symbols from ")):
            current = line.split("from ", 1)[1].rstrip(":")
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and fields[0] != "Name":
            table[current].append((fields[0], fields[2], fields[6]))
    return table


def folder_of_object(name):
    return folder_of(name.removeprefix("build/gen/"))


def is_undefined(kind):
    return kind in ("U", "w", "v")


def defined(table, folders):
    known = set()
    for name, entries in table.items():
        if folder_of_object(name) in folders:
            known |= {symbol for symbol, kind, _ in entries if kind.isupper() and kind != "U"}
    return known


def check_calls(report, table, what, libraries):
    """Objects of the folders {folder: calls allowed besides LIBC} call base/ and each other."""
    known = defined(table, ["base"]) - IMPURE_BASE | defined(table, libraries)
    for name, entries in table.items():
        folder = folder_of_object(name)
        if folder not in libraries:
            continue
        allowed = LIBC + libraries[folder]
        for symbol, kind, _ in entries:
            if not is_undefined(kind) or symbol in known:
                continue
            if not any(fnmatch.fnmatchcase(symbol, pattern) for pattern in allowed):
                report.error(name, f"{what} calls {symbol}()")


def is_writable(section):
    return section.startswith(WRITABLE) and not section.startswith(".data.rel.ro")


def check_globals(report, table):
    for name, entries in table.items():
        for symbol, kind, section in entries:
            plain = symbol.split(".")[0]
            if is_writable(section) and kind.upper() in "BCDGS" and \
                    (name, plain) not in GLOBALS_ALLOWED:
                report.error(name, f"{plain} is a writable global")


def main():
    report = Report("purity")
    pattern = os.path.join(OBJECTS, "**", "*.o")
    found = [os.path.relpath(path, OBJECTS) for path in glob.glob(pattern, recursive=True)]
    # An object without its source is left over from before.
    objects = sorted(name for name in found if folder_of_object(name) is not None
                     and os.path.exists(os.path.join(ROOT, name[:-2] + ".c")))
    missing = [f for f in FLOORS if not any(folder_of_object(name) == f for name in objects)]
    if missing:
        sys.exit(f"purity: no objects of {', '.join(missing)} in build/opt: run make first")
    table = symbols(objects)
    check_calls(report, table, "pure code", {folder: LIBRARY.get(folder, []) for folder in PURE})
    check_calls(report, table, "a simulated system", SIMULATED)
    check_globals(report, table)
    report.finish(f"{len(objects)} objects")


if __name__ == "__main__":
    main()
