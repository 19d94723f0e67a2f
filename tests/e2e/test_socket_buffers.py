"""socket.send.buffer.bytes and socket.receive.buffer.bytes: how much the kernel holds for a client
that asks and asks and never reads."""
import socket

from lib import case, main
from wire import request

BUFFER_BYTES = 16384
SMALL = [f"socket.{way}.buffer.bytes={BUFFER_BYTES}" for way in ("send", "receive")]
QUEUE_BYTES_MAX = 4 * BUFFER_BYTES  # the kernel doubles what it is told, and fills its last page
STALL_S = 1


def ask_until_stuck(client):
    """The node reads no more when its answers find no room."""
    client.settimeout(STALL_S)
    frame = request("ApiVersions", 0)
    try:
        while True:
            client.sendall(frame * 100)
    except TimeoutError:
        pass


def queues(node_port, client_port):
    """Bytes that wait in the node's socket: to be sent, to be read."""
    with open("/proc/net/tcp", encoding="ascii") as sockets:
        for line in sockets:
            _, local, remote, _, waiting = line.split()[:5]
            if local.endswith(f":{node_port:04X}") and remote.endswith(f":{client_port:04X}"):
                return [int(part, 16) for part in waiting.split(":")]
    raise AssertionError("the node has no such connection")


@case
def buffers_are_as_large_as_the_settings_say(cluster):
    for node in cluster.controllers[0], cluster.brokers[0]:
        port = cluster.port(node)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", port))
            ask_until_stuck(client)
            unsent, unread = queues(port, client.getsockname()[1])
        assert 0 < unsent < QUEUE_BYTES_MAX, f"{node} has {unsent} bytes in its send buffer"
        assert 0 < unread < QUEUE_BYTES_MAX, f"{node} has {unread} bytes in its receive buffer"


main(needs_nodes=True, overrides=SMALL)
