#!/usr/bin/python3
"""Compares `craft` by the names of Kafka's tools with the tools themselves (scripts/kafka-tool.sh).

    scripts/kafka-names.py diff [SUITE…]      both on one cluster; exit 1 when something differs
    scripts/kafka-names.py record [SUITE…]    stores what Kafka's tools print in tests/golden, for
                                              tests/e2e/test_names.py, which needs no Java
    KAFKA_RELEASE=3.9.1 scripts/kafka-names.py releases [SUITE…]
                                              what that release prints otherwise than what is
                                              stored

Exit 77: Java or Maven is not there. CRAFT_BIN is the directory of the programs (build/bin).
CRAFT_BOOTSTRAP and CRAFT_CONTROLLERS (host:port,…) name a running cluster of any make, Apache
Kafka's, too, in place of one of ours.
"""
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ.setdefault("CRAFT_TEST_DIR", os.path.join(ROOT, "build/test/kafka-names"))
sys.path.insert(0, os.path.join(ROOT, "tests/e2e"))
from lib import DIR, EXTERNAL, Cluster  # noqa: E402
from names import SUITES  # noqa: E402
from names.steps import (KAFKA, Peers, Runner, Step, difference,  # noqa: E402
                         names_for_both, store, stored)


def record(cluster, name):
    runner = Runner(cluster, "kafka", os.path.join(DIR, name))
    steps = SUITES[name]
    store(name, steps, [runner.run(step) for step in steps])
    print(f"recorded  {name}: {len(steps)} calls", flush=True)
    return True


def run_in_time(runner, step):
    try:
        return runner.run(step)
    except (subprocess.TimeoutExpired, AssertionError) as error:
        return f"[too late] {error}\n"


def releases(cluster, name):
    runner = Runner(cluster, "kafka", os.path.join(DIR, name))
    pairs = zip(SUITES[name], stored(name))
    found = [difference(call, output, run_in_time(runner, step)) for step, (call, output) in pairs]
    found = [text for text in found if text]
    print("\n".join([*found, f"{len(found)} differ  {name}"]), flush=True)
    return True


def diff(cluster, name):
    names = names_for_both()
    runners = [Runner(cluster, kind, os.path.join(DIR, name, kind), names[kind], names[other])
               for kind, other in (("kafka", "craft"), ("craft", "kafka"))]
    differences = []
    for step in SUITES[name]:
        expected = runners[0].run(step)
        if step.undo:
            runners[0].run(Step(step.tool, step.undo))
        got = runners[1].run(step)
        found = difference(step.name(), expected, got)
        if found:
            differences.append(found)
            print(found, flush=True)
    print(f"{'differs' if differences else 'same'}  {name}: {len(SUITES[name])} calls, "
          f"{len(differences)} differ", flush=True)
    return not differences


def main():
    actions = {"record": record, "diff": diff, "releases": releases}
    action = actions.get(sys.argv[1] if len(sys.argv) > 1 else "")
    names = sys.argv[2:] or list(SUITES)
    unknown = [name for name in names if name not in SUITES]
    if action is None or unknown:
        sys.exit(__doc__ + (f"\nNo such suite: {', '.join(unknown)}" if unknown else ""))
    run = subprocess.run([KAFKA, "--fetch"], check=False)
    if run.returncode != 0:
        print("skipped: Apache Kafka's tools are not there", flush=True)
        sys.exit(run.returncode)
    shutil.rmtree(DIR, ignore_errors=True)
    cluster = Peers(EXTERNAL, os.environ["CRAFT_CONTROLLERS"]) if EXTERNAL else Cluster()
    cluster.start()
    good = [action(cluster, name) for name in names]
    cluster.stop()
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
