"""What a controller answers that was active, was stopped, and has been replaced meanwhile."""
import socket
import struct

from confluent_kafka.admin import ConfigResource

from lib import admin, case, create_topic, main, unique, wait_for

DESCRIBE_CONFIGS = 32
NOT_CONTROLLER = 41
TOPIC = 2


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def describe_configs_request(topic, key):
    body = struct.pack(">i", 1) + struct.pack(">b", TOPIC) + text(topic)
    body += struct.pack(">i", 1) + text(key)
    frame = struct.pack(">hhi", DESCRIBE_CONFIGS, 0, 7) + text("test") + body
    return struct.pack(">i", len(frame)) + frame


def read_exactly(sock, size):
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, "the connection was closed"
        data += piece
    return data


class Cursor:
    def __init__(self, data):
        self.data = data

    def take(self, fmt):
        size = struct.calcsize(">" + fmt)
        piece, self.data = self.data[:size], self.data[size:]
        return struct.unpack(">" + fmt, piece)[0]

    def text(self):
        size = self.take("h")
        return None if size < 0 else self.take(f"{size}s").decode()


def read_value(sock):
    """(error code, value) of the one configuration that was asked for."""
    size = struct.unpack(">i", read_exactly(sock, 4))[0]
    answer = Cursor(read_exactly(sock, size))
    assert answer.take("i") == 7
    answer.take("i")  # throttle
    assert answer.take("i") == 1
    error = answer.take("h")
    answer.text()
    answer.take("b")
    answer.text()
    if answer.take("i") == 0:
        return error, None
    answer.text()
    return error, answer.text()


def connect(cluster, node):
    host, port = cluster.address(node).split(":")
    sock = socket.create_connection((host, int(port)))
    sock.settimeout(20)
    return sock


def set_retention(cluster, topic, value):
    resource = ConfigResource("topic", topic, set_config={"retention.ms": value})
    client = admin(cluster)
    for future in client.alter_configs([resource]).values():
        future.result(20)


@case
def a_controller_that_was_replaced_tells_nothing_old(cluster):
    topic = unique("reads")
    create_topic(cluster, topic, **{"retention.ms": "1111111"})
    old = cluster.active_controller()
    with connect(cluster, old) as sock:
        sock.sendall(describe_configs_request(topic, "retention.ms"))
        assert read_value(sock) == (0, "1111111")
        cluster.pause(old)
        try:
            # It waits in the socket: the first thing that the controller sees when it goes on.
            sock.sendall(describe_configs_request(topic, "retention.ms"))
            wait_for(lambda: cluster.active_controller() not in (None, old), 30, "another leader")
            set_retention(cluster, topic, "2222222")
        finally:
            cluster.resume(old)
        error, value = read_value(sock)
        assert (error, value) in ((NOT_CONTROLLER, None), (0, "2222222")), (error, value)


@case
def a_standby_refers_to_the_active_controller(cluster):
    topic = unique("reads")
    create_topic(cluster, topic, **{"retention.ms": "1111111"})
    active = cluster.active_controller()
    for node in ("controller-1", "controller-2", "controller-3"):
        with connect(cluster, node) as sock:
            sock.sendall(describe_configs_request(topic, "retention.ms"))
            want = (0, "1111111") if node == active else (NOT_CONTROLLER, None)
            assert read_value(sock) == want, node


main(needs_nodes=True)
