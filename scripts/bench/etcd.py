#!/usr/bin/python3
"""Measures the metadata quorum beside etcd on this machine: the same loads in turn, with ratios.

    etcd.py [--runs 5] [--only put,batch,leader] [--bin build/opt/bin] [--json FILE]

Three controllers of craft and three members of etcd are up at the same time, both as they come,
with their logs synced to the same disk. The last column is craft's median in units of etcd's.

  put      1,000 small writes one after the other, on one connection to the leader: a setting of a
           group for craft (one record), a key for etcd
  batch    100,000 such writes in requests of 5,000 (craft) or in transactions of 128, etcd's
           limit, one request after the other: records/s
  leader   kill -9 of the leader under writes: until the next one is committed

etcd is taken from the PATH, else from Debian's package etcd-server, unpacked in build/peers. Where
it cannot be had, this says so and ends with status 77.
"""
import argparse
import glob
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time

from grpc import Grpc, bytes_field, fields
from measure import BENCH_DIR, ROOT, machine, options_of, save, show, wait_for

sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from lib import is_free  # noqa: E402
from wire import Connection, request  # noqa: E402

SKIPPED = 77
CLUSTER_ID = "bWFkZUJ5S2Fma2FDcmFmdA"
PUTS, BATCHED = 1000, 100_000
TRY_S = 0.25
GROUP_RESOURCE = 32
SESSION = {"Name": "consumer.session.timeout.ms", "ConfigOperation": 0, "Value": "45001"}


class Quorum:
    """What is asked of both: a connection to a member, and what a write is."""

    name = ""
    batch_max = 0
    serial = itertools.count()

    def __init__(self, port):
        self.dir = os.path.join(BENCH_DIR, f"quorum-{self.name}")
        self.ports = {f"member-{n}": port + 2 * n for n in (1, 2, 3)}
        self.running = {}

    def fresh(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        for node in self.ports:
            self.start(node)
        self.on_leader()

    def start(self, node):
        with open(os.path.join(self.dir, f"{node}.log"), "a") as log:
            self.running[node] = subprocess.Popen(self.command(node), stdout=log, stderr=log)

    def kill(self, node):
        self.running[node].send_signal(signal.SIGKILL)
        self.running.pop(node).wait()

    def stop(self):
        for node in list(self.running):
            self.kill(node)

    def running_nodes(self):
        return list(self.running)

    def on_leader(self):
        found = []

        def find():
            for node in self.running_nodes():
                if self.leads(node):
                    found.append(node)
                    return True
            return False

        wait_for(find, f"a leader of {self.name}")
        return found[0]

    def puts(self):
        link, took = self.connect(self.on_leader()), []
        for _ in range(PUTS + 50):
            prepared = self.prepare(link, 1)
            began = time.perf_counter()
            self.write(link, prepared)
            took.append((time.perf_counter() - began) * 1e6)
        link.close()
        took = sorted(took[50:])
        return {"p50_us": took[PUTS // 2], "p99_us": took[PUTS * 99 // 100]}

    def batches(self):
        link, seconds = self.connect(self.on_leader()), 0
        requests = -(-BATCHED // self.batch_max)
        for _ in range(requests):
            prepared = self.prepare(link, self.batch_max)
            began = time.perf_counter()
            self.write(link, prepared)
            seconds += time.perf_counter() - began
        link.close()
        return {"records/s": requests * self.batch_max / seconds}

    def kill_leader(self):
        node = self.on_leader()
        link = self.connect(node)
        self.write(link, self.prepare(link, 1))
        self.kill(node)
        began = time.monotonic()
        while not any(self.try_write(n) for n in self.running_nodes() if n != node):
            pass
        took = (time.monotonic() - began) * 1000
        link.close()
        self.start(node)
        time.sleep(3)  # it follows again
        return {"kill_to_next_commit_ms": took}

    def try_write(self, node):
        try:
            link = self.connect(node, TRY_S)
            try:
                self.write(link, self.prepare(link, 1))
            finally:
                link.close()
            return True
        except (OSError, RuntimeError):
            return False


class Controllers(Quorum):
    name = "craft"
    batch_max = 5000

    def __init__(self, bin_dir, port):
        super().__init__(port)
        self.program = os.path.join(ROOT, bin_dir, "craft-controller")

    def command(self, node):
        voters = [f"{3000 + i}@127.0.0.1:{port}" for i, port in enumerate(self.ports.values())]
        properties = {
            "process.roles": "controller",
            "node.id": 3000 + list(self.ports).index(node),
            "listeners": f"CONTROLLER://127.0.0.1:{self.ports[node]}",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.voters": ",".join(voters),
            "log.dirs": os.path.join(self.dir, node),
            "craft.format.cluster.id": CLUSTER_ID,
        }
        path = os.path.join(self.dir, f"{node}.properties")
        with open(path, "w") as f:
            f.writelines(f"{key}={value}\n" for key, value in properties.items())
        return [self.program, "--config", path]

    def connect(self, node, timeout_s=10):
        return Link(self.ports[node], timeout_s)

    def leads(self, node):
        return self.try_write(node)

    def prepare(self, link, count):
        names = [f"bench-{next(self.serial)}" for _ in range(count)]
        resources = [
            {"ResourceType": GROUP_RESOURCE, "ResourceName": name, "Configs": [SESSION]}
            for name in names
        ]
        link.connection.correlation_id += 1
        return request(
            "IncrementalAlterConfigs",
            1,
            link.connection.correlation_id,
            Resources=resources,
            ValidateOnly=False,
        )

    def write(self, link, prepared):
        link.connection.socket.sendall(prepared)
        size = int.from_bytes(link.connection.receive(4), "big")
        link.answer = link.connection.receive(size)
        # Correlation id, tags, throttle time, length of the array, the first error code.
        first = 9 + (1 if link.answer[9] < 0x80 else 2)
        if link.answer[first : first + 2] != b"\0\0":
            raise RuntimeError(f"refused: {link.answer[:80]}")


class Link:
    def __init__(self, port, timeout_s):
        self.connection = Connection("127.0.0.1", port, timeout_s)

    def close(self):
        self.connection.socket.close()


class Etcd(Quorum):
    name = "etcd"
    batch_max = 128

    def __init__(self, program, port):
        super().__init__(port)
        self.program = program

    def command(self, node):
        port = self.ports[node]
        peers = ",".join(f"{n}=http://127.0.0.1:{p + 1}" for n, p in self.ports.items())
        command = [self.program, "--name", node, "--data-dir", os.path.join(self.dir, node)]
        command += ["--initial-cluster", peers, "--initial-cluster-state", "new"]
        for what, at in (("client", port), ("peer", port + 1)):
            advertise = (
                "initial-advertise-peer-urls" if what == "peer" else "advertise-client-urls"
            )
            url = f"http://127.0.0.1:{at}"
            command += [f"--listen-{what}-urls", url, f"--{advertise}", url]
        return command

    def connect(self, node, timeout_s=10):
        return Grpc("127.0.0.1", self.ports[node], timeout_s)

    def leads(self, node):
        try:
            link = self.connect(node, 1)
            answer = link.call(link.prepare("/etcdserverpb.Maintenance/Status", b""))
            link.close()
        except OSError:
            return False
        status = fields(answer)
        return status.get(4, 0) == fields(status[1]).get(2)  # leader, and the member that answers

    def prepare(self, link, count):
        puts = []
        for _ in range(count):
            key = f"bench-{next(self.serial)}".encode()
            puts.append(bytes_field(1, key) + bytes_field(2, SESSION["Value"].encode()))
        if count == 1:
            return link.prepare("/etcdserverpb.KV/Put", puts[0])
        success = (bytes_field(2, put) for put in puts)  # RequestOp.request_put
        return link.prepare("/etcdserverpb.KV/Txn", b"".join(bytes_field(2, op) for op in success))

    def write(self, link, prepared):
        link.call(prepared)


def find_etcd():
    program = shutil.which("etcd")
    if program:
        return program
    where = os.path.join(ROOT, "build", "peers")
    program = os.path.join(where, "etcd", "usr", "bin", "etcd")
    os.makedirs(where, exist_ok=True)
    if not os.path.exists(program):
        fetch = "apt-get download etcd-server && dpkg -x etcd-server_*.deb etcd"
        done = subprocess.run(fetch, shell=True, cwd=where, capture_output=True, text=True)
        if done.returncode or not glob.glob(program):
            print(f"SKIPPED bench-etcd: there is no etcd: {done.stderr.strip()[-300:]}")
            sys.exit(SKIPPED)
    return program


def free_ports():
    """Two bases: three even ports above each, and their neighbours, are free."""
    free = [p for p in range(12000, 30000, 10) if all(is_free(p + n) for n in range(2, 8))]
    return free[:2]


LOADS = {"put": Quorum.puts, "batch": Quorum.batches, "leader": Quorum.kill_leader}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options = options_of(parser, LOADS)
    program, ports, results = find_etcd(), free_ports(), {}
    etcd, craft = Etcd(program, ports[0]), Controllers(options.bin, ports[1])
    print(f"# {machine()}")
    try:
        etcd.fresh()
        craft.fresh()
        for name in options.only.split(","):
            samples = {etcd: [], craft: []}
            for i in range(options.runs):
                for quorum in (etcd, craft) if i % 2 == 0 else (craft, etcd):
                    samples[quorum].append(LOADS[name](quorum))
            show(name, etcd.name, samples[etcd])
            show(name, craft.name, samples[craft], samples[etcd])
            results[name] = {quorum.name: samples[quorum] for quorum in samples}
    finally:
        craft.stop()
        etcd.stop()
    save(options.json, results)


if __name__ == "__main__":
    main()
