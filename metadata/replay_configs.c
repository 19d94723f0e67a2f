/* Replay of dynamic configuration, feature levels and producer ids. */
#include "metadata/private.h"

#include "base/mem.h"
#include "metadata/supported.h"

static struct slice put_text(char **at, struct slice text)
{
    struct slice copy = slice_of(*at, text.len);
    if (text.len > 0) {
        memcpy(*at, text.data, text.len);
    }
    *at += text.len;
    return copy;
}

/* A resource in one allocation: structure, entries, text. */
static struct metadata_config_resource *
resource_new(struct metadata_config_key key, const struct metadata_config_entry *list, size_t n)
{
    size_t text = key.name.len;
    for (size_t i = 0; i < n; i++) {
        text += list[i].name.len + list[i].value.len;
    }
    struct metadata_config_resource *r =
        mem_alloc(sizeof *r + n * sizeof(struct metadata_config_entry) + text);
    ref_init(&r->refs);
    r->count = n;
    r->entries = (struct metadata_config_entry *)(r + 1);
    char *at = (char *)(r->entries + n);
    r->key.type = key.type;
    r->key.name = put_text(&at, key.name);
    for (size_t i = 0; i < n; i++) {
        r->entries[i].name = put_text(&at, list[i].name);
        r->entries[i].value = put_text(&at, list[i].value);
    }
    return r;
}

/* The entries of `before` (NULL: none) with the record's change, sorted; returns how many. */
static size_t merge(const struct metadata_config_resource *before,
                    const struct metadata_config_record *r, struct metadata_config_entry *out)
{
    size_t n = 0;
    size_t i = 0;
    size_t count = before == NULL ? 0 : before->count;
    while (i < count && slice_cmp(before->entries[i].name, r->name) < 0) {
        out[n++] = before->entries[i++];
    }
    if (i < count && slice_eq(before->entries[i].name, r->name)) {
        i++;
    }
    if (!slice_is_null(r->value)) {
        out[n++] = (struct metadata_config_entry){.name = r->name, .value = r->value};
    }
    while (i < count) {
        out[n++] = before->entries[i++];
    }
    return n;
}

static bool type_known(int8_t type)
{
    return type == METADATA_CONFIG_TOPIC || type == METADATA_CONFIG_BROKER ||
           type == METADATA_CONFIG_CLIENT_METRICS || type == METADATA_CONFIG_GROUP;
}

enum err metadata_replay_config(struct metadata_delta *d, const struct metadata_config_record *r)
{
    if (!type_known(r->resource_type)) {
        return metadata_delta_fail(d, ERR_UNSUPPORTED,
                                   "configuration of resource type %d is not known to this "
                                   "version; upgrade it",
                                   r->resource_type);
    }
    struct slice name = slice_is_null(r->resource_name) ? slice_str("") : r->resource_name;
    struct metadata_config_key key = {.type = r->resource_type, .name = name};
    const struct metadata_config_resource *before = pmap_get(&d->image->configs, &key);
    size_t room = (before == NULL ? 0 : before->count) + 1;
    struct metadata_config_entry *list = mem_zalloc(room, sizeof *list);
    size_t count = merge(before, r, list);
    if (count > 0) {
        pmap_put(&d->image->configs, resource_new(key, list, count));
    } else {
        pmap_remove(&d->image->configs, &key);
    }
    mem_free(list);
    return ERR_NONE;
}

enum err metadata_replay_feature_level(struct metadata_delta *d,
                                       const struct metadata_feature_level *r)
{
    if (slice_eq_str(r->name, METADATA_KRAFT_FEATURE)) {
        return ERR_NONE; /* Kafka has written it by mistake; the quorum knows (KAFKA-18979) */
    }
    if (r->name.len == 0 || r->level < 0) {
        return metadata_delta_fail(d, ERR_CORRUPT, "feature \"%.*s\" gets level %d",
                                   SLICE_ARG(r->name), r->level);
    }
    if (r->level == 0) {
        pmap_remove(&d->image->features, &r->name);
        return ERR_NONE;
    }
    struct metadata_feature *feature = mem_alloc(sizeof *feature + r->name.len);
    char *at = (char *)(feature + 1);
    ref_init(&feature->refs);
    feature->name = put_text(&at, r->name);
    feature->level = r->level;
    pmap_put(&d->image->features, feature);
    return ERR_NONE;
}

enum err metadata_replay_producer_ids(struct metadata_delta *d,
                                      const struct metadata_producer_ids *r)
{
    if (r->next_producer_id <= d->image->next_producer_id) {
        return metadata_delta_fail(d, ERR_CORRUPT,
                                   "the next producer id goes back from %" PRId64 " to %" PRId64,
                                   d->image->next_producer_id, r->next_producer_id);
    }
    d->image->next_producer_id = r->next_producer_id;
    return ERR_NONE;
}
