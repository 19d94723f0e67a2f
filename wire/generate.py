#!/usr/bin/python3
"""Turns wire/schema/*.msg into C: generate.py --out DIR FILE….

The form of the schemas is described in wire/schema/README.md. DIR/messages.h gets a structure per
message and nested structure, DIR/messages.c the tables that decode.c and encode.c walk.
"""
import argparse
import os
import re
import sys

OPEN = 127  # the last version of an open range, as in struct wire_range
# Schema type: C type, enum wire_type, least bytes in an inflexible and in a flexible version.
TYPES = {
    "bool": ("bool", "WIRE_BOOL", 1, 1),
    "int8": ("int8_t", "WIRE_INT8", 1, 1),
    "int16": ("int16_t", "WIRE_INT16", 2, 2),
    "uint16": ("uint16_t", "WIRE_UINT16", 2, 2),
    "int32": ("int32_t", "WIRE_INT32", 4, 4),
    "int64": ("int64_t", "WIRE_INT64", 8, 8),
    "float64": ("double", "WIRE_FLOAT64", 8, 8),
    "uuid": ("struct uuid", "WIRE_UUID", 16, 16),
    "string": ("struct slice", "WIRE_STRING", 2, 1),
    "bytes": ("struct slice", "WIRE_BYTES", 4, 1),
    "records": ("struct slice", "WIRE_RECORDS", 4, 1),
    "struct": (None, "WIRE_STRUCT", None, None),
}
KEYWORDS = set("""auto break bool case char const continue default do double else enum extern false
float for goto if inline int long register restrict return short signed sizeof static struct switch
true typedef union unsigned void volatile while""".split())


class SchemaError(Exception):
    pass


def snake(name):
    """TopicId: topic_id, ISR: isr, KRaftVersion: kraft_version."""
    name = name.replace("KRaft", "Kraft")
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def parse_range(text):
    match = re.fullmatch(r"(\d+)(\+|-\d+)?", text)
    if not match:
        raise SchemaError(f"{text}: not a range of versions")
    first, rest = int(match[1]), match[2]
    last = first if rest is None else OPEN if rest == "+" else int(rest[1:])
    if last < first or last > OPEN:
        raise SchemaError(f"{text}: an empty range of versions")
    return first, last


def is_range(text):
    return re.fullmatch(r"\d+(\+|-\d+)?", text) is not None


def both(a, b):
    """What two ranges share, or None."""
    first, last = max(a[0], b[0]), min(a[1], b[1])
    return (first, last) if first <= last else None


class Field:
    """A line of a schema: a field, or (kind "struct") the structure below it."""

    def __init__(self, words, parent):
        self.name, self.kind = words[0], words[1]
        self.array = self.kind.startswith("[]")
        self.kind = self.kind[2:] if self.array else self.kind
        if self.kind not in TYPES:
            raise SchemaError(f"{self.kind}: unknown type")
        self.parent = parent
        self.fields = []
        self.versions = parent.versions
        self.nullable = self.tagged = self.tag = self.default = None
        self.ignorable = self.inflexible = self.secret = False
        self.options(words[2:])

    def options(self, words):
        def own_range():
            return parse_range(words.pop(0)) if words and is_range(words[0]) else self.versions
        self.versions = both(own_range(), self.parent.versions)
        if self.versions is None:
            raise SchemaError(f"{self.name}: in no version of {self.parent.name}")
        while words:
            word = words.pop(0)
            if word == "nullable":
                self.nullable = both(own_range(), self.versions)
            elif word == "tag":
                self.tag = int(words.pop(0))
                self.tagged = own_range()
            elif word == "default":
                self.default = words.pop(0)
            elif word in ("ignorable", "inflexible", "secret"):
                setattr(self, word, True)
            else:
                raise SchemaError(f"{word}: unknown option")
        if self.default == "null" and self.nullable is None:
            raise SchemaError(f"{self.name}: null but not nullable")

    @property
    def message(self):
        return self.parent.message

    @property
    def c_name(self):
        name = snake(self.name)
        return name + "_" if name in KEYWORDS else name

    @property
    def path(self):
        """The name of a nested structure without its wire_."""
        return f"{self.parent.path}_{snake(self.name)}"

    @property
    def is_pointer(self):
        """A structure that may be null."""
        return self.kind == "struct" and not self.array and self.nullable is not None

    def element_min(self, version):
        """Least encoded bytes of one value (of one element of an array)."""
        flexible = version >= self.message.flexible and not self.inflexible
        if self.kind == "struct":
            return struct_min(self, version)
        return TYPES[self.kind][3 if flexible else 2]

    def field_min(self, version):
        if self.tagged and self.tagged[0] <= version <= self.tagged[1]:
            return 0
        if self.array:
            return 1 if version >= self.message.flexible else 4
        return 1 if self.is_pointer else self.element_min(version)


def struct_min(struct, version):
    total = 1 if version >= struct.message.flexible else 0  # the count of tagged fields
    for field in struct.fields:
        if field.versions[0] <= version <= field.versions[1]:
            total += field.field_min(version)
    return total


def least(struct):
    """Least encoded bytes of a structure over all versions that have it."""
    last = min(struct.versions[1], struct.message.versions[1])
    return min(struct_min(struct, v) for v in range(struct.versions[0], last + 1))


class Message:
    def __init__(self, name, words, api=None):
        self.name, self.api = name, api
        self.type = None
        if len(words) > 2 and words[-2] == "type":
            self.type = int(words[-1])
            words = words[:-2]
        self.versions = parse_range(words[0])
        self.flexible = OPEN
        if len(words) == 3 and words[1] == "flexible":
            self.flexible = parse_range(words[2])[0]
        elif len(words) != 1:
            raise SchemaError("expected: versions [flexible N+] [type N]")
        self.fields = []
        self.path = snake(name)

    @property
    def message(self):
        return self


class Api:
    def __init__(self, key, name):
        self.key, self.name = key, name
        self.request = self.response = None


class Records:
    """The records of a topic: rows (type, name, key, value). A value follows its key, whose
    versions are the types that it is for; records without keys say their type."""

    def __init__(self, name):
        self.name, self.rows, self.keys = name, [], {}

    def add(self, message):
        if message.name.endswith("Key"):
            self.keys[message.name[:-len("Key")]] = message
        elif message.type is not None:
            name = snake(message.name).upper()
            self.rows.append((message.type, name, None, message))
        else:
            name = message.name[:-len("Value")]
            if name not in self.keys:
                raise SchemaError(f"{message.name}: neither a type nor a key before it")
            key = self.keys[name]
            self.rows += [(number, snake(name).upper(), key, message)
                          for number in range(key.versions[0], key.versions[1] + 1)]


class Schema:
    def __init__(self, paths):
        self.apis, self.messages, self.records = [], [], []
        for path in paths:
            self.read(path)
        self.apis.sort(key=lambda api: api.key)
        order = {id(api): at for at, api in enumerate(self.apis)}
        self.messages.sort(key=lambda m: order.get(id(m.api), len(order)))
        for message in self.messages:
            check(message)

    def read(self, path):
        api, stack, records = None, [], None
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                words = line.split("#")[0].split()
                if not words:
                    continue
                depth = (len(line) - len(line.lstrip(" "))) / 4
                try:
                    if words[0] == "records" and len(words) == 2 and depth == 0:
                        records = Records(words[1])
                        self.records.append(records)
                    elif depth == 0:
                        api, message = self.head(words, api)
                        stack = [message]
                        if records is not None:
                            records.add(message)
                    elif depth not in range(1, len(stack) + 1) or stack[0] is None:
                        raise SchemaError("wrong indentation")
                    else:
                        parent = stack[int(depth) - 1]
                        field = Field(words, parent)
                        parent.fields.append(field)
                        stack[int(depth):] = [field]
                except (SchemaError, ValueError, IndexError) as error:
                    sys.exit(f"{path}:{number}: {error}")

    def head(self, words, api):
        """A line without indentation: returns the current API and the message it opens."""
        if words[0] == "api":
            api = Api(int(words[1]), words[2])
            self.apis.append(api)
            return api, None
        if words[0] == "message":
            message = Message(words[1], words[2:])
        elif words[0] in ("request", "response") and api is not None:
            message = Message(api.name + words[0].capitalize(), words[1:], api)
            setattr(api, words[0], message)
        else:
            raise SchemaError(f"{words[0]}: expected api, request, response, message or "
                              "records")
        self.messages.append(message)
        return api, message


def check(struct):
    """What the codec relies on."""
    where = struct.path
    if not struct.fields and (struct is not struct.message or struct.type is None):
        sys.exit(f"{where}: no fields")
    tags = [field.tag for field in struct.fields if field.tagged]
    if len(tags) != len(set(tags)):
        sys.exit(f"{where}: two fields of one tag")
    if tags != sorted(tags) and any(field.tagged not in (None, field.versions)
                                    for field in struct.fields):
        sys.exit(f"{where}: tags must ascend where fields are not tagged in all of their versions")
    for field in struct.fields:
        if field.tagged and field.tagged[0] < struct.message.flexible:
            sys.exit(f"{where}: {field.name} is tagged in an inflexible version")
        if (field.kind == "struct") != bool(field.fields):
            sys.exit(f"{where}: {field.name}: fields belong below a struct, and only there")
        if field.kind == "struct":
            check(field)
            if field.array and least(field) < 1:
                sys.exit(f"{field.path}: an element must take at least one byte")


def in_order(struct):
    """The fields as they are encoded: their own order, tags ascending."""
    tagged = iter(sorted((field for field in struct.fields if field.tagged),
                         key=lambda field: field.tag))
    return [next(tagged) if field.tagged else field for field in struct.fields]


def tags_from(struct):
    """The first of in_order() that is tagged in some version."""
    fields = in_order(struct)
    return next((i for i, field in enumerate(fields) if field.tagged), len(fields))


def structs(struct):
    """All structures of a message, nested ones first."""
    for field in struct.fields:
        if field.kind == "struct":
            yield from structs(field)
    yield struct


# ---- messages.h ----

def declare_field(field):
    ctype = f"struct wire_{field.path}" if field.kind == "struct" else TYPES[field.kind][0]
    if field.array:
        return [f"    {ctype} *{field.c_name};", f"    int32_t {field.c_name}_count;"]
    return [f"    {ctype} {'*' if field.is_pointer else ''}{field.c_name};"]


def make_header(schema):
    out = ["/* The messages of the Kafka protocol. Generated by wire/generate.py from wire/schema;",
           " * wire/wire.h is the manual. */",
           "#ifndef WIRE_MESSAGES_H", "#define WIRE_MESSAGES_H", "",
           '#include "base/slice.h"', '#include "base/uuid.h"', "",
           "struct wire_message;", "", "enum wire_api {"]
    out += [f"    WIRE_API_{snake(api.name).upper()} = {api.key}," for api in schema.apis]
    out += ["};", "", "/* How many there are; wire_api_slot() numbers them. */",
            f"enum {{ WIRE_API_SLOTS = {len(schema.apis)} }};"]
    for message in schema.messages:
        api = f" of API {message.api.key}" if message.api else ""
        first, last = message.versions
        out += ["", f"/* {message.name}{api}, versions {first} to {last} */"]
        for struct in structs(message):
            out.append(f"struct wire_{struct.path} {{")
            for field in struct.fields:
                out += declare_field(field)
            if not struct.fields:
                out.append("    char nothing;")
            out.append("};")
        for struct in structs(message):
            out.append(f"extern const struct wire_message wire_msg_{struct.path};")
    out += ["", "struct wire_record_type;"]
    for records in schema.records:
        out += [f"extern const struct wire_record_type *const wire_{records.name}_records;"]
    out += ["", "#endif", ""]
    return "\n".join(out)


# ---- messages.c ----

def default_of(field):
    """The C initialiser of a field's default; None: zero."""
    default = field.default
    if field.array:
        return "-1" if default == "null" else None
    if field.kind == "struct":
        return None if field.is_pointer else defaults_of(field)
    if field.kind in ("string", "bytes", "records"):
        null = default == "null" or (field.kind == "records" and field.nullable)
        return None if null else '{(const uint8_t *)"", 0}'
    if default is None or default == "false":
        return None
    if field.kind == "bool":
        return default
    value = int(default, 0)
    return "INT32_MIN" if value == -2**31 else f"INT64_C({value})" if field.kind == "int64" \
        else str(value)


def defaults_of(struct):
    parts = []
    for field in struct.fields:
        value = default_of(field)
        if value is not None:
            parts.append(f".{field.c_name}{'_count' if field.array else ''} = {value}")
    return "{" + (", ".join(parts) or "0") + "}"


def c_range(versions):
    return "{%d, %d}" % (versions or (1, 0))


def field_row(struct, field):
    nested = f"&wire_msg_{field.path}" if field.kind == "struct" else "NULL"
    flags = [flag for flag, on in (
        ("WIRE_ARRAY", field.array), ("WIRE_POINTER", field.is_pointer),
        ("WIRE_IGNORABLE", field.ignorable), ("WIRE_INFLEXIBLE", field.inflexible),
        ("WIRE_SECRET", field.secret)) if on]
    return (f'    {{"{field.name}", {nested}, offsetof(struct wire_{struct.path}, {field.c_name}), '
            f"{TYPES[field.kind][1]}, {' | '.join(flags) or '0'}, "
            f"{c_range(field.versions)}, {c_range(field.nullable)}, {c_range(field.tagged)}, "
            f"{-1 if field.tag is None else field.tag}}},")


def define_struct(struct):
    path, message = struct.path, struct.message
    key = message.api.key if message.api else -1
    last = min(struct.versions[1], message.versions[1])
    out = [f"static const struct wire_{path} default_{path} = {defaults_of(struct)};",
           f"static const struct wire_field fields_{path}[] = {{"]
    out += [field_row(struct, field) for field in in_order(struct)]
    out += ["};",
            f"const struct wire_message wire_msg_{path} = {{",
            f'    "{struct.name}", fields_{path}, &default_{path}, sizeof(struct wire_{path}),',
            f"    ARRAY_LEN(fields_{path}), {tags_from(struct)}, {least(struct)}, {key}, "
            f"{{{struct.versions[0]}, {last}}}, {message.flexible}}};"]
    if struct is not message:
        out.append(f"_Static_assert(sizeof(struct wire_{path}) <= "
                   f"WIRE_MEMORY_PER_BYTE * {least(struct)}, \"{path}\");")
    return out


def make_source(schema):
    out = ["/* Tables of the messages. Generated by wire/generate.py from wire/schema. */",
           '#include "wire/table.h"']
    for message in schema.messages:
        for struct in structs(message):
            out += ["", *define_struct(struct)]
    out += ["", "const struct wire_api_info wire_apis[WIRE_API_SLOTS] = {"]
    for api in schema.apis:
        first, last = api.request.versions
        out.append(f'    {{{api.key}, "{api.name}", {first}, {last}, '
                   f"{api.request.flexible}, &wire_msg_{api.request.path}, "
                   f"&wire_msg_{api.response.path}}},")
    out += ["};", "", "const struct wire_message *const wire_messages[] = {"]
    out += [f"    &wire_msg_{message.path}," for message in schema.messages]
    out += ["};", "const size_t wire_messages_count = ARRAY_LEN(wire_messages);"]
    for records in schema.records:
        out += ["", f"static const struct wire_record_type {records.name}_records[] = {{"]
        for number, name, key, value in sorted(records.rows, key=lambda row: row[0]):
            key = f"&wire_msg_{key.path}" if key else "NULL"
            out.append(f'    {{{number}, "{name}", {key}, &wire_msg_{value.path}}},')
        out += ["    {0}};", f"const struct wire_record_type *const wire_{records.name}_records = "
                f"{records.name}_records;"]
    out.append("")
    return "\n".join(out)


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def main():
    parser = argparse.ArgumentParser(description="Kafka's messages in C, from wire/schema.")
    parser.add_argument("--out", metavar="DIR", required=True,
                        help="write DIR/messages.h and DIR/messages.c")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    schema = Schema(args.files)
    write(os.path.join(args.out, "messages.h"), make_header(schema))
    write(os.path.join(args.out, "messages.c"), make_source(schema))


if __name__ == "__main__":
    main()
