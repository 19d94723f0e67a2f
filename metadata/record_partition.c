/* The one record that there are very many of; see record_partition.h, and proto/metadata.proto for
 * the fields. */
#include "metadata/record_partition.h"

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

/* The byte before a field: number and wire type. All numbers here are below 16. */
#define KEY(number, wire) ((number) << 3 | (wire))

/* PartitionRecord in MetadataRecord, and its own fields. */
enum {
    KEY_PARTITION = KEY(4, WIRE_BYTES),
    KEY_PARTITION_ID = KEY(1, WIRE_VARINT),
    KEY_TOPIC_ID = KEY(2, WIRE_BYTES),
    KEY_REPLICAS = KEY(3, WIRE_BYTES),
    KEY_ISR = KEY(4, WIRE_BYTES),
    KEY_REMOVING = KEY(5, WIRE_BYTES),
    KEY_ADDING = KEY(6, WIRE_BYTES),
    KEY_LEADER = KEY(7, WIRE_VARINT),
    KEY_RECOVERY = KEY(8, WIRE_VARINT),
    KEY_LEADER_EPOCH = KEY(9, WIRE_VARINT),
    KEY_PARTITION_EPOCH = KEY(10, WIRE_VARINT),
    KEY_DIRECTORIES = KEY(11, WIRE_BYTES),
    KEY_ELR = KEY(12, WIRE_BYTES),
    KEY_LAST_KNOWN_ELR = KEY(13, WIRE_BYTES),
};

/* What is left; `bad` when something is not as expected. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

/* A number of at most 31 bits: negative ones take ten bytes, and do not occur here. */
static inline uint32_t number(struct cursor *c)
{
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (c->at == c->end) {
            break;
        }
        uint8_t byte = *c->at++;
        if (shift == 28 && byte > 7) {
            break;
        }
        value |= (uint32_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    c->bad = true;
    return 0;
}

static struct cursor bytes(struct cursor *c)
{
    uint32_t length = number(c);
    if (c->bad || length > (size_t)(c->end - c->at)) {
        c->bad = true;
        return (struct cursor){0};
    }
    struct cursor inside = {c->at, c->at + length, false};
    c->at += length;
    return inside;
}

/* A list that comes in two pieces is legal, but not written. */
static void read_ids(struct cursor *c, struct arena *arena, struct metadata_ids *out)
{
    struct cursor in = bytes(c);
    size_t room = (size_t)(in.end - in.at);
    if (c->bad || room == 0 || out->count > 0) {
        c->bad = true;
        return;
    }
    int32_t *items = ARENA_ARRAY(arena, room, int32_t);
    size_t count = 0;
    while (in.at < in.end && !in.bad) {
        items[count++] = (int32_t)number(&in);
    }
    c->bad |= in.bad;
    *out = (struct metadata_ids){.items = items, .count = count};
}

static struct uuid uuid_at(const uint8_t *at)
{
    return (struct uuid){load_u64(at), load_u64(at + 8)};
}

static void read_topic_id(struct cursor *c, struct uuid *out)
{
    struct cursor in = bytes(c);
    if (c->bad || in.end - in.at != 16) {
        c->bad = true;
        return;
    }
    *out = uuid_at(in.at);
}

static void read_dirs(struct cursor *c, struct arena *arena, struct metadata_dirs *out)
{
    struct cursor in = bytes(c);
    size_t length = (size_t)(in.end - in.at);
    if (c->bad || length % 16 != 0) {
        c->bad = true;
        return;
    }
    struct uuid *items = ARENA_ARRAY(arena, length / 16, struct uuid);
    for (size_t i = 0; i < length / 16; i++) {
        items[i] = uuid_at(in.at + 16 * i);
    }
    *out = (struct metadata_dirs){.items = items, .count = length / 16};
}

static int32_t zigzag(uint32_t value)
{
    return (int32_t)(value >> 1) ^ -(int32_t)(value & 1);
}

static void read_field(struct cursor *c, struct arena *arena, struct metadata_partition_record *out)
{
    switch (*c->at++) {
    case KEY_PARTITION_ID:
        out->partition_id = (int32_t)number(c);
        break;
    case KEY_TOPIC_ID:
        read_topic_id(c, &out->topic_id);
        break;
    case KEY_REPLICAS:
        read_ids(c, arena, &out->replicas);
        break;
    case KEY_ISR:
        read_ids(c, arena, &out->isr);
        break;
    case KEY_REMOVING:
        read_ids(c, arena, &out->removing_replicas);
        break;
    case KEY_ADDING:
        read_ids(c, arena, &out->adding_replicas);
        break;
    case KEY_LEADER:
        out->leader = zigzag(number(c));
        break;
    case KEY_RECOVERY:
        out->leader_recovery = (enum metadata_recovery)number(c);
        c->bad |= out->leader_recovery != METADATA_RECOVERED &&
                  out->leader_recovery != METADATA_RECOVERING;
        break;
    case KEY_LEADER_EPOCH:
        out->leader_epoch = (int32_t)number(c);
        break;
    case KEY_PARTITION_EPOCH:
        out->partition_epoch = (int32_t)number(c);
        break;
    case KEY_DIRECTORIES:
        read_dirs(c, arena, &out->directories);
        break;
    case KEY_ELR:
        read_ids(c, arena, &out->elr);
        break;
    case KEY_LAST_KNOWN_ELR:
        read_ids(c, arena, &out->last_known_elr);
        break;
    default:
        c->bad = true;
    }
}

bool metadata_partition_read(struct slice message, struct arena *arena,
                             struct metadata_partition_record *out)
{
    struct cursor c = {message.data, message.data + message.len, false};
    if (message.len == 0 || *c.at++ != KEY_PARTITION) {
        return false;
    }
    struct cursor in = bytes(&c);
    if (c.bad || c.at != c.end) {
        return false;
    }
    *out = (struct metadata_partition_record){.leader_recovery = METADATA_RECOVERED};
    while (in.at < in.end && !in.bad) {
        read_field(&in, arena, out);
    }
    return !in.bad;
}
