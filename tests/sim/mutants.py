#!/usr/bin/python3
"""Plants known mistakes into the code and says after how many seeds sim_cluster finds each.

    tests/sim/mutants.py                  every patch of tests/sim/*plants
    tests/sim/mutants.py fsync 03 isr     those whose paths hold one of these words
    tests/sim/mutants.py --seeds 500 …    how many seeds to try (2000)

`make sim-mutants` builds what it needs and calls it. A patch is applied to copies of the files that
it changes, which are compiled and linked in place of the true ones (build/mutants/NAME). A patch
that no longer applies, or a mistake that is not found, is a failure; but mistakes that a whole
cluster cannot show, as the file tests/sim/beyond.txt says with the reason, are only told.

With no mistake planted the same seeds must pass; that is tried first.
"""
import argparse
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
from tree import ROOT, make_values  # noqa: E402

OUT = os.path.join(ROOT, "build/mutants")
BEYOND = os.path.join(ROOT, "tests/sim/beyond.txt")
RUN_TIMEOUT_S = 600


def beyond():
    """{patch: reason} of those that need not be found here."""
    reasons = {}
    if os.path.exists(BEYOND):
        for line in open(BEYOND):
            if line.strip() and not line.startswith("#"):
                name, reason = line.strip().split(": ", 1)
                reasons[name] = reason
    return reasons


class Builder:
    """Compiles and links sim_cluster with some files changed."""

    def __init__(self):
        make = make_values("CC", "CFLAGS", "LDFLAGS", "LDLIBS", "O", "SIM_LINKED_cluster")
        self.cc = shlex.split(make["CC"])
        self.cflags = [flag for flag in shlex.split(make["CFLAGS"]) if not flag.startswith("-M")]
        self.ldflags = shlex.split(make["LDFLAGS"])
        self.ldlibs = shlex.split(make["LDLIBS"])
        self.linked = make["SIM_LINKED_cluster"].split()

    def build(self, folder, sources):
        objects = []
        for source in sources:
            target = os.path.join(folder, source)[:-2] + ".o"
            subprocess.run([*self.cc, "-I" + folder, *self.cflags, "-w", "-c",
                            os.path.join(folder, source), "-o", target], cwd=ROOT, check=True,
                           capture_output=True, text=True)
            objects.append(target)
        program = os.path.join(folder, "sim_cluster")
        whole = [path for path in self.linked if path.endswith("/sim-net.a")]
        rest = [path for path in self.linked if path.endswith(".a") and path not in whole]
        mains = [path for path in self.linked if path.endswith(".o")]
        subprocess.run([*self.cc, *self.ldflags, *mains, *objects, "-Wl,--whole-archive", *whole,
                        "-Wl,--no-whole-archive", "-Wl,--start-group", *rest, "-Wl,--end-group",
                        *self.ldlibs, "-o", program], cwd=ROOT, check=True, capture_output=True,
                       text=True)
        return program


def plant(patch, folder):
    """Applies the patch to copies; the changed files, or None if it does not fit."""
    shutil.rmtree(folder, ignore_errors=True)
    with open(patch) as f:
        sources = re.findall(r"^\+\+\+ b/(\S+)", f.read(), re.M)
    for source in sources:
        target = os.path.join(folder, source)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(os.path.join(ROOT, source), target)
    run = subprocess.run(["patch", "-d", folder, "-p1", "--fuzz=0", "-s", "-i", patch],
                         capture_output=True, text=True)
    return sources if run.returncode == 0 else None


def hunt(program, seeds, scenarios):
    """(found, what) of the first run that fails; None if none does."""
    for scenario in scenarios:
        run = subprocess.run([program, "--scenario", scenario, "--seeds", "10", "--jobs", "2"],
                             capture_output=True, text=True, errors="replace")
        if run.returncode == 1:
            return "its scenario", failure_of(run.stdout)
    try:
        run = subprocess.run([program, "--seeds", str(seeds), "--jobs", "2"], capture_output=True,
                             text=True, errors="replace", timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None
    if run.returncode == 0:
        return None
    found = re.search(r"^seed (\d+): ", run.stdout, re.M)
    return f"{found.group(1)} seeds" if found else "no seed", failure_of(run.stdout + run.stderr)


def failure_of(text):
    found = re.search(r"^seed \d+: at [\d.]+ s: ([^(\n]*)", text, re.M)
    why = found.group(1).strip() if found else "the program ended"
    bug = re.search(r"^craft: BUG: (.*)", text, re.M)
    return bug.group(1) if bug else why


def scenarios_of(patch):
    with open(patch) as f:
        names = re.findall(r"^Scenario: (\S+)", f.read(), re.M)
    return [os.path.join(ROOT, "tests/sim/scenarios", name + ".txt") for name in names]


def attempt(builder, patch, seeds, excused):
    """True if all is as it should be."""
    name = os.path.relpath(patch, os.path.join(ROOT, "tests/sim")).removesuffix(".patch")
    folder = os.path.join(OUT, name)
    sources = plant(patch, folder)
    if sources is None:
        print(f"FAIL {name}: the patch does not apply; make it anew", flush=True)
        return False
    try:
        program = builder.build(folder, [s for s in sources if s.endswith(".c")])
    except subprocess.CalledProcessError as problem:
        print(f"FAIL {name}: does not compile: {problem.stderr.strip()[-300:]}", flush=True)
        return False
    start = time.monotonic()
    found = hunt(program, seeds, scenarios_of(patch))
    took = time.monotonic() - start
    if found is not None:
        print(f"ok   {name}: {found[0]}, {took:.0f} s: {found[1]}", flush=True)
    elif name in excused:
        print(f"ok   {name}: not found, {excused[name]}", flush=True)
    else:
        print(f"FAIL {name}: not found in {seeds} seeds ({took:.0f} s)", flush=True)
    return found is not None or name in excused


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--no-baseline", action="store_true")
    args = parser.parse_args()
    builder = Builder()
    patches = sorted(glob.glob(os.path.join(ROOT, "tests/sim/*plants/*.patch")))
    patches = [patch for patch in patches
               if not args.words or any(word in patch for word in args.words)]
    if not args.no_baseline:
        baseline = os.path.join(OUT, "none")
        os.makedirs(baseline, exist_ok=True)
        found = hunt(builder.build(baseline, []), args.seeds, [])
        if found is not None:
            sys.exit(f"FAIL without a mistake: {found[0]}: {found[1]}")
        print(f"ok   no mistake: {args.seeds} seeds pass", flush=True)
    excused = beyond()
    good = sum(attempt(builder, patch, args.seeds, excused) for patch in patches)
    print(f"{good} passed, {len(patches) - good} failed, 0 skipped")
    sys.exit(0 if good == len(patches) else 1)


if __name__ == "__main__":
    main()
