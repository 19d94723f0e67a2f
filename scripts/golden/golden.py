#!/usr/bin/python3
"""Makes tests/golden/messages.gz anew: every message of wire/schema in every version, as Apache
Kafka's own classes encode it.

    scripts/golden/golden.py [--seed N]

Needs a JDK (17 or newer) and Apache Kafka's jars, which scripts/kafka-tool.sh brings. Versions
that 4.1.0 has dropped are made by 3.9.1. The test of the file needs none of this:
tests/unit/wire/test_golden.c.
"""
import argparse
import glob
import gzip
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HERE = os.path.join(ROOT, "scripts/golden")
OUT = os.path.join(ROOT, "build/golden")
RELEASES = ("4.1.0", "3.9.1")
OF_EACH = 4
API_OURS = 10000  # what is ours no class of Kafka's has


def wanted_messages():
    """{name: (first version, last version)}, from the schemas."""
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "wire/schema/*.msg"))):
        api = None
        with open(path, encoding="utf-8") as schema:
            for line in schema:
                words = line.split()
                if line.startswith("api "):
                    if int(words[1]) >= API_OURS:
                        break
                    api = words[2]
                elif line.startswith(("request ", "response ", "message ")):
                    kind = words.pop(0)
                    name = api + kind.capitalize() if kind != "message" else words.pop(0)
                    first, _, last = words[0].partition("-")
                    found[name] = int(first), int(last or first)
    return found


def class_path(release):
    tool = os.path.join(ROOT, "scripts/kafka-tool.sh")
    run = subprocess.run([tool, "--where"], env={**os.environ, "KAFKA_RELEASE": release},
                         stdout=subprocess.PIPE, check=True, text=True)
    return run.stdout.strip() + "/*"


def encode(release, wanted, seed):
    """Lines "Name version hex" by that release's classes."""
    jars = class_path(release)
    classes = os.path.join(OUT, release, "classes")
    subprocess.run(["javac", "-encoding", "UTF-8", "-cp", jars, "-d", classes,
                    os.path.join(HERE, "Golden.java")], check=True)
    lines = "".join(f"{name} {first} {last}\n" for name, (first, last) in wanted.items())
    run = subprocess.run(["java", "-cp", f"{classes}:{jars}", "Golden", str(seed), str(OF_EACH)],
                         input=lines, stdout=subprocess.PIPE, check=True, text=True)
    return run.stdout.splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    wanted = wanted_messages()
    made = {}
    for release in RELEASES:
        fresh = {}
        for line in encode(release, wanted, seed):
            name, version, _ = line.split(" ") if line.count(" ") == 2 else (*line.split(), "")
            fresh.setdefault((name, int(version)), []).append(line)
        made = {**fresh, **made}
    missing = [f"{name} {version}" for name, (first, last) in wanted.items()
               for version in range(first, last + 1) if (name, version) not in made]
    path = os.path.join(ROOT, "tests/golden/messages.gz")
    text = "".join(line + "\n" for key in sorted(made) for line in made[key])
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as out:
        out.write(text.encode())
    print(f"{len(made)} messages and versions, {os.path.getsize(path)} bytes")
    if missing:
        sys.exit("no class has: " + ", ".join(missing))


if __name__ == "__main__":
    main()
