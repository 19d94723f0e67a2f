#!/usr/bin/python3
"""The files of the repository, for the scripts that check them.

    scripts/tree.py .c .h      the tracked files with these endings, one a line
"""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def tracked(*endings):
    """Paths from the root, sorted: what git tracks, or, outside of a clone, what is there."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if git.returncode == 0:
        found = [path for path in git.stdout.split("\0") if path]
    else:
        found = []
        for folder, folders, names in os.walk(ROOT):
            folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
            found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(path for path in found
                  if (not endings or path.endswith(endings))
                  and os.path.isfile(os.path.join(ROOT, path)))


def read(path):
    """The text of a file; None when it is not text."""
    with open(os.path.join(ROOT, path), "rb") as f:
        data = f.read()
    try:
        return None if b"\0" in data else data.decode()
    except UnicodeDecodeError:
        return None


def make_values(*names, V="opt"):
    """The values of variables of the Makefile, for a variant."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    run = subprocess.run(["make", "-s", "show", "V=" + V, "NAMES=" + " ".join(names)], cwd=ROOT,
                         env=env, capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in run.stdout.splitlines())


# Comments, strings and characters of C, in the order in which they hide each other.
HIDDEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code_only(text):
    """C without comments and without what is inside strings; lines keep their numbers."""
    def blank(match):
        hidden = match.group()
        if hidden[0] in "\"'":
            return hidden[0] * 2
        return " " + "\n" * hidden.count("\n")
    return HIDDEN.sub(blank, text)


class Report:
    """Collects findings; the exit status of a check."""

    def __init__(self, name):
        self.name = name
        self.count = 0

    def error(self, where, what):
        self.count += 1
        print(f"{where}: {what}")

    def finish(self, summary):
        print(f"{self.name}: {summary}, {self.count} findings" if self.count else
              f"{self.name}: {summary}, ok")
        sys.exit(1 if self.count else 0)


if __name__ == "__main__":
    print("\n".join(tracked(*sys.argv[1:])))
