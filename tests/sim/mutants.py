#!/usr/bin/python3
"""Plants known mistakes into the code and says after how many seeds sim_cluster finds each.

    tests/sim/mutants.py                  every patch of tests/sim/cluster_plants
    tests/sim/mutants.py fsync 03 isr     those whose names hold one of these words
    tests/sim/mutants.py --cores …        also those of the pure cores, which plants.sh plants, too
    tests/sim/mutants.py --seeds 500 …    how many seeds to try (2000)
    tests/sim/mutants.py --table …        prints a table for docs/testing.md at the end
    tests/sim/mutants.py --fit            says only which patches do not apply any more

`make sim-mutants` builds what it needs and calls it. A patch is applied to copies of the files that
it changes, which are compiled and linked in place of the true ones (build/mutants/NAME). First the
scenarios are run that lines `Scenario: NAME` at the head of the patch name, each with several
seeds; then drawn seeds from 1 on. A mistake is found if either fails. A patch that no longer
applies, or a mistake that is not found, is a failure. Of those of the pure cores, which simulators
of their own must find, it is only told whether a whole cluster shows them.

With no mistake planted the same seeds and scenarios must pass; that is tried first.
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
CORES = ["tests/sim/plants", "tests/sim/partition_plants"]
RUN_TIMEOUT_S = 300
SCENARIO_SEEDS = 40


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


def simulate(program, *arguments):
    """(seed, what) of the first run that fails, or None."""
    try:
        run = subprocess.run([program, *arguments, "--jobs", "2"], capture_output=True, text=True,
                             errors="replace", timeout=RUN_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return None
    seeds = [int(seed) for seed in re.findall(r"^seed (\d+): ", run.stdout, re.M)]
    if not seeds:  # all passed; that too little of something happened is another matter
        return None
    return min(seeds), failure_of(run.stdout + run.stderr)


def hunt(program, seeds, scenarios):
    """(how it was found, what was told); None: it was not."""
    for scenario in scenarios:
        found = simulate(program, "--scenario", scenario, "--seeds", str(SCENARIO_SEEDS))
        if found is not None:
            name = os.path.basename(scenario).removesuffix(".txt")
            return f"scenario {name}, {count(found[0])}", found[1]
    found = simulate(program, "--seeds", str(seeds))
    return None if found is None else (count(found[0]), found[1])


def count(seeds):
    return "1 seed" if seeds == 1 else f"{seeds} seeds"


def failure_of(text):
    found = re.search(r"^seed \d+: at [\d.]+ s: ([^(\n]*)", text, re.M)
    why = found.group(1).strip() if found else "the program ended"
    bug = re.search(r"^craft: BUG: (.*)", text, re.M)
    return bug.group(1) if bug else why


def scenarios_of(patch):
    with open(patch) as f:
        names = re.findall(r"^Scenario: (\S+)", f.read(), re.M)
    return [os.path.join(ROOT, "tests/sim/scenarios", name + ".txt") for name in names]


def sentence_of(patch):
    with open(patch) as f:
        return f.readline().strip()


def attempt(builder, patch, seeds):
    """How it was found and what was told; None: a failure."""
    name = os.path.relpath(patch, os.path.join(ROOT, "tests/sim")).removesuffix(".patch")
    folder = os.path.join(OUT, name)
    sources = plant(patch, folder)
    if sources is None:
        print(f"FAIL {name}: the patch does not apply; make it anew", flush=True)
        return None
    try:
        program = builder.build(folder, [s for s in sources if s.endswith(".c")])
    except subprocess.CalledProcessError as problem:
        print(f"FAIL {name}: does not compile: {problem.stderr.strip()[-300:]}", flush=True)
        return None
    start = time.monotonic()
    found = hunt(program, seeds, scenarios_of(patch))
    took = time.monotonic() - start
    if found is not None:
        print(f"ok   {name}: {found[0]}, {took:.0f} s: {found[1]}", flush=True)
    elif os.path.dirname(os.path.relpath(patch, ROOT)) in CORES:
        print(f"ok   {name}: not found in {seeds} seeds, its core's simulator does", flush=True)
        found = "", ""
    else:
        print(f"FAIL {name}: not found in {seeds} seeds ({took:.0f} s)", flush=True)
    return found


def fit(patches):
    """Do they all still apply?"""
    stale = [os.path.relpath(patch, ROOT) for patch in patches
             if plant(patch, os.path.join(OUT, "fit")) is None]
    for patch in stale:
        print(f"{patch} does not apply any more; make it anew (docs/testing.md)")
    print(f"planted mistakes: {len(patches)} patches, {len(stale) or 'all'} "
          f"{'do not' if stale else ''} apply".replace("  ", " "))
    return not stale


def print_table(found):
    print("| mistake | found after | by |\n|---|---|---|")
    for patch, result in found.items():
        if result is not None and result[0]:
            invariant = re.split(r": | \(", result[1])[0]
            print(f"| {sentence_of(patch)} | {result[0]} | {invariant} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--seeds", type=int, default=2000)
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--cores", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--fit", action="store_true")
    args = parser.parse_args()
    folders = ["tests/sim/cluster_plants"] + (CORES if args.cores or args.fit else [])
    patches = [patch for folder in folders
               for patch in sorted(glob.glob(os.path.join(ROOT, folder, "*.patch")))
               if not args.words or any(w in os.path.basename(patch) for w in args.words)]
    if args.fit:
        sys.exit(0 if fit(patches) else 1)
    builder = Builder()
    if not args.no_baseline:
        baseline = os.path.join(OUT, "none")
        os.makedirs(baseline, exist_ok=True)
        scenarios = sorted({s for patch in patches for s in scenarios_of(patch)})
        found = hunt(builder.build(baseline, []), args.seeds, scenarios)
        if found is not None:
            sys.exit(f"FAIL without a mistake: {found[0]}: {found[1]}")
        print(f"ok   no mistake: {args.seeds} seeds pass", flush=True)
    found = {patch: attempt(builder, patch, args.seeds) for patch in patches}
    good = sum(result is not None for result in found.values())
    if args.table:
        print_table(found)
    print(f"{good} passed, {len(patches) - good} failed, 0 skipped")
    sys.exit(0 if good == len(patches) else 1)


if __name__ == "__main__":
    main()
