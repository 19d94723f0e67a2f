"""Controllers beside those of cluster.sh, with settings of their own, and craft quorum …: for tests
that change the voters."""
import itertools
import os
import shutil
import signal
import subprocess

from lib import BIN, Cluster, is_free, wait_for


def ids(quorum, kind="voters"):
    return [replica["id"] for replica in quorum[kind]]


PORTS = itertools.count(31000 + os.getpid() % 700)


def free_port():
    """One that nobody has and that was not given before."""
    return next(port for port in PORTS if is_free(port))


def lonely(name):
    """A directory and a cluster id, without nodes."""
    cluster = Cluster(name, controllers=1, brokers=0)
    os.makedirs(cluster.dir)
    with open(os.path.join(cluster.dir, "cluster.conf"), "w") as conf:
        conf.write("cluster-id=MTExMTExMTExMTExMTExMQ\n")
    return cluster


class Controller:
    """A controller beside those of cluster.sh, or in the place of one of them."""

    program = "craft-controller"

    def __init__(self, cluster, node_id, name, port=None, **settings):
        self.cluster, self.node_id, self.name = cluster, node_id, name
        self.port = port or free_port()
        self.settings = settings
        self.path = os.path.join(cluster.dir, name)
        self.process = None
        self.write()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def write(self):
        servers = ",".join(self.cluster.address(node) for node in self.cluster.controllers)
        lines = {"process.roles": "controller", "node.id": self.node_id,
                 "listeners": f"CONTROLLER://{self.address}",
                 "controller.listener.names": "CONTROLLER",
                 "controller.quorum.bootstrap.servers": servers, "log.dirs": self.path}
        lines.update({key.replace("_", "."): value for key, value in self.settings.items()})
        with open(self.path + ".properties", "w") as file:
            file.writelines(f"{key}={value}\n" for key, value in lines.items())

    def format(self, *how):
        status, _, err = self.try_format(*how)
        assert status == 0, err

    def try_format(self, *how):
        with open(os.path.join(self.cluster.dir, "cluster.conf")) as conf:
            cluster_id = next(line.split("=", 1)[1].strip() for line in conf
                              if line.startswith("cluster-id="))
        return self.cluster.craft("format", "--config", self.path + ".properties",
                                  "--cluster-id", cluster_id, *how)

    def start(self):
        log = open(self.path + ".log", "a")
        self.process = subprocess.Popen([f"{BIN}/{self.program}", "--config",
                                         self.path + ".properties"], stdout=log, stderr=log)
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
            self.process.wait(30)
            self.process = None

    def wipe(self):
        shutil.rmtree(self.path)


class Quorum:
    """craft quorum …, asked of a cluster's controllers or brokers."""

    def __init__(self, cluster):
        self.cluster = cluster

    def ask(self, *words, by="controller", timeout=20):
        nodes = self.cluster.controllers if by == "controller" else self.cluster.brokers
        up = ",".join(self.cluster.address(node) for node in nodes if node in self.cluster.up)
        option = "--bootstrap-controller" if by == "controller" else "--bootstrap-server"
        return self.cluster.craft("quorum", *words, option, up, "--timeout", str(timeout),
                                  timeout=timeout + 20)

    def must(self, *words, **options):
        status, out, err = self.ask(*words, **options)
        assert status == 0, f"craft quorum {' '.join(words)}: exit {status}: {err}"
        return out

    def refused(self, said, *words, **options):
        status, _, err = self.ask(*words, **options)
        assert status == 1 and said in err, f"craft quorum {' '.join(words)}: {status} {err}"

    def state(self):
        for node in self.cluster.controllers:
            found = self.cluster.quorum(self.cluster.address(node)) \
                if node in self.cluster.up else None
            if found:
                return found
        return None

    def wait(self, voters, what):
        """Waits until these are the voters, and all is well."""
        def so():
            found = self.state()
            return found and ids(found) == sorted(voters) and found["healthy"] and found
        return wait_for(so, 30, f"voters {voters}, all well, after {what}")
