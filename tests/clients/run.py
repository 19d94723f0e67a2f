#!/usr/bin/python3
"""Runs foreign clients, in their own languages, against a cluster of ours (README.md here).

    tests/clients/run.py                    all
    tests/clients/run.py sarama kafkajs     some
    tests/clients/run.py --list             their names

CRAFT_BIN is where the daemons are (build/bin), CRAFT_BOOTSTRAP names a running cluster instead.
"""
import os
import shutil
import subprocess
import sys

from ends import finish, own_cluster

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUT = os.path.join(ROOT, "build/clients")
FETCH_TIMEOUT_S = 600
RUN_TIMEOUT_S = 150
PYTHON_PACKAGES = ("confluent-kafka==2.16.1", "kafka-python==3.0.12", "aiokafka==0.14.0")


class Unavailable(Exception):
    """The language or its registry is not there."""


def fetch(command, cwd, **env):
    """Downloads and builds."""
    try:
        run = subprocess.run(command, cwd=cwd, capture_output=True, text=True,
                             timeout=FETCH_TIMEOUT_S, env={**os.environ, **env})
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"{command[0]} takes more than {FETCH_TIMEOUT_S} s") from late
    if run.returncode != 0:
        lines = (run.stderr + run.stdout).strip().splitlines()
        raise Unavailable(f"{command[0]}: {lines[-1] if lines else 'failed'}")


def need(program):
    if shutil.which(program) is None:
        raise Unavailable(f"no {program}")


def own_copy(name):
    """Package managers leave files beside the source: they do so in build/."""
    shutil.copytree(os.path.join(HERE, name), os.path.join(OUT, name), dirs_exist_ok=True)
    return os.path.join(OUT, name)


def go(name):
    need("go")
    copy = own_copy(name)
    shutil.copy(os.path.join(HERE, "steps.go"), copy)
    fetch(["go", "build", "-o", "client", "."], copy, CGO_ENABLED="0")
    return [os.path.join(OUT, name, "client")]


def node(name):
    need("npm")
    fetch(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock"], own_copy(name))
    return ["node", os.path.join(OUT, name, "main.js")]


def python(script):
    venv = os.path.join(OUT, "venv")
    mark = os.path.join(venv, "-".join(PYTHON_PACKAGES))
    if not os.path.exists(mark):
        fetch(["/usr/bin/python3", "-m", "venv", "--clear", venv], ROOT)
        fetch([venv + "/bin/pip", "install", "--quiet", *PYTHON_PACKAGES], ROOT)
        open(mark, "w", encoding="utf-8").close()
    return [venv + "/bin/python", os.path.join(HERE, "python", script)]


def rust(name):
    need("cargo")
    fetch(["cargo", "build", "--quiet"], own_copy(name))
    return [os.path.join(OUT, name, "target/debug/rskafka-client")]


def java(release):
    need("javac")
    tool = os.path.join(ROOT, "scripts/kafka-tool.sh")
    env = {"KAFKA_RELEASE": release}
    fetch([tool, "--fetch"], ROOT, **env)
    jars = subprocess.run([tool, "--where"], capture_output=True, text=True, check=True,
                          env={**os.environ, **env}).stdout.strip() + "/*"
    classes = os.path.join(OUT, "java-" + release)
    fetch(["javac", "-nowarn", "-cp", jars, "-d", classes, os.path.join(HERE, "java/Client.java")],
          ROOT)
    return ["java", "-cp", f"{classes}:{jars}", "Client"]


CLIENTS = {
    "java-4.1": lambda: java("4.1.0"),
    "java-3.9": lambda: java("3.9.1"),
    "franz-go": lambda: go("franz-go"),
    "sarama": lambda: go("sarama"),
    "kafkajs": lambda: node("kafkajs"),
    "aiokafka": lambda: python("aiokafka_client.py"),
    "confluent-kafka": lambda: python("confluent.py"),
    "kafka-python": lambda: python("kafka_python.py"),
    "rskafka": lambda: rust("rskafka"),
}


def run_client(name, bootstrap):
    """"passed", "skipped" or "failed"; says why."""
    try:
        command = CLIENTS[name]()
    except Unavailable as why:
        print(f"SKIPPED  {name}: {why}", flush=True)
        return "skipped"
    try:
        run = subprocess.run([*command, bootstrap], stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.STDOUT, timeout=RUN_TIMEOUT_S,
                             env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
        output, status = run.stdout, run.returncode
    except subprocess.TimeoutExpired as late:
        output, status = (late.stdout or b"").decode(), "no end"
    if status == 0:
        print(f"ok       {name}", flush=True)
        return "passed"
    print(f"FAIL     {name}: {status}", flush=True)
    print("".join(f"    | {line}\n" for line in output.splitlines()[-40:]), flush=True)
    return "failed"


def main():
    if "--list" in sys.argv:
        print("\n".join(CLIENTS))
        return
    names = sys.argv[1:] or list(CLIENTS)
    unknown = [name for name in names if name not in CLIENTS]
    if unknown:
        sys.exit(f"no such client: {', '.join(unknown)} (there are {', '.join(CLIENTS)})")
    os.makedirs(OUT, exist_ok=True)
    bootstrap = os.environ.get("CRAFT_BOOTSTRAP")
    if bootstrap is not None:
        finish([run_client(name, bootstrap) for name in names])
        return
    with own_cluster("clients") as cluster:
        ends = [run_client(name, cluster.bootstrap) for name in names]
    finish(ends)


if __name__ == "__main__":
    main()
