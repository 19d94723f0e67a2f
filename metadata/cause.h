/* Why records were written: the request that asked for them, or what happened inside.
 *
 * One decision of the controller has one cause. It is written once for each batch of the log, with
 * the batch's first record, in a tagged field of its own beside the record (record.h), so that
 * Kafka's tools, and versions of ours that do not know it, skip it. When: the timestamp of the
 * batch. Records of a snapshot have no cause; what an image needs to remember of causes is in its
 * records.
 *
 * A cause only informs: no decision may depend on it. */
#ifndef METADATA_CAUSE_H
#define METADATA_CAUSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* The tag of the cause in the frame of a record. */
#define METADATA_CAUSE_TAG 13u

/* On the wire: numbers are never used again for something else. */
enum metadata_event {
    METADATA_EVENT_UNKNOWN = -1, /* written before causes were; never written itself */
    METADATA_EVENT_REQUEST = 0,  /* somebody asked; the fields of the request say who */
    METADATA_EVENT_TAKEOVER = 1,
    METADATA_EVENT_IDLE = 2,            /* a record that only shows that the log lives */
    METADATA_EVENT_SESSION_ENDED = 3,   /* no heartbeat of `node` for a session */
    METADATA_EVENT_CONNECTION_LOST = 4, /* `node` closed its heartbeat connection and stayed away */
    METADATA_EVENT_LEADER_BALANCE = 5,  /* the periodic election of preferred leaders */
    METADATA_EVENT_LEADER_MISSING = 6,  /* the periodic search for partitions without a leader */
    METADATA_EVENT_CONTROLLER_START = 7, /* the active controller registers itself */
    METADATA_EVENT_QUORUM_FORCED = 8,    /* craft quorum recover */
    METADATA_EVENT_BROKER_GONE = 9, /* `node` closed its connection and nobody listens there now */
};

/* A client may call itself anything; more than this of a text is not written. */
enum { METADATA_CAUSE_TEXT_MAX = 128 };

/* Strings are borrowed; null where there is none. Fields that an event does not have are 0. */
struct metadata_cause {
    enum metadata_event event;
    int32_t controller; /* the node that decided; -1: not known */
    int32_t node;       /* the broker or controller that asked, or that it happened to; -1: none */
    int16_t api_key;
    int16_t api_version;
    int32_t correlation_id;
    struct slice client_id;
    struct slice via;       /* client id of the broker that forwarded the request; null: nobody */
    struct slice principal; /* "User:alice"; null: User:ANONYMOUS */
    struct slice host;      /* address of the client */
    struct slice reason;    /* what the decision found, in words */
};

/* The cause that says nothing but the event, and to which node it happened (-1: none). */
struct metadata_cause metadata_cause_of(enum metadata_event event, int32_t node);

/* "session-ended", for programs; NULL for an event that this version does not know. */
const char *metadata_event_name(enum metadata_event event);
bool metadata_event_parse(struct slice name, enum metadata_event *out);

/* Appends the cause's own bytes, without tag and length. Long texts are cut. */
void metadata_cause_encode(const struct metadata_cause *cause, struct buf *out);

/* Reads what metadata_cause_encode() made; texts are of the arena. Errors: ERR_CORRUPT. */
enum err MUST_USE metadata_cause_decode(struct slice bytes, struct arena *arena,
                                        struct metadata_cause *out);

/* A record value with a cause (encoded as above) put beside the record. `value` is one that
 * metadata_record_encode() made. */
void metadata_cause_attach(struct slice value, struct slice cause, struct buf *out);

/* Reads the cause of a record value; texts and arrays are of the arena. *got false: it has none.
 * Errors: ERR_CORRUPT, ERR_UNSUPPORTED, as metadata_record_decode(). */
enum err MUST_USE metadata_cause_find(struct slice value, struct arena *arena,
                                      struct metadata_cause *out, bool *got);

/* The part of a text that is written; null for an empty one. */
struct slice metadata_cause_text(struct slice text);

/* What a reader of the written cause gets; texts are in the arena. */
struct metadata_cause metadata_cause_dup(const struct metadata_cause *cause, struct arena *arena);

bool metadata_cause_equal(const struct metadata_cause *a, const struct metadata_cause *b);

/* Appends a line without newline: "CreateTopics from 10.0.0.7 (client \"kcat\", User:ANONYMOUS),
 * correlation 3, through broker-2-controller", "broker 3: its heartbeat connection closed". */
void metadata_cause_print(const struct metadata_cause *cause, struct buf *out);

/* Appends a JSON object; what there is not is left out. */
void metadata_cause_print_json(const struct metadata_cause *cause, struct buf *out);

#endif
