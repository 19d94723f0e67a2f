/* Which partitions are meant; see selection.h. */
#include "cli/selection.h"

static void add(struct group_partitions *to, struct slice topic, int32_t partition,
                struct arena *arena)
{
    /* A power of two: the array is full. */
    if ((to->count & (to->count - 1)) == 0) {
        struct group_partition *all =
            ARENA_ARRAY(arena, (size_t)to->count * 2 + 1, struct group_partition);
        if (to->count > 0) {
            memcpy(all, to->items, (size_t)to->count * sizeof *all);
        }
        to->items = all;
    }
    to->items[to->count++] = (struct group_partition){topic, partition};
}

enum err selection_read(struct slice text, struct arena *arena, struct group_partitions *out,
                        struct group_partitions *topics, struct buf *why)
{
    struct slice rest = text;
    struct slice topic;
    (void)args_item(&rest, ':', &topic);
    if (slice_is_null(rest) && topic.len > 0) {
        add(topics, topic, -1, arena);
        return ERR_NONE;
    }
    struct slice numbers;
    (void)args_item(&rest, ':', &numbers);
    if (!slice_is_null(rest) || topic.len == 0) {
        buf_printf(why, "Invalid topic arg '%.*s', expected topic name and partitions",
                   SLICE_ARG(text));
        return ERR_INVALID_REQUEST;
    }
    struct slice item;
    if (numbers.len > 1 && numbers.data[numbers.len - 1] == ',') {
        numbers.len--; /* so does Java's split() */
    }
    while (args_item(&numbers, ',', &item)) {
        int64_t number;
        if (!args_parse_number(item, &number) || number < 0 || number > INT32_MAX) {
            buf_printf(why, "Invalid partition '%.*s' specified in topic arg '%.*s''",
                       SLICE_ARG(item), SLICE_ARG(text));
            return ERR_INVALID_REQUEST;
        }
        add(out, topic, (int32_t)number, arena);
    }
    return ERR_NONE;
}

enum err selection_of_option(struct cli *cli, struct group_partitions *out,
                             struct group_partitions *topics)
{
    *out = *topics = (struct group_partitions){0};
    const char *text;
    int at = 0;
    while ((text = args_next(&cli->args, "topic", &at)) != NULL) {
        TRY(selection_read(slice_str(text), &cli->arena, out, topics, &cli->why));
    }
    return ERR_NONE;
}

enum err selection_add_topics(struct cluster *cluster, const struct group_partitions *topics,
                              struct arena *arena, struct group_partitions *out,
                              struct slice *missing)
{
    for (int32_t i = 0; i < topics->count; i++) {
        const struct wire_metadata_response_topics *topic;
        *missing = topics->items[i].topic;
        TRY(cluster_find_topic(cluster, *missing, &topic));
        for (int32_t k = 0; k < topic->partitions_count; k++) {
            add(out, *missing, k, arena);
        }
    }
    return ERR_NONE;
}

struct coordinator_offset *selection_offsets(const struct group_partitions *partitions,
                                             struct arena *arena)
{
    struct coordinator_offset *items =
        ARENA_ARRAY(arena, (size_t)partitions->count + 1, struct coordinator_offset);
    for (int32_t i = 0; i < partitions->count; i++) {
        items[i].topic = partitions->items[i].topic;
        items[i].partition = partitions->items[i].partition;
    }
    return items;
}

enum cli_exit selection_of_words(struct cli *cli, struct cluster *cluster,
                                 struct group_partitions *out)
{
    struct group_partitions topics = {0};
    *out = (struct group_partitions){0};
    for (int i = 0; i < cli->args.word_count; i++) {
        if (selection_read(slice_str(cli->args.words[i]), &cli->arena, out, &topics, &cli->why) !=
            ERR_NONE) {
            return cli_refuse(cli);
        }
    }
    struct slice missing;
    enum err e = selection_add_topics(cluster, &topics, &cli->arena, out, &missing);
    return e == ERR_NONE ? CLI_OK
                         : cluster_fail_topic(cli, cluster, arena_str(&cli->arena, missing), e);
}
