#!/usr/bin/python3
"""Cuts a scenario that fails down to the lines that it takes.

    scripts/shrink.py --seed 17 [-o FILE]          a seed of sim_cluster
    scripts/shrink.py SCENARIO [-o FILE]           a scenario file

Lines are left out as long as the run fails with the same invariant (delta debugging), then times
are rounded and machines that no line needs are left out. Every candidate is one run of the
simulator (--sim, build/opt/tests/sim/sim_cluster). The result is printed, or written to FILE.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN_TIMEOUT_S = 120
FAILURE = re.compile(r"^seed \d+: at [\d.]+ s: (.*)", re.M)
CRASH = re.compile(r"^(?:(?:.*: )?(?:Assertion|ASSERT|assertion)\b.*|SUMMARY: \w+: .*)", re.M)


def same(text):
    """What is the same of a failure however it is reached: the invariant, and what it lacked."""
    name, _, rest = text.partition(" (")
    return name + ": " + re.sub(r"\d+", "N", rest) if name.startswith("Convergence") else name


class Simulator:
    def __init__(self, program):
        self.program = program
        self.runs = 0
        self.known = {}

    def scenario_of(self, seed):
        run = subprocess.run([self.program, "--seed", str(seed), "--print-scenario"],
                             capture_output=True, text=True, check=True)
        return run.stdout.splitlines()

    def failure(self, lines):
        """The invariant that breaks, or None."""
        text = "\n".join(lines) + "\n"
        if text not in self.known:
            self.known[text] = self.run(text)
        return self.known[text]

    def run(self, text):
        self.runs += 1
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as f:
            f.write(text)
            f.flush()
            try:
                run = subprocess.run([self.program, "--scenario", f.name], capture_output=True,
                                     text=True, errors="replace", timeout=RUN_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                return "it does not end"
        if run.returncode in (0, 2):
            return None
        found = FAILURE.search(run.stdout)
        if found is not None:
            return same(found.group(1))
        found = CRASH.search(run.stderr + run.stdout)
        return re.sub(r"0x[0-9a-f]+", "0x", found.group()) if found else "the process ended"


def split(lines):
    """The head of a scenario, and the lines that may be left out."""
    names = r"(seed|controllers|voters|brokers|clients|converge)\b"
    head = [line for line in lines if re.match(names, line)]
    body = [line for line in lines if re.match(r"(at|set)\b", line)]
    return head, body


def first_that_fails(pool, simulator, head, candidates, wanted):
    """Two runs at a time; the first of the candidates that still fails, or None."""
    for i in range(0, len(candidates), 2):
        pair = candidates[i:i + 2]
        for body, failure in zip(pair, pool.map(simulator.failure, [head + b for b in pair])):
            if failure == wanted:
                return body
    return None


def ddmin(pool, simulator, head, body, wanted):
    pieces = 2
    while len(body) >= 1:
        size = max(1, len(body) // pieces)
        candidates = [body[:i] + body[i + size:] for i in range(0, len(body), size)]
        smaller = first_that_fails(pool, simulator, head, candidates, wanted)
        if smaller is not None:
            body = smaller
            pieces = max(2, pieces - 1)
            print(f"{len(body)} lines", file=sys.stderr)
        elif size == 1:
            break
        else:
            pieces = min(len(body), pieces * 2)
    return body


def fewer_machines(simulator, head, body, wanted):
    for kind in ("clients", "brokers", "controllers"):
        for count in range(0 if kind != "controllers" else 1, 8):
            smaller = [f"{kind} {count}" if line.startswith(kind) else line for line in head]
            if smaller == head:
                break
            if simulator.failure(smaller + body) == wanted:
                head = smaller
                break
    return head


def milliseconds(line):
    found = re.match(r"at ([\d.]+)(us|ms|s) (.*)", line)
    if found is None:
        return None, None
    scale = {"us": 0.001, "ms": 1, "s": 1000}[found.group(2)]
    return float(found.group(1)) * scale, found.group(3)


def rounder_times(simulator, head, body, wanted):
    for i, line in enumerate(body):
        ms, rest = milliseconds(line)
        for unit in (1000, 100, 10):
            if ms is None or ms % unit == 0:
                continue
            at = round(ms / unit) * unit
            text = f"at {at // 1000}s {rest}" if at % 1000 == 0 else f"at {at}ms {rest}"
            candidate = body[:i] + [text] + body[i + 1:]
            if simulator.failure(head + candidate) == wanted:
                body = candidate
                break
    return body


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("scenario", nargs="?")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--sim", default=os.path.join(ROOT, "build/opt/tests/sim/sim_cluster"))
    parser.add_argument("-o", "--output")
    args = parser.parse_args()
    if (args.scenario is None) == (args.seed is None):
        parser.error("give a scenario or a --seed")
    simulator = Simulator(args.sim)
    if args.seed is not None:
        lines = simulator.scenario_of(args.seed)
    else:
        with open(args.scenario) as f:
            lines = f.read().splitlines()
    head, body = split(lines)
    wanted = simulator.failure(head + body)
    if wanted is None:
        sys.exit("shrink: this scenario does not fail")
    print(f"fails with: {wanted}; {len(body)} lines", file=sys.stderr)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        body = ddmin(pool, simulator, head, body, wanted)
        head = fewer_machines(simulator, head, body, wanted)
        body = rounder_times(simulator, head, body, wanted)
        body = ddmin(pool, simulator, head, body, wanted)
    text = "\n".join([f"# {wanted}", *head, *body]) + "\n"
    print(f"{len(body)} lines after {simulator.runs} runs", file=sys.stderr)
    if args.output:
        with open(args.output, "w") as f:
            f.write(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
