"""As much of gRPC as a measurement of etcd needs: unary calls, one at a time, over one socket.

A request is cheap to make and to read, so that what is measured is the server. Headers are HPACK
literals without Huffman; of the response only the message is read (a failed call has none).
"""
import socket
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
WINDOW_MAX = (1 << 31) - 1
WINDOW_FIRST = 65535


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def bytes_field(number, value):
    """A field of a protobuf message; values of up to 127 bytes."""
    return bytes([number << 3 | 2, len(value)]) + value


def fields(message):
    """The numbers of varint and bytes fields of a protobuf message, with their values."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        if tag & 7 == 2:
            size = varint()
            found[tag >> 3] = message[at : at + size]
            at += size
        elif tag & 7 == 0:
            found[tag >> 3] = varint()
        else:
            raise ValueError(f"wire type {tag & 7}")
    return found


class Grpc:
    def __init__(self, host, port, timeout_s=10):
        self.authority = f"{host}:{port}"
        self.socket = socket.create_connection((host, port), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        grow = struct.pack(">I", WINDOW_MAX - WINDOW_FIRST)
        self.socket.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + frame(SETTINGS, 0, 0)
            + frame(WINDOW_UPDATE, 0, 0, grow)
        )
        self.file = self.socket.makefile("rb")
        self.stream = -1

    def close(self):
        self.file.close()
        self.socket.close()

    def prepare(self, path, message):
        """The bytes of the next call."""
        self.stream += 2
        head = b"".join(
            literal(name, value)
            for name, value in (
                (":method", "POST"),
                (":scheme", "http"),
                (":path", path),
                (":authority", self.authority),
                ("content-type", "application/grpc"),
                ("te", "trailers"),
            )
        )
        body = b"\0" + struct.pack(">I", len(message)) + message
        return frame(HEADERS, END_HEADERS, self.stream, head) + frame(
            DATA, END_STREAM, self.stream, body
        )

    def read(self, size):
        data = self.file.read(size)
        if len(data) < size:
            raise ConnectionError("the server closed the connection")
        return data

    def call(self, prepared):
        self.socket.sendall(prepared)
        data = b""
        while True:
            head = self.read(9)
            size = int.from_bytes(head[:3], "big")
            kind, flags, stream = struct.unpack(">BBI", head[3:])
            payload = self.read(size)
            if kind == SETTINGS and not flags & ACK:
                self.socket.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.socket.sendall(frame(PING, ACK, 0, payload))
            elif kind in (RST_STREAM, GOAWAY):
                raise ConnectionError("the server refused")
            elif stream == self.stream and kind in (DATA, HEADERS):
                data += payload if kind == DATA else b""
                if flags & END_STREAM:
                    if len(data) < 5:
                        raise ConnectionError("the call failed")
                    return data[5:]
