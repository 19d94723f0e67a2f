"""Calling the tool craft: what tests of it share."""
import json
import subprocess

from lib import BIN, unique

OK, FAILED, USAGE = 0, 1, 2


def craft(*words, text=None, status=OK, timeout=60):
    """Runs the tool: (standard output, standard error), both as text."""
    run = subprocess.run([BIN + "/craft", *words], input=text, capture_output=True,
                         timeout=timeout, text=not isinstance(text, bytes))
    assert run.returncode == status, \
        f"craft {' '.join(words)}: exit {run.returncode}, not {status}: {run.stdout} {run.stderr}"
    return run.stdout, run.stderr


def at(cluster, *words, **options):
    return craft(*words, "--bootstrap-server", cluster.bootstrap, **options)


def json_at(cluster, *words):
    return json.loads(at(cluster, *words, "--format", "json")[0])


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def rows(text):
    """TSV as a list of dictionaries."""
    head, *lines = [line.split("\t") for line in text.splitlines()]
    assert all(len(line) == len(head) for line in lines), text
    return [dict(zip(head, line)) for line in lines]


def topic_of(cluster, name, *words):
    name = unique(name)
    at(cluster, "topic", "create", name, *words)
    return name
