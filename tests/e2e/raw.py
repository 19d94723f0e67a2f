"""Admin requests that Debian's clients do not have, spoken by hand: an encoder that is not ours.

    with Raw(cluster.address("broker-1")) as raw:
        raw.alter_reassignments({("topic", 0): [2, 3, 4], ("topic", 1): None})
        raw.list_reassignments()

Every request is of a flexible version (KIP-482). Bodies are dictionaries in the protocol's names;
FORMS says how they are written. Errors come back as they are, for the test to look at.
"""
import socket
import struct
import uuid


def array(**fields):
    return ("array", fields)


PARTITIONS = array(index="int32")

# API: (key, version, request, response). Only what the tests need.
FORMS = {
    "CreateTopics": (19, 7, {
        "topics": array(name="string", num_partitions="int32", replication_factor="int16",
                        assignments=array(partition_index="int32", broker_ids="[int32]"),
                        configs=array(name="string", value="nullable string")),
        "timeout_ms": "int32", "validate_only": "bool",
    }, {
        "throttle_time_ms": "int32",
        "topics": array(name="string", topic_id="uuid", error_code="int16",
                        error_message="nullable string", num_partitions="int32",
                        replication_factor="int16",
                        configs=array(name="string", value="nullable string", read_only="bool",
                                      config_source="int8", is_sensitive="bool")),
    }),
    "DeleteTopics": (20, 6, {
        "topics": array(name="nullable string", topic_id="uuid"), "timeout_ms": "int32",
    }, {
        "throttle_time_ms": "int32",
        "responses": array(name="nullable string", topic_id="uuid", error_code="int16",
                           error_message="nullable string"),
    }),
    "DescribeConfigs": (32, 4, {
        "resources": array(resource_type="int8", resource_name="string",
                           configuration_keys="[string]"),
        "include_synonyms": "bool", "include_documentation": "bool",
    }, {
        "throttle_time_ms": "int32",
        "results": array(
            error_code="int16", error_message="nullable string", resource_type="int8",
            resource_name="string",
            configs=array(name="string", value="nullable string", read_only="bool",
                          config_source="int8", is_sensitive="bool",
                          synonyms=array(name="string", value="nullable string", source="int8"),
                          config_type="int8", documentation="nullable string")),
    }),
    "AlterConfigs": (33, 2, {
        "resources": array(resource_type="int8", resource_name="string",
                           configs=array(name="string", value="nullable string")),
        "validate_only": "bool",
    }, {
        "throttle_time_ms": "int32",
        "responses": array(error_code="int16", error_message="nullable string",
                           resource_type="int8", resource_name="string"),
    }),
    "CreatePartitions": (37, 3, {
        "topics": array(name="string", count="int32", assignments=array(broker_ids="[int32]")),
        "timeout_ms": "int32", "validate_only": "bool",
    }, {
        "throttle_time_ms": "int32",
        "results": array(name="string", error_code="int16", error_message="nullable string"),
    }),
    "ElectLeaders": (43, 2, {
        "election_type": "int8",
        "topic_partitions": array(topic="string", partitions="[int32]"),
        "timeout_ms": "int32",
    }, {
        "throttle_time_ms": "int32", "error_code": "int16",
        "results": array(topic="string",
                         partitions=array(index="int32", error_code="int16",
                                          error_message="nullable string")),
    }),
    "IncrementalAlterConfigs": (44, 1, {
        "resources": array(resource_type="int8", resource_name="string",
                           configs=array(name="string", config_operation="int8",
                                         value="nullable string")),
        "validate_only": "bool",
    }, {
        "throttle_time_ms": "int32",
        "responses": array(error_code="int16", error_message="nullable string",
                           resource_type="int8", resource_name="string"),
    }),
    "AlterPartitionReassignments": (45, 1, {
        "timeout_ms": "int32", "allow_replication_factor_change": "bool",
        "topics": array(name="string", partitions=array(index="int32", replicas="[int32]")),
    }, {
        "throttle_time_ms": "int32", "allow_replication_factor_change": "bool",
        "error_code": "int16", "error_message": "nullable string",
        "responses": array(name="string",
                           partitions=array(index="int32", error_code="int16",
                                            error_message="nullable string")),
    }),
    "ListPartitionReassignments": (46, 0, {
        "timeout_ms": "int32",
        "topics": array(name="string", partition_indexes="[int32]"),
    }, {
        "throttle_time_ms": "int32", "error_code": "int16", "error_message": "nullable string",
        "topics": array(name="string",
                        partitions=array(index="int32", replicas="[int32]",
                                         adding_replicas="[int32]",
                                         removing_replicas="[int32]")),
    }),
    "UnregisterBroker": (64, 0, {
        "broker_id": "int32",
    }, {
        "throttle_time_ms": "int32", "error_code": "int16", "error_message": "nullable string",
    }),
}

NUMBERS = {"bool": "?", "int8": "b", "int16": "h", "int32": "i", "int64": "q"}


def put_uvarint(out, value):
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)


def put_length(out, items):
    """Compact: one more than the length, 0 for null."""
    put_uvarint(out, 0 if items is None else len(items) + 1)
    return items or ()


def put(out, form, value):
    if isinstance(form, str) and form in NUMBERS:
        out += struct.pack(">" + NUMBERS[form], value)
    elif form == "uuid":
        out += (value or uuid.UUID(int=0)).bytes
    elif form in ("string", "nullable string"):
        text = None if value is None else value.encode()
        out += bytes(put_length(out, text))
    elif isinstance(form, str):  # "[int32]"
        for item in put_length(out, value):
            put(out, form[1:-1], item)
    else:
        for item in put_length(out, value):
            put_fields(out, form[1], item)


def put_fields(out, fields, values):
    for name, form in fields.items():
        put(out, form, values[name])
    put_uvarint(out, 0)  # no tagged fields


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        assert self.at + count <= len(self.data), "the answer is too short"
        self.at += count
        return self.data[self.at - count:self.at]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value

    def tags(self):
        for _ in range(self.uvarint()):
            self.uvarint()
            self.take(self.uvarint())

    def get(self, form):
        if isinstance(form, str) and form in NUMBERS:
            size = struct.calcsize(">" + NUMBERS[form])
            return struct.unpack(">" + NUMBERS[form], self.take(size))[0]
        if form == "uuid":
            return uuid.UUID(bytes=self.take(16))
        length = self.uvarint() - 1
        if length < 0:
            return None
        if form in ("string", "nullable string"):
            return self.take(length).decode()
        if isinstance(form, str):
            return [self.get(form[1:-1]) for _ in range(length)]
        return [self.fields(form[1]) for _ in range(length)]

    def fields(self, fields):
        values = {name: self.get(form) for name, form in fields.items()}
        self.tags()
        return values


TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)
PREFERRED, UNCLEAN = range(2)


class Raw:
    """One connection to one node."""

    def __init__(self, address, timeout_s=30):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.correlation_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def receive(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            assert part, "the connection was closed"
            data += part
        return data

    def ask(self, api, **body):
        key, version, request, response = FORMS[api]
        self.correlation_id += 1
        out = bytearray(struct.pack(">hhih", key, version, self.correlation_id, 3) + b"raw\0")
        put_fields(out, request, body)
        self.socket.sendall(struct.pack(">i", len(out)) + out)
        reader = Reader(self.receive(struct.unpack(">i", self.receive(4))[0]))
        assert reader.get("int32") == self.correlation_id
        reader.tags()
        answer = reader.fields(response)
        assert reader.at == len(reader.data), "bytes left behind the answer"
        return answer

    # ---- what tests ask often ----

    def alter_reassignments(self, targets, allow_factor_change=True):
        """{(topic, partition): replicas or None}; the error code of each."""
        topics = {}
        for (topic, index), replicas in targets.items():
            topics.setdefault(topic, []).append({"index": index, "replicas": replicas})
        answer = self.ask("AlterPartitionReassignments", timeout_ms=10000,
                          allow_replication_factor_change=allow_factor_change,
                          topics=[{"name": t, "partitions": p} for t, p in topics.items()])
        assert answer["error_code"] == 0, answer
        return {(t["name"], p["index"]): p["error_code"]
                for t in answer["responses"] for p in t["partitions"]}

    def list_reassignments(self, topics=None):
        """{(topic, partition): {"replicas", "adding_replicas", "removing_replicas"}}"""
        answer = self.ask("ListPartitionReassignments", timeout_ms=10000, topics=topics)
        assert answer["error_code"] == 0, answer
        return {(t["name"], p["index"]): p for t in answer["topics"] for p in t["partitions"]}

    def elect_leaders(self, kind, partitions):
        """[(topic, partition)], or None for all; the error code of each that is told."""
        wanted = None if partitions is None else [
            {"topic": topic, "partitions": [index]} for topic, index in partitions]
        answer = self.ask("ElectLeaders", election_type=kind, topic_partitions=wanted,
                          timeout_ms=10000)
        assert answer["error_code"] == 0, answer
        return {(t["topic"], p["index"]): p["error_code"]
                for t in answer["results"] for p in t["partitions"]}

    def alter_configs(self, resource_type, name, operations, validate_only=False):
        """[(name, operation, value)] of one resource; (error code, message)."""
        configs = [{"name": n, "config_operation": op, "value": v} for n, op, v in operations]
        answer = self.ask("IncrementalAlterConfigs", validate_only=validate_only, resources=[
            {"resource_type": resource_type, "resource_name": name, "configs": configs}])
        result = answer["responses"][0]
        assert (result["resource_type"], result["resource_name"]) == (resource_type, name)
        return result["error_code"], result["error_message"]

    def set_config(self, resource_type, name, key, value):
        """Sets one value, or unsets it (None); it must be accepted."""
        operation = DELETE if value is None else SET
        error, message = self.alter_configs(resource_type, name, [(key, operation, value)])
        assert error == 0, f"{key}={value}: {error} {message}"

    def describe_configs(self, resource_type, name, keys=None):
        """({name: entry}, error code) of one resource."""
        answer = self.ask("DescribeConfigs", include_synonyms=True, include_documentation=True,
                          resources=[{"resource_type": resource_type, "resource_name": name,
                                      "configuration_keys": keys}])
        result = answer["results"][0]
        return {entry["name"]: entry for entry in result["configs"]}, result["error_code"]

    def create_topic(self, name, partitions=1, replicas=3, timeout_ms=20000, **configs):
        """Creates a topic; dots are '_' in config. The error code."""
        return self.create_topics([name], partitions, replicas, timeout_ms, **configs)[name]

    def create_topics(self, names, partitions=1, replicas=3, timeout_ms=20000, **configs):
        configs = [{"name": k.replace("_", "."), "value": str(v)} for k, v in configs.items()]
        answer = self.ask("CreateTopics", timeout_ms=timeout_ms, validate_only=False, topics=[
            {"name": name, "num_partitions": partitions, "replication_factor": replicas,
             "assignments": [], "configs": configs} for name in names])
        return {topic["name"]: topic["error_code"] for topic in answer["topics"]}
