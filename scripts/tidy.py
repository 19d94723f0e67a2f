#!/usr/bin/python3
"""The rules of docs/style.md that a machine can check, file by file."""
import concurrent.futures
import os
import re
import shlex
import subprocess

from tree import ROOT, Report, code_only, make_values, read, tracked

LINE_MAX = 100
FUNCTION_MAX = 70
FILE_NOTE = 500
FILE_MAX = 800
PARAMS_MAX = 5

# Functions with more parameters: each with its reason.
PARAMS_ALLOWED = {}

# What is not called, and what is instead. A path prefix in ALLOWED_IN may.
BANNED = {
    "sprintf": "snprintf, buf_printf or arena_printf",
    "vsprintf": "vsnprintf",
    "strcpy": "slices, or memcpy of a known length",
    "strncpy": "slices, or memcpy of a known length",
    "strcat": "buf_printf",
    "strncat": "buf_printf",
    "strtok": "slices",
    "gets": "a reader",
    "atoi": "strtoll with its checks",
    "atol": "strtoll with its checks",
    "atof": "strtod with its checks",
    "rand": "prng_next",
    "srand": "prng_init",
    "random": "prng_next",
    "localtime": "gmtime_r",
    "gmtime": "gmtime_r",
    "ctime": "strftime",
    "alloca": "an arena",
    "malloc": "mem_alloc",
    "calloc": "mem_zalloc",
    "realloc": "mem_realloc",
    "strdup": "mem_strdup",
    "free": "mem_free",
    "assert": "ASSERT, which release builds keep",
    "sleep": "a timer of the loop",
    "usleep": "a timer of the loop",
    "signal": "sigaction, or the loop's signals",
    "system": "nothing: no shell",
    "popen": "nothing: no shell",
    "longjmp": "enum err",
}
# Where the ban does not hold: the seam itself; memory that a library allocated with malloc.
ALLOWED_IN = {
    "malloc": ("base/mem.c", "tests/"),
    "calloc": ("base/mem.c", "tests/"),
    "realloc": ("base/mem.c", "tests/"),
    "free": ("base/mem.c", "tests/"),
}
BANNED_CALL = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))

# Text that no file may hold.
UNFINISHED = re.compile(r"\b(?:FIXME|TODO|XXX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.*}/-])/(?:home|Users|root|work)/[\w.]")
PARENT_PATH = re.compile(r"(?<![\w./])(?:\.\./)+[\w./-]*\w")

TEXT = (".c", ".h", ".py", ".sh", ".md", ".proto", ".msg", ".txt", ".patch", ".yml", "Makefile")


def check_text(report, path, text):
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}:{number}"
        if path.endswith((".c", ".h", ".py", ".sh")) and len(line) > LINE_MAX:
            report.error(where, f"{len(line)} columns; at most {LINE_MAX}")
        if path.endswith((".py", ".sh", ".proto", ".msg")) and line != line.rstrip():
            report.error(where, "white space at the end of the line")
        if path != "scripts/tidy.py" and UNFINISHED.search(line):
            report.error(where, "unfinished: do it, or describe the limit in a sentence")
        if MACHINE_PATH.search(line):
            report.error(where, "a path of one machine")
        for parent in PARENT_PATH.findall(line):
            target = os.path.normpath(os.path.join(os.path.dirname(path), parent))
            if target.startswith("..") or not os.path.exists(os.path.join(ROOT, target)):
                report.error(where, f"{parent}: not a path inside the repository")
    if text and not text.endswith("\n"):
        report.error(path, "no newline at the end")


def functions(lines):
    """(first line, last line, signature) of each function: a brace alone in column 0 opens it."""
    for at, line in enumerate(lines):
        if line != "{":
            continue
        first = at
        while first > 0 and not re.match(r"\s*$|#|.*[;}]$", lines[first - 1]):
            first -= 1
        last = at
        while last < len(lines) and not lines[last].startswith("}"):
            last += 1
        yield first + 1, last + 1, " ".join(lines[first:at])


def params(signature):
    """How many parameters the last parenthesis of a signature holds, without `...`."""
    depth = 0
    commas = 0
    text = ""
    for char in reversed(signature.rstrip()):
        depth += (char == ")") - (char == "(")
        if depth == 0:
            break
        commas += depth == 1 and char == ","
        text = char + text
    inside = text[:-1].strip()
    if inside in ("", "void"):
        return 0
    return commas + 1 - inside.endswith("...")


def check_function(report, path, lines, function):
    first, last, signature = function
    name = (re.findall(r"(\w+)\s*\(", signature) or ["?"])[0]
    where = f"{path}:{first}"
    if last - first + 1 > FUNCTION_MAX:
        report.error(where, f"{name} has {last - first + 1} lines; at most {FUNCTION_MAX}")
    count = params(signature)
    if count > PARAMS_MAX and (path, name) not in PARAMS_ALLOWED:
        report.error(where, f"{name} has {count} parameters; at most {PARAMS_MAX}")
    body = "\n".join(lines[first - 1:last])
    if re.search(r"\bTRY\(", body) and re.search(r"\bgoto out\b", body):
        report.error(where, f"{name} mixes TRY and goto out: one exit, or none to own")


def check_c(report, path, text):
    code = code_only(text)
    lines = code.split("\n")
    if len(lines) - 1 > FILE_MAX:
        report.error(path, f"{len(lines) - 1} lines; at most {FILE_MAX}")
    elif len(lines) - 1 > FILE_NOTE:
        print(f"{path}: note: {len(lines) - 1} lines; think of splitting above {FILE_NOTE}")
    if not text.startswith("/*"):
        report.error(path, "does not begin with a sentence saying what it is for")
    for number, line in enumerate(lines, 1):
        where = f"{path}:{number}"
        for name in BANNED_CALL.findall(line):
            if not path.startswith(ALLOWED_IN.get(name, ("\0",))):
                report.error(where, f"{name}() is not used here: {BANNED[name]}")
        if "#include <assert.h>" in line:
            report.error(where, "assert.h is not used here: base/assert.h")
        if re.match(r"\s*typedef (struct|union|enum)\b", line):
            report.error(where, "no typedefs of structs")
    for function in functions(lines):
        check_function(report, path, lines, function)


def check_headers(report, headers, make):
    """Each header compiles alone, and somebody includes it."""
    flags = shlex.split(make["CFLAGS"])
    command = [make["CC"], *[f for f in flags if f not in ("-MMD", "-MP")],
               "-Wall", "-Wextra", "-Wno-unused", "-fsyntax-only", "-x", "c"]

    def compiles(header):
        return subprocess.run([*command, header], cwd=ROOT, capture_output=True, text=True)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, run in zip(headers, pool.map(compiles, headers)):
            if run.returncode != 0 or run.stderr:
                report.error(header, "does not compile alone:\n" + run.stderr.strip())


def check_dead(report, texts, make):
    """Every .c is in some target, every header is included."""
    built = set(make["SOURCES"].split())
    included = set()
    for path, text in texts.items():
        for name in re.findall(r'#include "([^"]+)"', text):
            included.add(name)
            included.add(os.path.normpath(os.path.join(os.path.dirname(path), name)))
    for path in texts:
        if path.endswith(".c") and path not in built and path not in included:
            report.error(path, "no target of the Makefile builds it")
        if path.endswith(".h") and path not in included:
            report.error(path, "nobody includes it")


def main():
    report = Report("tidy")
    texts = {path: read(path) for path in tracked(*TEXT) + [".ci/run"]
             if os.path.isfile(os.path.join(ROOT, path))}
    texts = {path: text for path, text in texts.items() if text is not None}
    for path, text in texts.items():
        check_text(report, path, text)
    code = {path: text for path, text in texts.items() if path.endswith((".c", ".h"))}
    for path, text in code.items():
        check_c(report, path, text)
    make = make_values("CC", "CFLAGS", "SOURCES")
    check_dead(report, code, make)
    check_headers(report, [path for path in code if path.endswith(".h")], make)
    report.finish(f"{len(texts)} files")


if __name__ == "__main__":
    main()
