#!/usr/bin/python3
"""craft by the names of Kafka's tools: it prints what they print. What they print is stored
(tests/golden/kafka-names); scripts/kafka-names.py records it and compares both on one cluster."""
import os

from lib import DIR, case, main
from names import SUITES
from names.steps import Runner, difference, stored


def compare(cluster, name):
    runner = Runner(cluster, "craft", os.path.join(DIR, name))
    expected = stored(name)
    assert [call for call, _ in expected] == [step.name() for step in SUITES[name]], \
        f"{name}: the steps are not those that were recorded; run scripts/kafka-names.py record"
    differences = []
    for step, (call, output) in zip(SUITES[name], expected):
        difference_here = difference(call, output, runner.run(step))
        if difference_here:
            differences.append(difference_here)
    assert not differences, "\n".join(differences)


for suite in SUITES:
    def prints_what_kafka_prints(cluster, suite=suite):
        compare(cluster, suite)
    prints_what_kafka_prints.__name__ = suite.replace("-", "_")
    case(prints_what_kafka_prints)

main()
