/* craft metadata diff: what is different between two points of the log. */
#include <stdarg.h>
#include <stdio.h>

#include "cli/metadata.h"
#include "metadata/quote.h"
#include "metadata/redact.h"

/* Gathers the differences as they are walked. */
struct diff {
    const struct metadata_image *before;
    const struct metadata_image *after;
    bool json;
    bool secrets;
    struct buf *out;
    int64_t count;
};

/* ---- one difference ---- */

/* `about` says of what; `a` or `b` is NULL when it is new or gone. */
static void tell(struct diff *d, struct slice about, const struct metadata_record *a,
                 const struct metadata_record *b)
{
    struct buf *out = d->out;
    if (!d->json) {
        buf_printf(out, "%s %.*s", a == NULL ? "+" : b == NULL ? "-" : "~", SLICE_ARG(about));
        metadata_record_print_changes(a, b, out);
        buf_put_str(out, "\n");
    } else {
        buf_printf(out, "%s\n{\"change\":\"%s\",\"what\":", d->count > 0 ? "," : "",
                   a == NULL   ? "added"
                   : b == NULL ? "removed"
                               : "changed");
        metadata_quote(out, about);
        buf_put_str(out, ",\"before\":");
        if (a == NULL) {
            buf_put_str(out, "null");
        } else {
            metadata_record_print_json(a, out);
        }
        buf_put_str(out, ",\"after\":");
        if (b == NULL) {
            buf_put_str(out, "null");
        } else {
            metadata_record_print_json(b, out);
        }
        buf_put_str(out, "}");
    }
    d->count++;
}

static struct slice text(char *room, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

static struct slice text(char *room, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(room, size, fmt, args);
    va_end(args);
    return slice_str(room);
}

enum { ABOUT_BYTES = 400 };

/* ---- what metadata_diff() visits ---- */

static void see_feature(void *arg, const struct metadata_feature *before,
                        const struct metadata_feature *after)
{
    char room[ABOUT_BYTES];
    const struct metadata_feature *either = before != NULL ? before : after;
    struct metadata_record a = {.type = METADATA_RECORD_FEATURE_LEVEL};
    struct metadata_record b = a;
    if (before != NULL) {
        a.feature_level = (struct metadata_feature_level){before->name, before->level};
    }
    if (after != NULL) {
        b.feature_level = (struct metadata_feature_level){after->name, after->level};
    }
    tell(arg, text(room, sizeof room, "feature %.*s", SLICE_ARG(either->name)),
         before == NULL ? NULL : &a, after == NULL ? NULL : &b);
}

static void see_controller(void *arg, const struct metadata_controller *before,
                           const struct metadata_controller *after)
{
    char room[ABOUT_BYTES];
    struct metadata_record a;
    struct metadata_record b;
    if (before != NULL) {
        a = metadata_record_of_controller(before);
    }
    if (after != NULL) {
        b = metadata_record_of_controller(after);
    }
    tell(arg, text(room, sizeof room, "controller %" PRId32, (before ? before : after)->id),
         before == NULL ? NULL : &a, after == NULL ? NULL : &b);
}

static void see_broker(void *arg, const struct metadata_broker *before,
                       const struct metadata_broker *after)
{
    char room[ABOUT_BYTES];
    struct metadata_record a;
    struct metadata_record b;
    if (before != NULL) {
        a = metadata_record_of_broker(before);
    }
    if (after != NULL) {
        b = metadata_record_of_broker(after);
    }
    tell(arg, text(room, sizeof room, "broker %" PRId32, (before ? before : after)->id),
         before == NULL ? NULL : &a, after == NULL ? NULL : &b);
}

static void see_topic(void *arg, const struct metadata_topic *before,
                      const struct metadata_topic *after)
{
    char room[ABOUT_BYTES];
    const struct metadata_topic *either = before != NULL ? before : after;
    if (before != NULL && after != NULL) {
        return; /* its partitions come next */
    }
    struct metadata_record r = {.type = METADATA_RECORD_TOPIC,
                                .topic = {.name = either->name, .topic_id = either->id}};
    tell(arg, text(room, sizeof room, "topic %.*s", SLICE_ARG(either->name)),
         before == NULL ? NULL : &r, after == NULL ? NULL : &r);
}

static void see_partition(void *arg, const struct metadata_partition_diff *diff)
{
    struct diff *d = arg;
    char room[ABOUT_BYTES];
    struct uuid dirs[2][METADATA_REPLICAS_MAX];
    struct metadata_record a;
    struct metadata_record b;
    struct uuid id = diff->topic->id;
    if (diff->before != NULL) {
        a = metadata_record_of_partition(d->before, metadata_topic_by_id(d->before, id),
                                         diff->index, dirs[0]);
    }
    if (diff->after != NULL) {
        b = metadata_record_of_partition(d->after, metadata_topic_by_id(d->after, id), diff->index,
                                         dirs[1]);
    }
    tell(d,
         text(room, sizeof room, "partition %.*s-%" PRId32, SLICE_ARG(diff->topic->name),
              diff->index),
         diff->before == NULL ? NULL : &a, diff->after == NULL ? NULL : &b);
}

/* The value of a key, or null. */
static struct slice value_of(const struct metadata_config_resource *resource, struct slice name)
{
    for (size_t i = 0; resource != NULL && i < resource->count; i++) {
        if (slice_eq(resource->entries[i].name, name)) {
            return resource->entries[i].value;
        }
    }
    return SLICE_NULL;
}

static void tell_config(struct diff *d, const struct metadata_config_resource *before,
                        const struct metadata_config_resource *after, struct slice name)
{
    char room[ABOUT_BYTES];
    struct metadata_config_key key = (before != NULL ? before : after)->key;
    struct metadata_record a = {.type = METADATA_RECORD_CONFIG,
                                .config = {key.type, key.name, name, value_of(before, name)}};
    struct metadata_record b = a;
    b.config.value = value_of(after, name);
    if (slice_eq(a.config.value, b.config.value)) {
        return;
    }
    if (!d->secrets) {
        metadata_record_redact(&a);
        metadata_record_redact(&b);
    }
    tell(d,
         text(room, sizeof room, "config of %d \"%.*s\" %.*s", key.type, SLICE_ARG(key.name),
              SLICE_ARG(name)),
         slice_is_null(a.config.value) ? NULL : &a, slice_is_null(b.config.value) ? NULL : &b);
}

static void see_config(void *arg, const struct metadata_config_resource *before,
                       const struct metadata_config_resource *after)
{
    for (size_t i = 0; before != NULL && i < before->count; i++) {
        tell_config(arg, before, after, before->entries[i].name);
    }
    for (size_t i = 0; after != NULL && i < after->count; i++) {
        if (slice_is_null(value_of(before, after->entries[i].name))) {
            tell_config(arg, before, after, after->entries[i].name);
        }
    }
}

static void see_producer_ids(void *arg, int64_t before, int64_t after)
{
    struct metadata_record a = {.type = METADATA_RECORD_PRODUCER_IDS,
                                .producer_ids = {-1, -1, before}};
    struct metadata_record b = a;
    b.producer_ids.next_producer_id = after;
    tell(arg, slice_str("producer ids"), &a, &b);
}

/* ---- the command ---- */

static void put_head(const struct diff *d)
{
    if (d->json) {
        buf_put_str(d->out, "{\"from\":{");
        metadata_put_position_json(d->before, d->out);
        buf_put_str(d->out, "},\"to\":{");
        metadata_put_position_json(d->after, d->out);
        buf_put_str(d->out, "},\"changes\":[");
    } else {
        buf_put_str(d->out, "--- ");
        metadata_put_position(d->before, d->out);
        buf_put_str(d->out, "\n+++ ");
        metadata_put_position(d->after, d->out);
        buf_put_str(d->out, "\n");
    }
}

static enum cli_exit print(struct cli *cli, const struct metadata_image *before,
                           const struct metadata_image *after)
{
    struct buf out = {0};
    struct diff d = {.before = metadata_image_stable(before),
                     .after = metadata_image_stable(after),
                     .json = cli->format == TABLE_JSON,
                     .secrets = args_has(&cli->args, "show-sensitive"),
                     .out = &out};
    struct metadata_visitor visitor = {.arg = &d,
                                       .feature = see_feature,
                                       .controller = see_controller,
                                       .broker = see_broker,
                                       .topic = see_topic,
                                       .partition = see_partition,
                                       .config = see_config,
                                       .producer_ids = see_producer_ids};
    put_head(&d);
    metadata_diff(d.before, d.after, &visitor);
    if (d.json) {
        buf_put_str(&out, "]}\n");
    }
    return cli_print(&out);
}

static enum cli_exit compare(struct cli *cli, struct history *h, void *arg)
{
    const struct history_point *points = arg;
    struct metadata_image *before = history_image(h, points[0]);
    struct metadata_image *after = before == NULL ? NULL : history_image(h, points[1]);
    enum cli_exit code = after == NULL ? CLI_FAILED : print(cli, before, after);
    metadata_image_unref(after);
    metadata_image_unref(before);
    return code;
}

static enum cli_exit run_diff(struct cli *cli)
{
    struct history_point points[2];
    bool is_good = metadata_parse_point(cli, cli->args.words[0], &points[0]) &&
                   metadata_parse_point(cli, cli->args.words[1], &points[1]);
    return is_good ? metadata_with_log(cli, compare, points) : CLI_USAGE;
}

static const struct args_option options[] = {METADATA_SOURCE_OPTIONS, METADATA_SECRETS_OPTION, {0}};

const struct cli_verb cli_metadata_diff = {
    .noun = "metadata",
    .name = "diff",
    .words = "A B",
    .words_min = 2,
    .words_max = 2,
    .uses = CLI_USES_FORMAT,
    .about = "Shows what changed between two points of the metadata log",
    .more = "A and B are offsets or times, as for `craft metadata show --at`.",
    .examples = "craft metadata diff 100 2000 --log-dir data/controller-1\n"
                "craft metadata diff 2026-11-21T14:00Z 2026-11-21T15:00Z --log-dir data/broker-1 "
                "--format json",
    .options = options,
    .run = run_diff,
};
