#!/usr/bin/python3
"""Wrong settings, wrong clusters and wrong bytes: each is refused with a line that says what is
wrong, and nothing else is harmed."""
import os
import random
import re
import socket
import struct
import subprocess

from lib import BIN, DIR, Cluster, case, main, new_topic, produce_all, read_all, wait_for

SEED = int(os.environ.get("SEED", "20261121"))
GARBAGE_CONNECTIONS = 60
IDLE_CONNECTIONS = 200
OTHER_CLUSTER = "MDAwMDAwMDAwMDAwMDAwMA"


def small(name, **options):
    return Cluster(name, controllers=1, brokers=1, **options)


def formatted(path, cluster_id):
    """Formats the storage of a settings file: (exit status, output)."""
    run = subprocess.run([BIN + "/craft", "format", "--config", path, "--cluster-id", cluster_id],
                         capture_output=True, text=True, timeout=20)
    return run.returncode, run.stdout + run.stderr


# ---- settings ----
def broker_settings(name, **changes):
    """A file of settings for a broker of a quorum that does not exist; its path. None removes."""
    folder = os.path.join(DIR, name)
    os.makedirs(folder, exist_ok=True)
    settings = {"process.roles": "broker", "node.id": "1",
                "controller.quorum.voters": "3001@127.0.0.1:1",
                "controller.listener.names": "CONTROLLER",
                "listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": folder + "/data"}
    settings.update({key.replace("_", "."): value for key, value in changes.items()})
    path = folder + "/broker.properties"
    with open(path, "w") as file:
        for key, value in settings.items():
            if value is not None:
                file.write(f"{key}={value}\n")
    return path


def refused(path, *more):
    """Starts a broker that must end by itself, with an error; what it said."""
    run = subprocess.run([BIN + "/craft-broker", "--config", path, *more], capture_output=True,
                         text=True, timeout=20, stdin=subprocess.DEVNULL)
    said = run.stdout + run.stderr
    assert run.returncode > 0, f"exit {run.returncode}: {said}"
    assert "Sanitizer" not in said and "BUG" not in said, said
    return said


@case
def wrong_values_name_file_line_and_setting():
    for name, value in (("broker.session.timeout.ms", "soon"), ("num.partitions", "0"),
                        ("log.segment.bytes", "-1"), ("node.id", "one"),
                        ("log.retention.ms", "99999999999999999999"),
                        ("compression.type", "rar"), ("process.roles", "zookeeper"),
                        ("auto.create.topics.enable", "perhaps"),
                        ("listeners", "PLAINTEXT:/127.0.0.1"), ("listeners", "PLAINTEXT://:99999"),
                        ("controller.quorum.voters", "3001-127.0.0.1:1")):
        path = broker_settings("wrong", **{name: value})
        said = refused(path)
        with open(path) as file:
            line = [text.split("=")[0] for text in file].index(name) + 1
        assert name in said, f"{name} is not named: {said}"
        assert re.search(rf"{re.escape(path)}:{line}\b", said), f"{path}:{line} is not in: {said}"
        assert value in said, f"{value} is not in: {said}"


@case
def wrong_overrides_name_the_setting():
    said = refused(broker_settings("override"), "--override", "num.partitions=many")
    assert "num.partitions" in said and "many" in said, said


@case
def missing_settings_are_named():
    formatted(broker_settings("missing"), OTHER_CLUSTER)
    for name in ("node.id", "controller.quorum.voters"):
        said = refused(broker_settings("missing", **{name: None}))
        assert name in said, f"{name} is not named: {said}"


@case
def missing_files_and_unknown_options():
    assert "/nonexistent.properties" in refused("/nonexistent.properties")
    for words in ([], ["--config"], ["--no-such-option"], ["extra"]):
        for program in ("craft-broker", "craft-controller"):
            run = subprocess.run([f"{BIN}/{program}", *words], capture_output=True, text=True,
                                 timeout=20)
            assert run.returncode > 0 and run.stderr, (program, words)


@case
def a_controller_refuses_a_brokers_file():
    run = subprocess.run([BIN + "/craft-controller", "--config", broker_settings("role")],
                         capture_output=True, text=True, timeout=20)
    assert run.returncode > 0
    assert "process.roles" in run.stderr, run.stderr


@case
def the_tool_refuses_nonsense():
    for words in ([], ["no-such-noun"], ["topic", "no-such-verb"], ["format"],
                  ["broker", "list"], ["broker", "list", "--bootstrap-server", "nonsense"]):
        run = subprocess.run([BIN + "/craft", *words], capture_output=True, text=True, timeout=20)
        assert run.returncode > 0 and run.stderr, words


@case
def unknown_settings_are_warned_about():
    cluster = small("unknown", overrides=["no.such.setting=1"])
    cluster.start()
    for node in cluster.nodes:
        assert "no.such.setting" in cluster.log_text(node), node
    cluster.stop()


# ---- storage and clusters ----
@case
def unformatted_storage_is_refused():
    said = refused(broker_settings("unformatted"))
    assert "craft format" in said, said


@case
def format_twice_and_with_another_id():
    path = broker_settings("format")
    mine = "MTExMTExMTExMTExMTExMQ"
    for bad in ("short", "", "!" * 22, mine + "A"):
        assert formatted(path, bad)[0] > 0, bad
    assert formatted(path, mine)[0] == 0
    assert formatted(path, mine)[0] == 0, "the same id again is fine"
    status, said = formatted(path, OTHER_CLUSTER)
    assert status > 0
    assert mine in said and OTHER_CLUSTER in said, f"both ids are told: {said}"


@case
def a_broker_of_another_cluster_stays_out():
    cluster = small("ours")
    cluster.start()
    with open(os.path.join(cluster.dir, "broker-1.properties")) as file:
        ours = dict(line.strip().split("=", 1) for line in file)
    stranger = {**ours, "node.id": "7", "listeners": "PLAINTEXT://127.0.0.1:0",
                "advertised.listeners": None,
                "log.dirs": os.path.join(DIR, "stranger/data")}
    path = broker_settings("stranger", **stranger)
    status, said = formatted(path, OTHER_CLUSTER)
    assert status == 0, said
    log = os.path.join(DIR, "stranger/stranger.log")
    with open(log, "wb") as out:
        broker = subprocess.Popen([BIN + "/craft-broker", "--config", path], stdout=out,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        def told():
            with open(log, errors="replace") as file:
                return re.search(r"INCONSISTENT_CLUSTER_ID|cluster.?id", file.read(), re.I)
        wait_for(told, 30, f"{log} tells of the cluster id")
        assert cluster.unfenced() == {1}, "the stranger is not a member"
    finally:
        broker.kill()
        broker.wait()
    cluster.stop()


@case
def a_directory_has_one_owner():
    cluster = small("owner")
    cluster.start()
    run = subprocess.run([BIN + "/craft-broker", "--config", cluster.dir + "/broker-1.properties",
                          "--override", "listeners=PLAINTEXT://127.0.0.1:0"],
                         capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL)
    said = run.stdout + run.stderr
    assert run.returncode > 0 and "lock" in said.lower(), said
    cluster.stop()


@case
def a_taken_port_is_named():
    cluster = small("taken")
    cluster.start()
    cluster.stop("broker-1")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", cluster.port("broker-1")))
        taken.listen()
        said = refused(cluster.dir + "/broker-1.properties")
    assert str(cluster.port("broker-1")) in said and "in use" in said, said
    cluster.stop()


# ---- bytes ----
def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def request(key, version, body=b"", client=b"test"):
    return frame(struct.pack(">hhih", key, version, 1, len(client)) + client + body)


def answer(connection):
    """What comes until the peer closes, or for 10 s; None when it stays open that long."""
    connection.settimeout(10)
    data = b""
    try:
        while True:
            more = connection.recv(65536)
            if not more:
                return data
            data += more
    except ConnectionResetError:
        return data
    except TimeoutError:
        return None


CLOSED_AT_ONCE = {
    "an HTTP request": b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n",
    "a TLS hello": bytes.fromhex("16030100c8010000c40303") + bytes(193),
    "a length of 2 GiB": struct.pack(">i", 2**31 - 1),
    "a negative length": struct.pack(">i", -1),
    "a length of zero": struct.pack(">i", 0) + bytes(4),
    "an unknown key": request(9999, 0),
    "a negative key": request(-1, 0),
    "a header cut short": frame(b"\x00\x03"),
    "a client id longer than the frame": frame(struct.pack(">hhih", 3, 1, 1, 500)),
    "a body cut short": request(3, 1, b"\x00\x00"),
    "an array of 2 billion": request(3, 1, struct.pack(">i", 2**31 - 1)),
}


@case
def garbage_closes_one_connection_with_a_line_in_the_log():
    cluster = small("garbage")
    cluster.start()
    topic = new_topic(cluster, "bystander", replicas=1)
    produce_all(cluster, topic, [{"value": b"before"}])
    for node in cluster.nodes:
        bystander = socket.create_connection(("127.0.0.1", cluster.port(node)), 10)
        for what, data in CLOSED_AT_ONCE.items():
            lines = cluster.log_text(node).count("\n")
            with socket.create_connection(("127.0.0.1", cluster.port(node)), 10) as connection:
                connection.sendall(data)
                assert answer(connection) is not None, f"{node} keeps a connection open: {what}"
            wait_for(lambda: cluster.log_text(node).count("\n") > lines, 5,
                     f"a line in {cluster.log(node)} about {what}")
        bystander.sendall(request(18, 0))
        bystander.settimeout(10)
        assert bystander.recv(4), f"{node} serves the others on"
        bystander.close()
    produce_all(cluster, topic, [{"value": b"after"}])
    assert [m.value() for m in read_all(cluster, topic)[0]] == [b"before", b"after"]
    cluster.check()
    cluster.stop()


@case
def metadata_as_the_newest_librdkafka_asks_for_all_topics():
    """Its null array of topics is followed by four bytes too many (confluentinc/librdkafka#5049);
    Kafka does not look at what is behind a request."""
    cluster = small("behind")
    cluster.start()
    new_topic(cluster, "seen", replicas=1)
    header = struct.pack(">hhih", 3, 13, 7, 4) + b"test" + b"\0"
    with socket.create_connection(("127.0.0.1", cluster.port("broker-1")), 10) as connection:
        for _ in range(2):
            connection.sendall(frame(header + bytes.fromhex("0000000000010000")))
            connection.settimeout(10)
            size, = struct.unpack(">i", connection.recv(4, socket.MSG_WAITALL))
            body = connection.recv(size, socket.MSG_WAITALL)
            assert body[:4] == struct.pack(">i", 7) and b"seen" in body, body
    cluster.check()
    cluster.stop()


@case
def unsupported_versions_are_answered():
    cluster = small("versions")
    cluster.start()
    for node in cluster.nodes:
        with socket.create_connection(("127.0.0.1", cluster.port(node)), 10) as connection:
            connection.sendall(request(18, 127, b"\x00\x05test\x021\x00"))
            connection.settimeout(10)
            start = connection.recv(10, socket.MSG_WAITALL)
            length, correlation, error = struct.unpack(">iih", start)
            assert (correlation, error) == (1, 35), "ApiVersions answers in version 0"
            assert length > 6, "with the versions that it knows"
    cluster.stop()


@case
def random_bytes_and_cut_connections():
    print(f"    SEED={SEED}", flush=True)
    rng = random.Random(SEED)
    cluster = small("random")
    cluster.start()
    topic = new_topic(cluster, "bystander", replicas=1)
    for node in cluster.nodes:
        for _ in range(GARBAGE_CONNECTIONS):
            key, version = rng.randrange(-1, 90), rng.randrange(-1, 18)
            data = request(key, version, rng.randbytes(rng.randrange(0, 400)))
            if rng.random() < 0.3:
                data = rng.randbytes(rng.randrange(1, 400))
            with socket.create_connection(("127.0.0.1", cluster.port(node)), 10) as connection:
                try:
                    connection.sendall(data[:rng.randrange(1, len(data) + 1)])
                except OSError:
                    continue
    cluster.check()
    produce_all(cluster, topic, [{"value": b"after"}])
    assert len(read_all(cluster, topic)[0]) == 1
    cluster.stop()


@case
def idle_connections_harm_nobody():
    cluster = small("idle")
    cluster.start()
    topic = new_topic(cluster, "bystander", replicas=1)
    idle = [socket.create_connection(("127.0.0.1", cluster.port("broker-1")), 10)
            for _ in range(IDLE_CONNECTIONS)]
    for connection in idle[::2]:
        connection.sendall(b"\x00\x00\x01")  # the beginning of a frame, and no more
    produce_all(cluster, topic, [{"value": b"v"}])
    assert len(read_all(cluster, topic)[0]) == 1
    for connection in idle:
        connection.close()
    cluster.check()
    cluster.stop()


main(own_clusters=True)
