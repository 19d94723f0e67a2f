/* Topic names; see names.h. */
#include "controller/decide/names.h"

static bool is_legal(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

enum err decide_name_check(struct slice name, struct arena *arena, struct slice *why)
{
    if (name.len == 0) {
        *why = decide_text(arena, "Topic name is invalid: the empty string is not allowed");
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    if (slice_eq_str(name, ".") || slice_eq_str(name, "..")) {
        *why = decide_text(arena, "Topic name is invalid: '%.*s' is not allowed", SLICE_ARG(name));
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    if (name.len > DECIDE_NAME_BYTES_MAX) {
        *why = decide_text(arena,
                           "Topic name is invalid: the length is %zu, the longest allowed is %d",
                           name.len, DECIDE_NAME_BYTES_MAX);
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (!is_legal(name.data[i])) {
            *why = decide_text(arena,
                               "Topic name is invalid: '%.*s' contains one or more characters "
                               "other than ASCII alphanumerics, '.', '_' and '-'",
                               SLICE_ARG(name));
            return ERR_INVALID_TOPIC_EXCEPTION;
        }
    }
    return ERR_NONE;
}

struct slice decide_name_normal(struct slice name, struct arena *arena)
{
    uint8_t *text = arena_alloc(arena, name.len + 1);
    for (size_t i = 0; i < name.len; i++) {
        text[i] = name.data[i] == '.' ? '_' : name.data[i];
    }
    return slice_of(text, name.len);
}

/* The first topic whose name begins with these bytes, or NULL. */
static const struct metadata_topic *first_with_prefix(const struct metadata_image *image,
                                                      struct slice prefix)
{
    struct metadata_iter it = metadata_topics_from(image, prefix);
    const struct metadata_topic *topic = metadata_topic_next(&it);
    bool begins = topic != NULL && topic->name.len >= prefix.len &&
                  (prefix.len == 0 || memcmp(topic->name.data, prefix.data, prefix.len) == 0);
    return begins ? topic : NULL;
}

/* A search that tries both characters at each place in question and gives a branch up as soon as
 * no topic begins like it, so that it visits only beginnings that exist. */
static const struct metadata_topic *search(const struct metadata_image *image, uint8_t *name,
                                           size_t len, size_t at)
{
    while (at < len && name[at] != '.' && name[at] != '_') {
        at++;
    }
    if (at == len) {
        return metadata_topic_by_name(image, slice_of(name, len));
    }
    const uint8_t both[] = {'.', '_'};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        name[at] = both[i];
        if (first_with_prefix(image, slice_of(name, at + 1)) == NULL) {
            continue;
        }
        const struct metadata_topic *found = search(image, name, len, at + 1);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

const struct metadata_topic *decide_name_collision(const struct metadata_image *image,
                                                   struct slice name)
{
    uint8_t text[DECIDE_NAME_BYTES_MAX];
    ASSERT(name.len <= sizeof text);
    memcpy(text, name.data, name.len);
    return search(image, text, name.len, 0);
}
