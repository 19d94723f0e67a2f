/* The Kafka protocol: structures of all messages, and their bytes.
 *
 * wire/messages.h (generated from wire/schema) has a structure per message and version range, e.g.
 * `struct wire_fetch_request`, with nested structures named by their path
 * (`struct wire_fetch_request_topics_partitions`), and a `struct wire_message` for each of them,
 * `wire_msg_fetch_request_topics_partitions`, that the functions below take. One structure serves
 * all versions of a message: fields that a version does not have keep their defaults.
 *
 *     struct wire_fetch_request request;
 *     TRY(wire_decode(&wire_msg_fetch_request, version, bytes, &arena, &request));
 *
 *     struct wire_fetch_response response;
 *     wire_init(&wire_msg_fetch_response, &response);
 *     response.responses = wire_new_array(&wire_msg_fetch_response_responses, &arena, n);
 *     response.responses_count = n;
 *     TRY(wire_encode(&wire_msg_fetch_response, version, &response, &out));
 *
 * In structures: strings, bytes and records are slices (null: data NULL); an array is a pointer
 * and a count (null: count -1, empty: count 0); a structure that may be null is a pointer.
 * Structures that are only zeroed have 0 where the schema says, e.g., -1; use wire_init() or
 * wire_new_array(). Everything here is pure and may be called on any thread. */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/messages.h"

/* ---- messages ---- */

struct wire_api_info {
    int16_t key;
    const char *name;    /* "Fetch" */
    int16_t version_min; /* what the codec knows, not what a node serves */
    int16_t version_max;
    int16_t flexible; /* first version with compact lengths and tagged fields; 127: none */
    const struct wire_message *request;
    const struct wire_message *response;
};

/* APIs of ours, which Kafka does not have, have keys from here on. */
enum { WIRE_API_OURS = 10000 };

/* The place of the API among all that we know, 0 to WIRE_API_SLOTS - 1 in the order of keys, for
 * tables; -1 for a key that we do not know. */
int wire_api_slot(int16_t key);
const struct wire_api_info *wire_api_at(int slot);

/* NULL for a key that we do not know; so wire_request() and wire_response(). */
const struct wire_api_info *wire_api(int16_t key);
const struct wire_message *wire_request(int16_t api_key);
const struct wire_message *wire_response(int16_t api_key);

/* "FetchRequest"; of a nested structure the name of its field. */
const char *wire_name(const struct wire_message *m);
int16_t wire_version_min(const struct wire_message *m);
int16_t wire_version_max(const struct wire_message *m);

/* Every message that is not nested, headers and records included. */
extern const struct wire_message *const wire_messages[];
extern const size_t wire_messages_count;

/* ---- structures ---- */

/* sizeof the structure of `m`. */
size_t wire_size(const struct wire_message *m);

/* Sets all fields to the schema's defaults. */
void wire_init(const struct wire_message *m, void *out);

/* A structure, or `count` of them, from the arena, initialised like wire_init(). */
void *wire_new(const struct wire_message *m, struct arena *arena);
void *wire_new_array(const struct wire_message *m, struct arena *arena, int32_t count);

/* ---- decoding ---- */

/* Decoding takes at most this many bytes of memory per byte decoded, but for the arena's blocks
 * that are not yet full. (An array is allocated only after a check that its elements could fit
 * into the bytes left; the build checks the factor for every structure.) */
enum { WIRE_MEMORY_PER_BYTE = 64 };

/* Decodes all of `in`. Strings, bytes and records borrow from `in`, arrays and nullable structures
 * come from the arena. Unknown tagged fields are skipped.
 * Errors: UNSUPPORTED_VERSION; MALFORMED: the bytes end too early or too late, a length cannot be,
 * null where the version has no null. On error `out` has defaults only. */
enum err wire_decode(const struct wire_message *m, int16_t version, struct slice in,
                     struct arena *arena, void *out) MUST_USE;

/* Bytes of strangers: arrays, and structures that may be null, take at most `memory_max`. */
struct wire_input {
    struct slice bytes;
    int16_t version;
    size_t memory_max;
};

/* Like wire_decode(), but what comes behind the message is left alone, as Kafka does: librdkafka
 * (its issue 5049) sends four bytes more than a Metadata for all topics has.
 * MESSAGE_TOO_LARGE: it would take more memory. */
enum err wire_decode_within(const struct wire_message *m, const struct wire_input *in,
                            struct arena *arena, void *out) MUST_USE;

/* The same as wire_decode() from where `r` stands; `r` is left behind the message (on error: where
 * it was). */
enum err wire_decode_prefix(const struct wire_message *m, int16_t version, struct reader *r,
                            struct arena *arena, void *out) MUST_USE;

/* ---- encoding ---- */

/* Appends to `out`. Where Kafka's own encoder would refuse or crash, two kindnesses: a null string
 * or bytes in a version that has no null there is encoded as the empty one, and null and empty both
 * count as saying nothing in a version that lacks the field.
 * Errors (`out` is unchanged): UNSUPPORTED_VERSION: no such version, or a field that is neither
 * default nor ignorable is not in it, or an array or structure is null where the version has no
 * null; MESSAGE_TOO_LARGE: a string of more than 32,767 bytes, or anything beyond 2 GiB. */
enum err wire_encode(const struct wire_message *m, int16_t version, const void *in,
                     struct buf *out) MUST_USE;

/* A records field whose data is WIRE_EXTERNAL has its `len` bytes elsewhere, in a file: the encoder
 * writes their length and notes the gap; the sender puts the bytes there. */
extern const uint8_t wire_external[1];
#define WIRE_EXTERNAL wire_external

struct wire_gap {
    size_t at;  /* in `out->data`: the bytes belong in front of this one */
    size_t len; /* how many */
};

/* `struct wire_gaps gaps = {.arena = …}` */
struct wire_gaps {
    struct arena *arena; /* where `items` come from */
    struct wire_gap *items;
    size_t count;
    size_t capacity;
    size_t bytes; /* sum of all `len`: the message has out->len + bytes bytes */
};

/* Like wire_encode(), which does not allow external records (asserted). Gaps ascend; `gaps` may
 * have some from a call before, for the same `out`. */
enum err wire_encode_gaps(const struct wire_message *m, int16_t version, const void *in,
                          struct buf *out, struct wire_gaps *gaps) MUST_USE;

/* ---- headers ---- */

struct wire_header {
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
    struct slice client_id; /* borrowed; may be null */
};

/* Reads a request's header, leaving `r` at the body. Errors: MALFORMED; UNSUPPORTED_VERSION: an
 * unknown API, of which key, version and correlation id are set. A version that the API does not
 * have is no error here: the header's form is known (ApiVersions must be answered, KIP-511). */
enum err wire_header_decode(struct reader *r, struct wire_header *out) MUST_USE;

/* Errors: UNSUPPORTED_VERSION (unknown API), MESSAGE_TOO_LARGE (client id). */
enum err wire_header_encode(const struct wire_header *header, struct buf *out) MUST_USE;

/* `api_key` must be known (asserted). */
void wire_response_header_encode(int16_t api_key, int16_t version, int32_t correlation_id,
                                 struct buf *out);
enum err wire_response_header_decode(struct reader *r, int16_t api_key, int16_t version,
                                     int32_t *correlation_id) MUST_USE;

/* ---- records of internal topics ---- */

/* A kind of record of a topic; wire_metadata_records and so on list them by type, ended by a row
 * without a name. */
struct wire_record_type {
    int16_t type;                   /* of Kafka; in topics with keys it stands before the key */
    const char *name;               /* "TOPIC_RECORD", "OFFSET_COMMIT" */
    const struct wire_message *key; /* NULL: records of this topic have none */
    const struct wire_message
        *value; /* behind an int16 version; of metadata behind three varints */
};

/* The row of `type` in such a list; NULL: there is none. */
const struct wire_record_type *wire_record_type_find(const struct wire_record_type *rows,
                                                     int16_t type);

/* ---- printing ---- */

/* One line for logs, e.g. `{ReplicaId=-1, Topics=[{Topic="t"}]}`: the fields of the version. Bytes
 * and records are shown by their size, secrets as `***`. */
void wire_print(const struct wire_message *m, int16_t version, const void *in, struct buf *out);

/* JSON as Kafka's own converters and tools make it, byte for byte: no spaces, names in lower camel
 * case, in the schema's order, tagged fields left out where they are their default, bytes in
 * base64, uuids in Kafka's text form. But for secrets, which are "***", and records, shown by their
 * size. */
void wire_print_json(const struct wire_message *m, int16_t version, const void *in,
                     struct buf *out);

#endif
