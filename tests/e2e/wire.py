"""Any request of the protocol, for tests of what no packaged client can ask.

    node = Connection("127.0.0.1", 9092)
    answer = node.call("DeleteGroups", 2, GroupsNames=["g"])
    answer["Results"][0]["ErrorCode"]

Structures are dictionaries with the names of wire/schema; a field that is left out has the
schema's default. Uuids are 16 bytes. Encoder and decoder know nothing of the C ones but the
schemas, so that they disagree where one of them is wrong.
"""
import glob
import os
import socket
import struct
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "wire"))
import generate  # noqa: E402

NUMBERS = {"bool": ">?", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i",
           "int64": ">q", "float64": ">d"}
SCHEMA = generate.Schema(sorted(glob.glob(os.path.join(ROOT, "wire/schema/*.msg"))))
APIS = {api.name: api for api in SCHEMA.apis}


def has(versions, version):
    return versions is not None and versions[0] <= version <= versions[1]


# ---- encoding ----
def uvarint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7f | 0x80])
        number >>= 7
    return out + bytes([number])


def length(field, version, size, short):
    """In front of a string (short), bytes or an array; None for null."""
    if version >= field.message.flexible and not field.inflexible:
        return uvarint(0 if size is None else size + 1)
    return struct.pack(">h" if short else ">i", -1 if size is None else size)


def default_of(field):
    if field.default == "null":
        return None
    if field.array:
        return []
    if field.kind == "struct":
        return {}
    if field.kind == "string":
        return field.default or ""
    if field.kind in ("bytes", "records"):
        return b""
    if field.kind == "uuid":
        return bytes(16)
    if field.kind == "bool":
        return field.default == "true"
    return float(field.default or 0) if field.kind == "float64" else int(field.default or "0", 0)


def encode_value(field, version, value):
    if field.kind == "struct":
        return encode_struct(field, version, value)
    if field.kind in NUMBERS:
        return struct.pack(NUMBERS[field.kind], value)
    if field.kind == "uuid":
        return value
    data = value.encode() if isinstance(value, str) else value
    size = None if data is None else len(data)
    return length(field, version, size, field.kind == "string") + (data or b"")


def encode_field(field, version, value):
    if field.array:
        head = length(field, version, None if value is None else len(value), False)
        return head + b"".join(encode_value(field, version, item) for item in value or [])
    if field.is_pointer and has(field.nullable, version):
        tagged = has(field.tagged, version)
        if value is None:
            return b"\0" if tagged else b"\xff"
        return b"\1" + encode_value(field, version, value)
    return encode_value(field, version, value)


def encode_struct(structure, version, values):
    known = {field.name for field in structure.fields}
    assert set(values) <= known, f"{structure.path}: no {set(values) - known}"
    out, tags = b"", []
    for field in structure.fields:
        value = values.get(field.name, default_of(field))
        if not has(field.versions, version):
            continue
        if has(field.tagged, version):
            if field.name in values:
                data = encode_field(field, version, value)
                tags.append(uvarint(field.tag) + uvarint(len(data)) + data)
        else:
            out += encode_field(field, version, value)
    if version >= structure.message.flexible:
        out += uvarint(len(tags)) + b"".join(tags)
    return out


# ---- decoding ----
class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        assert 0 <= size <= len(self.data) - self.at, "the bytes end too early"
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                return value
            shift += 7

    def length(self, field, version, short):
        if version >= field.message.flexible and not field.inflexible:
            return self.uvarint() - 1
        return self.number(">h" if short else ">i")


def decode_value(reader, field, version):
    if field.kind == "struct":
        return decode_struct(reader, field, version)
    if field.kind in NUMBERS:
        return reader.number(NUMBERS[field.kind])
    if field.kind == "uuid":
        return reader.take(16)
    size = reader.length(field, version, field.kind == "string")
    if size < 0:
        return None
    data = reader.take(size)
    return str(data, "utf-8") if field.kind == "string" else data


def decode_field(reader, field, version):
    if field.array:
        count = reader.length(field, version, False)
        return None if count < 0 else [decode_value(reader, field, version) for _ in range(count)]
    if field.is_pointer and has(field.nullable, version):
        tagged = has(field.tagged, version)
        if reader.uvarint() == 0 if tagged else reader.number(">b") < 0:
            return None
    return decode_value(reader, field, version)


def decode_struct(reader, structure, version):
    values = {}
    for field in structure.fields:
        values[field.name] = default_of(field)
        if has(field.versions, version) and not has(field.tagged, version):
            values[field.name] = decode_field(reader, field, version)
    if version >= structure.message.flexible:
        for _ in range(reader.uvarint()):
            tag = reader.uvarint()
            inner = Reader(reader.take(reader.uvarint()))
            for field in structure.fields:
                if has(field.tagged, version) and field.tag == tag:
                    values[field.name] = decode_field(inner, field, version)
    return values


# ---- requests ----
def request(api, version, correlation_id=1, client_id="test", **fields):
    """A whole frame."""
    flexible = version >= APIS[api].request.flexible
    client = client_id.encode()
    head = struct.pack(">hhih", APIS[api].key, version, correlation_id, len(client)) + client
    head += b"\0" if flexible else b""
    body = encode_struct(APIS[api].request, version, fields)
    return struct.pack(">i", len(head) + len(body)) + head + body


class Connection:
    def __init__(self, host, port, timeout_s=30):
        self.socket = socket.create_connection((host, port), timeout_s)
        self.correlation_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, api, version, **fields):
        self.correlation_id += 1
        self.socket.sendall(request(api, version, self.correlation_id, **fields))
        return self.correlation_id

    def receive(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise ConnectionError("the node closed the connection")
            data += more
        return data

    def answer(self, api, version):
        reader = Reader(self.receive(struct.unpack(">i", self.receive(4))[0]))
        correlation_id = reader.number(">i")
        assert correlation_id == self.correlation_id, "another request's answer"
        response = APIS[api].response
        if version >= response.flexible and api != "ApiVersions":
            assert reader.uvarint() == 0, "tags in the header"
        values = decode_struct(reader, response, version)
        assert reader.at == len(reader.data), "the bytes end too late"
        return values

    def call(self, api, version, **fields):
        self.send(api, version, **fields)
        return self.answer(api, version)
