#!/usr/bin/python3
"""Who may include whom. Think hard before changing the tables of this file: they are the house.

A folder includes itself and the lower folders that the Makefile lets it link (NEEDS_<folder>), and
of those only their public headers. Libraries and system headers have their places too.
"""
import os
import re

from tree import Report, code_only, make_values, read, tracked

FLOORS = {
    "base": 0,
    "proto": 1, "wire": 1,
    "net/os": 1,  # sim/net takes its place in simulations
    "raft": 2, "metadata": 2, "store": 2, "net": 2,
    "raft/node": 3,
    "daemon": 3.5,  # the landing in front of the executables: what they have in common
    "controller": 4, "broker": 4, "cli": 4,
    "dev": 5,  # both daemons in one process
    "sim/net": 2,
    "sim/fs": 3,  # beside the house: what a simulated cluster stands on
    "sim/cluster": 5,
}

# No clock, no I/O, no sockets, no globals (scripts/purity.py looks at their objects). Pure rooms of
# an executable know their own headers and the pure floors, not the executable around them.
PURE = ["proto", "wire", "raft", "metadata",
        "controller/decide", "broker/partition", "broker/group", "broker/txn"]
PURE_ROOMS_NEED = ["base", "wire", "metadata"]
# Rooms of others that a folder may look into.
GUESTS = {"sim/cluster": {"broker/partition"}}

# Headers that may be included from outside of their folder. A name means: that header, and those
# that its text mentions by name. "*": all of them but private.h.
PUBLIC = {
    "base": "*",
    "proto": "*",
    "wire": ["wire.h", "batch.h", "compress.h", "messages.h"],
    "raft": "raft.h",
    "metadata": "*",
    "store": "store.h",
    "net/os": "os.h",
    "net": "net.h",
    "raft/node": ["node.h", "snapshot.h", "log_reader.h", "change.h", "recover.h"],
    "daemon": "daemon.h",
    "sim/net": "sim_net.h",
    "sim/fs": ["sim_fs.h"],
    "sim/cluster": "cluster.h",
    "controller": ["server.h"],
    "broker": ["server.h"],
    "controller/decide": "*",
    "broker/partition": "*",
    "broker/group": "*",
    "broker/txn": "*",
}

# System headers that pure folders may include.
PURE_SYSTEM = {"assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "math.h", "stdarg.h",
               "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}

# Headers of libraries: where they may be included. "tests" may include any of them.
LIBRARIES = {
    r"event2/": ["net/os/"],
    r"openssl/": ["net/"],
    r"jansson\.h": ["store/", "raft/node/", "controller/", "broker/", "cli/"],
    r"(lz4\w*|zstd|snappy-c)\.h": ["wire/compress"],
    r"zlib\.h": ["wire/compress", "store/scan"],
    r"protobuf-c/|proto/\w+\.pb-c\.h": ["metadata/record", "proto/"],
    r"zookeeper/": ["controller/zk/"],
    r"pcre2\.h": ["broker/group/consumer/subscribe", "cli/pattern"],
    r"check\.h": [],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def folder_of(path):
    """The innermost folder or room of a path from the root; None when it is in none."""
    parts = os.path.dirname(path).split("/")
    for length in range(len(parts), 0, -1):
        folder = "/".join(parts[:length])
        if folder in FLOORS or folder in PURE:
            return folder
    return None


def needs():
    """What each folder may link, from the Makefile; rooms by the table above."""
    make = make_values(*["NEEDS_" + folder for folder in FLOORS])
    table = {folder: set(make["NEEDS_" + folder].split()) for folder in FLOORS}
    for room in PURE:
        if room not in FLOORS:
            table[room] = set(PURE_ROOMS_NEED) | {room}
    for folder in FLOORS:
        table[folder] |= {room for room in PURE if room.startswith(folder + "/")}
        table[folder] |= GUESTS.get(folder, set())
    return table


def check_floors(report, table):
    for folder, floor in FLOORS.items():
        for other in table[folder] - {folder}:
            if other in FLOORS and FLOORS[other] >= floor:
                report.error(f"Makefile: NEEDS_{folder}", f"{other} is not on a lower floor")


def is_public(folder, header):
    """`header` is a path from the folder."""
    rule = PUBLIC.get(folder, [])
    if rule == "*":
        return os.path.basename(header) != "private.h"
    if isinstance(rule, list):
        return header in rule
    manual = read(os.path.join(folder, rule)) or ""
    return header == rule or re.search(r"(?<!\w)%s\b" % re.escape(header), manual) is not None


def check_ours(report, table, where, folder, name):
    other = folder_of(name)
    if other is None:
        report.error(where, f"{name}: not in a folder of the house, or not a path from the root")
    elif other == folder:
        return
    elif other not in table[folder]:
        report.error(where, f"{name}: {folder} may not include {other}")
    elif not is_public(other, os.path.relpath(name, other)):
        report.error(where, f"{name}: not a public header of {other}")


def check_library(report, where, path, name):
    """True when the header belongs to a library of the table."""
    for pattern, places in LIBRARIES.items():
        if re.match(pattern, name):
            if not path.startswith(tuple(places)):
                report.error(where, f"{name}: only in {', '.join(places) or 'tests'}")
            return True
    return False


def check_file(report, table, path):
    folder = folder_of(path)
    text = read(path)
    if folder is None:
        report.error(path, "not in a folder of the house")
        return
    plain = code_only(text).split("\n")
    for number, line in enumerate(text.split("\n"), 1):
        match = INCLUDE.match(line)
        if match is None or not plain[number - 1].strip():
            continue
        kind, name = match.groups()
        where = f"{path}:{number}"
        if check_library(report, where, path, name):
            continue
        if kind == '"':
            check_ours(report, table, where, folder, name)
        elif folder in PURE and name not in PURE_SYSTEM:
            report.error(where, f"<{name}>: {folder} is pure")


def main():
    report = Report("layers")
    table = needs()
    check_floors(report, table)
    paths = [path for path in tracked(".c", ".h") if not path.startswith("tests/")]
    for path in paths:
        check_file(report, table, path)
    report.finish(f"{len(paths)} files")


if __name__ == "__main__":
    main()
