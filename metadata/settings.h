/* Settings of servers, topics and groups: Kafka's names, types, defaults and ranges, as one table.
 *
 *     struct settings *s = settings_new();
 *     err = settings_parse(s, text, "server.properties", &message);
 *     err = settings_set_pair(s, "node.id=1", &message);
 *     … log every line of settings_notes(s) …
 *     settings_int(s, "node.id")
 *     settings_free(s);
 *
 * A name that nobody knows is a note, not an error, and names the nearest known one; a value of the
 * wrong type or out of its range is an error that says file, line, name, value and range. A name
 * that Kafka knows but that has no effect here is a note, too. A `struct settings` does not change
 * once a daemon runs; what can change while it runs lives in the metadata image (`settings_view`).
 *
 * `listener.name.<listener>.<setting>` is accepted for every known setting. */
#ifndef METADATA_SETTINGS_H
#define METADATA_SETTINGS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "metadata/image.h"

enum settings_scope { SETTINGS_SERVER, SETTINGS_TOPIC, SETTINGS_GROUP };

/* The values are Kafka's ConfigType ids, as DescribeConfigs sends them. */
enum settings_type {
    SETTINGS_BOOLEAN = 1,
    SETTINGS_STRING = 2,
    SETTINGS_INT = 3,
    SETTINGS_SHORT = 4,
    SETTINGS_LONG = 5,
    SETTINGS_DOUBLE = 6,
    SETTINGS_LIST = 7,
    SETTINGS_CLASS = 8,
    SETTINGS_PASSWORD = 9,
};

/* How a value may be changed while the server runs (KIP-226). */
enum settings_mode {
    SETTINGS_READ_ONLY,    /* in the file only */
    SETTINGS_PER_BROKER,   /* for one broker at a time */
    SETTINGS_CLUSTER_WIDE, /* for one broker or for all */
    SETTINGS_DYNAMIC,      /* topics and groups: always */
};

/* Where a value comes from; the values are Kafka's ConfigSource ids. */
enum settings_source {
    SETTINGS_SOURCE_UNKNOWN = 0,
    SETTINGS_SOURCE_TOPIC = 1,
    SETTINGS_SOURCE_BROKER = 2,
    SETTINGS_SOURCE_CLUSTER = 3, /* dynamic default of all brokers */
    SETTINGS_SOURCE_STATIC = 4,  /* the file or the command line */
    SETTINGS_SOURCE_DEFAULT = 5,
    SETTINGS_SOURCE_GROUP = 8,
};

/* One row of the table. */
struct setting {
    const char *name;
    const char *default_text; /* as Kafka writes it; NULL: null */
    const char *range;        /* in the form of settings_rows.h; NULL: all that the type allows */
    const char *fallback;     /* the server's setting that counts when this is not set, or NULL */
    const char *doc;          /* one sentence; "" if it will never have an effect */
    uint8_t type;             /* enum settings_type; PASSWORD must not be shown or logged */
    uint8_t mode;             /* enum settings_mode */
    bool internal;            /* not shown to people who did not ask for it */
    bool has_effect;          /* this product acts upon it; else it is only accepted */
};

/* The row of that name, or NULL. */
const struct setting *settings_find(enum settings_scope scope, struct slice name);

/* All rows of a scope, by name: `size_t at = 0; while ((row = settings_next(scope, &at)) != NULL)`
 */
const struct setting *settings_next(enum settings_scope scope, size_t *at);

/* The known name nearest to `name`, or NULL when none is near. */
const char *settings_nearest(enum settings_scope scope, struct slice name);

/* Is `value` allowed? On failure ERR_INVALID_CONFIG and a sentence with name, value and what would
 * be allowed is appended to `message`. An unknown name is refused, too. */
enum err MUST_USE settings_validate(enum settings_scope scope, struct slice name,
                                    struct slice value, struct buf *message);

/* ---- the settings a server was started with ---- */

struct settings;

struct settings *settings_new(void);
void settings_free(struct settings *s);

/* Reads a text in Java's properties syntax: `key=value`, `key: value`, `key value`, comments `#`
 * and
 * `!`, a line continued by a final backslash, escapes \t \n \r \f \uXXXX \<any>. A key given twice:
 * the last one counts, with a note. Errors: ERR_CONFIG with a sentence in `message`; `s` then holds
 * what came before the bad line. */
enum err MUST_USE settings_parse(struct settings *s, struct slice text, const char *file_name,
                                 struct buf *message);

/* One setting from elsewhere; `origin` says where, for messages ("--override"). Errors: ERR_CONFIG.
 */
enum err MUST_USE settings_set(struct settings *s, struct slice name, struct slice value,
                               const char *origin, struct buf *message);

/* "key=value" as --override takes it. */
enum err MUST_USE settings_set_pair(struct settings *s, const char *pair, struct buf *message);

/* The settings that count while a server runs: those it was started with and over them the dynamic
 * values that the image has for it, of all servers first and then its own (KIP-226). Values that a
 * running server cannot take, or that this version does not allow, are left out. To be freed. */
struct settings *settings_in_effect(const struct settings *given,
                                    const struct metadata_image *image, int32_t server_id);

/* Things to tell the operator, one line each ("\n" ends each line). */
struct slice settings_notes(const struct settings *s);

/* Typed values; the default counts when nothing is set. `name` must be a server setting of that
 * type (asserted: it is our own program that asks). int covers INT and SHORT, long every whole
 * number. */
int32_t settings_int(const struct settings *s, const char *name);
int64_t settings_long(const struct settings *s, const char *name);
bool settings_bool(const struct settings *s, const char *name);

/* Text of any type, as it was given (a fallback's unit is not converted); NULL for null. */
const char *settings_str(const struct settings *s, const char *name);

/* Items of a LIST (or of a comma-separated STRING), trimmed; NULL-terminated array from `arena`. */
char **settings_list(const struct settings *s, const char *name, struct arena *arena);

/* Appends "FILE:LINE: " of where the setting (or the fallback that counts for it) was given, for
 * messages about what it holds; nothing when it was not given in a file. */
void settings_put_origin(const struct settings *s, const char *name, struct buf *out);

/* Did the operator set it, or one of its fallbacks? A setting whose default is null reads as 0
 * through the typed functions, so ask this first. */
bool settings_is_set(const struct settings *s, const char *name);

/* `listener.name.<listener>.<name>`, else `<name>`. Case does not count in listener names. `name`
 * may have a SASL mechanism in front ("scram-sha-256.sasl.jaas.config"); then there is no default.
 */
const char *settings_listener_str(const struct settings *s, const char *listener, const char *name);

/* ---- values in effect, dynamic ones included ---- */

/* What an answer is computed from. `settings` are this broker's own. */
struct settings_view {
    const struct settings *settings;
    const struct metadata_image *image;
    int32_t broker_id;
};

struct settings_effective {
    const struct setting *row; /* of what was asked for */
    const char *value;         /* NULL: null */
    enum settings_source source;
    const char *source_name; /* the name it was found under, e.g. "log.retention.hours" */
    const char *source_text; /* its text there, e.g. "168" for a value of "604800000" */
};

/* The value of a topic's setting: topic override, else this broker's dynamic value of the server's
 * setting, else the cluster-wide dynamic one, else the file's, else the default. Units are
 * converted (log.retention.hours gives retention.ms). A stored value that this version does not
 * allow counts as absent. Text from `arena`. `name` must be a topic setting (asserted). */
struct settings_effective settings_topic_effective(const struct settings_view *view,
                                                   struct slice topic, const char *name,
                                                   struct arena *arena);

/* The whole chain, strongest first, defaults last, at least one link; for DescribeConfigs with
 * synonyms. `resource` is the topic or group; it does not count for SETTINGS_SERVER. */
struct settings_chain {
    struct settings_effective *links;
    size_t count;
};

struct settings_chain settings_chain(const struct settings_view *view, enum settings_scope scope,
                                     struct slice resource, const char *name, struct arena *arena);

/* Typed shortcuts for a topic's value; a null value reads as 0. */
int64_t settings_topic_long(const struct settings_view *view, struct slice topic, const char *name);
bool settings_topic_bool(const struct settings_view *view, struct slice topic, const char *name);

/* Is `item` in the comma-separated value (cleanup.policy has "compact")? */
bool settings_topic_has(const struct settings_view *view, struct slice topic, const char *name,
                        const char *item);

#endif
