/* What members subscribe to: names and regular expressions become topics that exist. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "broker/group/consumer/consumer.h"
#include "metadata/image.h"

/* Bounds for what somebody else's expression may cost us. */
enum { REGEX_BYTES_MAX = 4096, REGEX_MATCH_LIMIT = 100000, REGEX_DEPTH_LIMIT = 1000 };

/* ---- regular expressions ---- */

static pcre2_code *compile(struct slice regex, int *code, PCRE2_SIZE *at)
{
    uint32_t options = PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C;
    return pcre2_compile(regex.data, regex.len, options, code, at, NULL);
}

enum err consumer_regex_check(struct slice regex, struct arena *arena, struct slice *why)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    if (regex.len > REGEX_BYTES_MAX) {
        *why = slice_str("SubscribedTopicRegex is longer than 4096 bytes.");
        return ERR_INVALID_REGULAR_EXPRESSION;
    }
    pcre2_code *compiled = compile(regex, &code, &at);
    if (compiled != NULL) {
        pcre2_code_free(compiled);
        return ERR_NONE;
    }
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(code, text, sizeof text);
    *why = slice_str(arena_printf(
        arena, "SubscribedTopicRegex `%.*s` is not a valid regular expression: %s at %zu.",
        SLICE_ARG(regex), (const char *)text, (size_t)at));
    return ERR_INVALID_REGULAR_EXPRESSION;
}

struct matcher {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
};

static bool matcher_init(struct matcher *x, struct slice regex)
{
    int code;
    PCRE2_SIZE at;
    *x = (struct matcher){.code = compile(regex, &code, &at)};
    if (x->code == NULL) {
        return false; /* of a record that somebody else wrote */
    }
    x->data = pcre2_match_data_create_from_pattern(x->code, NULL);
    x->limits = pcre2_match_context_create(NULL);
    ASSERT(x->data != NULL && x->limits != NULL);
    pcre2_set_match_limit(x->limits, REGEX_MATCH_LIMIT);
    pcre2_set_depth_limit(x->limits, REGEX_DEPTH_LIMIT);
    return true;
}

static void matcher_fini(struct matcher *x)
{
    pcre2_match_context_free(x->limits);
    pcre2_match_data_free(x->data);
    pcre2_code_free(x->code);
}

static void resolve(struct consumer_regex *r, const struct group_shard *shard)
{
    if (r->metadata_seen == shard->metadata_serial) {
        return;
    }
    struct matcher matcher;
    group_disown_array(&r->topics, &r->topics_count);
    r->metadata_seen = shard->metadata_serial;
    if (!matcher_init(&matcher, r->text)) {
        return;
    }
    struct metadata_iter it = metadata_topics(shard->image);
    for (const struct metadata_topic *t; (t = metadata_topic_next(&it)) != NULL;) {
        int found = pcre2_match(matcher.code, t->name.data, t->name.len, 0, 0, matcher.data,
                                matcher.limits);
        if (found >= 0) {
            r->topics = mem_realloc(r->topics, (r->topics_count + 1) * sizeof *r->topics);
            r->topics[r->topics_count++] = group_own(t->name);
        }
    }
    matcher_fini(&matcher);
}

/* ---- topics ---- */

static int by_id(const void *a, const void *b)
{
    return uuid_cmp(((const struct consumer_topic *)a)->id, ((const struct consumer_topic *)b)->id);
}

static size_t sort_topics(struct consumer_topic *topics, size_t count)
{
    if (count == 0) {
        return 0;
    }
    qsort(topics, count, sizeof *topics, by_id);
    size_t kept = 1;
    for (size_t i = 1; i < count; i++) {
        if (!uuid_eq(topics[kept - 1].id, topics[i].id)) {
            topics[kept++] = topics[i];
        }
    }
    return kept;
}

static void add_topics(const struct group_shard *shard, const struct slice *names,
                       size_t names_count, struct consumer_topic *out, size_t *count)
{
    for (size_t i = 0; i < names_count; i++) {
        const struct metadata_topic *t = metadata_topic_by_name(shard->image, names[i]);
        if (t != NULL) {
            out[(*count)++] = (struct consumer_topic){t->id, t->partition_count};
        }
    }
}

struct consumer_topic *consumer_member_topics(const struct consumer_member *m, struct arena *arena,
                                              size_t *count)
{
    const struct group_shard *shard = m->group->group->shard;
    const struct consumer_regex *r =
        slice_is_null(m->regex) ? NULL : map_get(&m->group->regexes, m->regex);
    size_t room = m->topics_count + (r == NULL ? 0 : r->topics_count);
    struct consumer_topic *topics = ARENA_ARRAY(arena, room, struct consumer_topic);
    *count = 0;
    if (shard->image != NULL) {
        add_topics(shard, m->topics, m->topics_count, topics, count);
        if (r != NULL) {
            add_topics(shard, r->topics, r->topics_count, topics, count);
        }
    }
    *count = sort_topics(topics, *count);
    return topics;
}

struct consumer_topic *consumer_topics_of_all(const struct consumer_subscriber *members,
                                              size_t count, struct arena *arena, size_t *topics)
{
    size_t room = 0;
    for (size_t i = 0; i < count; i++) {
        room += members[i].topics_count;
    }
    struct consumer_topic *all = ARENA_ARRAY(arena, room, struct consumer_topic);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < members[i].topics_count; k++) {
            all[at++] = members[i].topics[k];
        }
    }
    *topics = sort_topics(all, at);
    return all;
}

bool consumer_subscriber_reads(const struct consumer_subscriber *m, struct uuid topic)
{
    struct consumer_topic key = {.id = topic};
    return m->topics_count > 0 &&
           bsearch(&key, m->topics, m->topics_count, sizeof key, by_id) != NULL;
}

/* Of every topic that anybody reads, once, whatever order the members are in. */
static int64_t hash_of_all(const struct consumer_group *cg)
{
    struct arena arena = {0};
    struct consumer_subscriber *members =
        ARENA_ARRAY(&arena, cg->members.count, struct consumer_subscriber);
    size_t count = 0;
    size_t at = 0;
    for (const struct consumer_member *m; (m = map_next(&cg->members, &at)) != NULL; count++) {
        members[count].topics = consumer_member_topics(m, &arena, &members[count].topics_count);
    }
    size_t topics_count;
    struct consumer_topic *topics = consumer_topics_of_all(members, count, &arena, &topics_count);
    uint64_t sum = 0;
    for (size_t i = 0; i < topics_count; i++) {
        struct {
            struct uuid id;
            uint64_t partitions;
        } key = {topics[i].id, (uint64_t)topics[i].partitions};
        sum += map_hash(MAP_KEY(key));
    }
    arena_fini(&arena);
    return (int64_t)sum;
}

bool consumer_subscriptions_changed(struct consumer_group *cg)
{
    const struct group_shard *shard = cg->group->shard;
    size_t at = 0;
    for (struct consumer_regex *r; (r = map_next(&cg->regexes, &at)) != NULL;) {
        if (shard->image != NULL) {
            resolve(r, shard);
        }
    }
    int64_t hash = hash_of_all(cg);
    bool changed = hash != cg->metadata_hash;
    cg->metadata_hash = hash;
    cg->metadata_seen = shard->metadata_serial;
    return changed;
}
