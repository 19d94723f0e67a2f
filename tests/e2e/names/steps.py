"""Kafka's tools and ours, side by side: steps, what they print, what counts as the same.

A step calls one tool: Apache Kafka's own (scripts/kafka-tool.sh), or `craft` by the same name.
What depends on the run (ports, ids, times) is replaced, and the rest must be equal: standard
output, exit code, and the first line of the standard error where the step asks for it.
"""
import difflib
import os
import random
import re
import subprocess
import time

from lib import BIN, ROOT, External, wait_for

GOLDEN = os.path.join(ROOT, "tests/golden/kafka-names")
KAFKA = os.path.join(ROOT, "scripts/kafka-tool.sh")
# What everything that the steps make is called in the end.
NAME = "alpha"


def names_for_both():
    """Two names of the same length, so that columns are as wide and both can work in one cluster,
    even one that has seen such names before."""
    letters = "".join(random.Random(time.time_ns()).choices("abcdefghijklmnopqrstuvwxyz", k=4))
    return {"kafka": "k" + letters, "craft": "c" + letters}


SERVER = ["--bootstrap-server", "{B}"]


class Peers:
    """A cluster of any make, by the addresses of its nodes."""

    dir = "/nowhere"

    def __init__(self, brokers, controllers):
        self.brokers = brokers.split(",")
        self.controllers = controllers.split(",")
        self.bootstrap = brokers

    def address(self, node):
        return self.brokers[0] if node == "broker-1" else node

    metadata = External.metadata

    def start(self):
        pass

    stop = start


class Step:
    """A call. `args` may hold {B} (the brokers), {B1} (the first), {C} (the controllers), {t} (who
    runs it), {dir} (a directory of its own), {data} (the cluster's), {D3} (the id of the directory
    of controller-3) and the names of `files`."""

    def __init__(self, tool, args, text=None, files=None, says=False, sort=False, until=None,
                 before=None, drop=None, mask=(), undo=None, timeout=60):
        self.tool = tool
        self.args = args.split() if isinstance(args, str) else args
        self.text = text          # standard input
        self.files = files or {}  # name: content, a text or bytes
        self.says = says          # the first line of the standard error counts
        self.sort = sort          # the order of lines does not count
        self.until = until        # a text in the output to wait for: the step is tried again
        self.before = before      # called with (cluster, who) before the step
        self.drop = drop          # a regular expression: lines that do not count
        self.mask = mask          # (regular expression, text in its place): what does not count
        self.undo = undo          # what Kafka's tool is called with between the two, where both
                                  # work in one cluster: the step changes what is not {t}'s own
        self.timeout = timeout

    def name(self):
        return " ".join([self.tool, *self.args])


class Runner:
    """Runs steps with the tools of `kind`, "kafka" or "craft", as `who`. Lines about `other` do not
    count."""

    def __init__(self, cluster, kind, directory, who=NAME, other=None):
        self.cluster = cluster
        self.kind = kind
        self.who = who
        self.other = other
        self.dir = directory
        os.makedirs(directory, exist_ok=True)

    def fill(self, text, step):
        values = {"B": self.cluster.bootstrap, "B1": self.cluster.address("broker-1"),
                  "C": ",".join(self.cluster.address(c) for c in self.cluster.controllers),
                  "t": self.who, "dir": self.dir, "data": self.cluster.dir}
        values.update({name: os.path.join(self.dir, name) for name in step.files})
        if "{D3}" in text:
            with open(os.path.join(self.cluster.dir, "controller-3/meta.properties")) as file:
                values["D3"] = re.search(r"^directory\.id=(.*)$", file.read(), re.M)[1]
        return re.sub(r"\{(\w+)\}", lambda m: str(values.get(m[1], m[0])), text)

    def run_once(self, step):
        for name, content in step.files.items():
            path = os.path.join(self.dir, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                is_text = isinstance(content, str)
                file.write(self.fill(content, step).encode() if is_text else content)
        program = [KAFKA, step.tool] if self.kind == "kafka" else [f"{BIN}/{step.tool}.sh"]
        run = subprocess.run([*program, *(self.fill(arg, step) for arg in step.args)],
                             input=None if step.text is None else self.fill(step.text, step),
                             stdin=subprocess.DEVNULL if step.text is None else None,
                             env={**os.environ, "LC_ALL": "C.UTF-8"}, encoding="utf-8",
                             capture_output=True, timeout=step.timeout)
        return self.record(step, run)

    def run(self, step):
        """What the step printed, as a text that can be compared."""
        if step.before:
            step.before(self.cluster, self.who)
        if step.until is None:
            return self.run_once(step)
        wanted = step.until.replace("{t}", NAME)
        return wait_for(lambda: (lambda out: out if wanted in out else None)(self.run_once(step)),
                        30, f"\"{step.until}\" in what {step.name()} prints")

    def record(self, step, run):
        lines = run.stdout.splitlines()
        lines = [self.clean(line) for line in lines if not self.other or self.other not in line]
        for pattern, text in step.mask:
            lines = [re.sub(pattern, text, line) for line in lines]
        if step.drop:
            lines = [line for line in lines if not re.search(step.drop, line)]
        if step.sort:
            lines.sort()
        lines.append(f"[exit {run.returncode}]")
        if step.says:
            said = [line for line in run.stderr.splitlines()
                    if line and not re.match(r"\[\d{4}-|\s|(org|java|joptsimple)\.", line)]
            lines.append("[says] " + (self.clean(said[0]) if said else ""))
        return "\n".join(line.rstrip() for line in lines) + "\n"

    def clean(self, line):
        """Replaces what is different from run to run by something as long."""
        for letter, nodes in (("B", self.cluster.brokers), ("C", self.cluster.controllers)):
            for number, node in enumerate(nodes, 1):
                port = self.cluster.address(node).split(":")[1]
                line = re.sub(rf"\b{port}\b", f"{letter}000{number}", line)
        line = re.sub(r'(?<="logDir":").*?(/broker-)', r"DATA\1", line)
        line = re.sub(r'"size":\d+', '"size":S', line)
        line = line.replace(self.cluster.dir, "DATA").replace(self.dir, "DIR")
        line = line.replace(self.who, NAME)
        line = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
                      "00000000-0000-0000-0000-000000000000", line)
        line = re.sub(r"(TopicId: |ClusterId: +|[dD]irectory(?:Id\": ?\"| id | ))[\w-]{22}",
                      r"\1" + "I" * 22, line)
        line = re.sub(r"B000\d  \(\d\)", "B000N  (N)", line)
        return re.sub(r"\b1[6-9]\d{11}\b", "T" * 13, line)


# ---- stored outputs ----
def golden_path(name):
    return os.path.join(GOLDEN, name + ".txt")


def store(name, steps, outputs):
    os.makedirs(GOLDEN, exist_ok=True)
    with open(golden_path(name), "w") as file:
        for step, output in zip(steps, outputs):
            file.write(f"$ {step.name()}\n{output}\n")


def stored(name):
    """What Kafka's tools printed: a list of (call, output)."""
    with open(golden_path(name)) as file:
        blocks = re.split(r"^\$ ", file.read(), flags=re.M)[1:]
    return [(block.split("\n", 1)[0], block.split("\n", 1)[1][:-1]) for block in blocks]


def difference(name, expected, got):
    """None, or what is different, as a text."""
    if expected == got:
        return None
    diff = difflib.unified_diff(expected.splitlines(), got.splitlines(), "kafka", "craft",
                                lineterm="", n=100)
    return f"$ {name}\n" + "\n".join(diff)
