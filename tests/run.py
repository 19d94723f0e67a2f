#!/usr/bin/python3
"""Runs the tests that `make test` has built and says how each of them ended.

    tests/run.py                 all of them
    tests/run.py e2e raft        only those whose names hold one of these words
    tests/run.py --list          their names

A test is a program: exit 0 is passed, 77 is skipped (its last line says why), anything else is
failed. A program that prints Check's summary, or a last line "N passed, N failed, N skipped",
counts for as many tests. The output of test NAME is build/test/NAME/output.log. Unit tests,
simulations and fuzzers run two at a time; end-to-end tests run alone: each brings up a cluster.

CRAFT_BIN is where end-to-end tests find the programs (build/asan/bin).
"""
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
from tree import make_values  # noqa: E402

OUT = os.path.join(ROOT, "build/test")
SKIPPED = 77
TAIL_LINES = 40
FUZZ_SECONDS = 60
SIM_SEEDS = {"sim_cluster": 40}  # of the others:
SIM_SEEDS_USUAL = 2000

UNIT_TIMEOUT_S = 120
SIM_TIMEOUT_S = 300
PLANTS_TIMEOUT_S = 1200
E2E_TIMEOUT_S = 300
CLIENTS_TIMEOUT_S = 1200  # they are fetched and built in other languages

SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


class Test:
    def __init__(self, name, command, timeout_s, alone=False):
        self.name = name
        self.command = command
        self.timeout_s = timeout_s
        self.alone = alone
        self.dir = os.path.join(OUT, name)
        self.log = os.path.join(self.dir, "output.log")
        self.passed = self.failed = self.skipped = 0


def unit_tests():
    programs = make_values("UNIT_PROGRAMS", V="asan")["UNIT_PROGRAMS"].split()
    for program in programs:
        yield Test(program.split("/tests/", 1)[1], [program], UNIT_TIMEOUT_S)


def fuzz_tests():
    programs = make_values("FUZZ_PROGRAMS", V="fuzz")["FUZZ_PROGRAMS"].split()
    for program in programs:
        test = Test(program.split("/tests/", 1)[1], None, FUZZ_SECONDS + 60)
        seeds = os.path.join("tests/fuzz/corpus", os.path.basename(program).removeprefix("fuzz_"))
        found = os.path.join(test.dir, "corpus")
        test.command = [program, f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
                        "-rss_limit_mb=2048", "-print_final_stats=1",
                        f"-artifact_prefix={test.dir}/", found, *glob.glob(seeds)]
        yield test


def sim_tests():
    for program in make_values("SIM_PROGRAMS", V="asan")["SIM_PROGRAMS"].split():
        seeds = SIM_SEEDS.get(os.path.basename(program), SIM_SEEDS_USUAL)
        yield Test(program.split("/tests/", 1)[1], [program, "--seeds", str(seeds)], SIM_TIMEOUT_S)
    cluster = make_values("O", V="asan")["O"] + "/tests/sim/sim_cluster"
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/sim/scenarios/*.txt"))):
        name = os.path.basename(path).removesuffix(".txt")
        yield Test("sim/scenarios/" + name, [cluster, "--scenario", path], SIM_TIMEOUT_S)
    for script in glob.glob(os.path.join(ROOT, "tests/sim/**/plants.sh"), recursive=True):
        name = os.path.relpath(script, os.path.join(ROOT, "tests")).removesuffix(".sh")
        yield Test(name, [script], PLANTS_TIMEOUT_S)


def e2e_tests():
    for path in sorted(glob.glob(os.path.join(ROOT, "tests/e2e/test_*.py"))):
        name = os.path.basename(path).removesuffix(".py")
        yield Test("e2e/" + name, ["/usr/bin/python3", path], E2E_TIMEOUT_S, alone=True)


def client_tests():
    """Foreign clients and tools come from other languages' registries: they are run when asked for
    (make e2e-clients, make e2e-java), or with CRAFT_FOREIGN=1 among the others."""
    if not os.environ.get("CRAFT_FOREIGN"):
        print("SKIPPED  foreign clients and Apache Kafka's tools: make e2e-clients e2e-java",
              flush=True)
        return
    yield Test("clients", ["tests/clients/run.py"], CLIENTS_TIMEOUT_S, alone=True)
    yield Test("java_tools", ["tests/clients/java_tools.py"], CLIENTS_TIMEOUT_S, alone=True)


def stop_leftovers(test):
    """Ends the nodes of clusters that a killed test left behind."""
    for cluster in {os.path.dirname(pid) for pid in glob.glob(test.dir + "/*/*.pid")}:
        subprocess.run(["scripts/cluster.sh", "stop", "--dir", cluster], cwd=ROOT,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def execute(test):
    """Runs the program; its exit status, or None when it was out of time."""
    shutil.rmtree(test.dir, ignore_errors=True)
    os.makedirs(os.path.join(test.dir, "corpus") if "fuzz" in test.name else test.dir)
    env = {**os.environ, **SANITIZERS, "CRAFT_TEST_DIR": test.dir, "PYTHONUNBUFFERED": "1"}
    env.setdefault("CRAFT_BIN", os.path.join(ROOT, "build/asan/bin"))
    with open(test.log, "wb") as log:
        try:
            run = subprocess.Popen(test.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            return run.wait(test.timeout_s)
        except OSError as error:
            log.write(f"{error}\n".encode())
            return 127
        except subprocess.TimeoutExpired:
            os.killpg(run.pid, signal.SIGTERM)  # a last chance to clean up
        try:
            run.wait(30)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(run.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        run.wait()
        return None


CHECK_SUMMARY = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.M)
OUR_SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


def count(test, status, output):
    """What a program was worth: as many tests as it says, and at least one."""
    if status == SKIPPED:
        test.skipped = 1
        return
    for checks, failures, errors in CHECK_SUMMARY.findall(output):
        test.failed += int(failures) + int(errors)
        test.passed += int(checks) - int(failures) - int(errors)
    for passed, failed, skipped in OUR_SUMMARY.findall(output)[-1:]:
        test.passed += int(passed)
        test.failed += int(failed)
        test.skipped += int(skipped)
    if status != 0 and test.failed == 0:
        test.failed = 1
    if status == 0 and test.passed + test.failed + test.skipped == 0:
        test.passed = 1


printing = threading.Lock()


def show(test, status, seconds, output):
    lines = output.rstrip().split("\n")
    word = "FAIL" if test.failed else "ok" if test.passed else "skip"
    counts = f"{test.passed + test.failed + test.skipped}"
    if test.skipped and word != "skip":
        counts += f", {test.skipped} skipped"
    note = f" ({counts})" if word == "ok" else ""
    if word == "skip":
        note = ": " + lines[-1]
    elif word == "FAIL":
        note = ": out of time" if status is None else f": exit {status}"
    with printing:
        print(f"{word:4} {seconds:7.1f}s  {test.name}{note}", flush=True)
        for line in lines:
            if line.startswith("SKIPPED ") and word != "FAIL":
                print("    " + line, flush=True)
        if word == "FAIL":
            for line in lines[-TAIL_LINES:]:
                print("    | " + line)
            for path in [test.log, *sorted(glob.glob(test.dir + "/*/*.log"))]:
                print("    log: " + os.path.relpath(path, ROOT))
            sys.stdout.flush()


def run_one(test):
    start = time.monotonic()
    status = execute(test)
    if test.alone:
        stop_leftovers(test)
    with open(test.log, errors="replace") as log:
        output = log.read()
    count(test, status, output)
    show(test, status, time.monotonic() - start, output)


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    tests = [*sim_tests(), *fuzz_tests(), *unit_tests(), *e2e_tests(),
             *client_tests()]
    tests = [test for test in tests if not words or any(word in test.name for word in words)]
    if "--list" in sys.argv:
        print("\n".join(test.name for test in tests))
        return
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(run_one, [test for test in tests if not test.alone]))
    for test in tests:
        if test.alone:
            run_one(test)
    print(f"{len(tests)} programs in {time.monotonic() - start:.0f} s")
    passed = sum(test.passed for test in tests)
    failed = sum(test.failed for test in tests)
    print(f"{passed} passed, {failed} failed, {sum(test.skipped for test in tests)} skipped")
    sys.exit(1 if failed > 0 or passed == 0 else 0)


if __name__ == "__main__":
    main()
