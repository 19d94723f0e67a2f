/* craft metadata why: which records made this broker the leader and these the ISR, when, and why.
 */
#include "cli/metadata.h"

#include "base/mem.h"
#include "metadata/quote.h"

enum { SHOWN_STEPS = 20 };

/* A partition at one point; copied, as the image goes. */
struct state {
    bool exists;
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    struct metadata_ids isr;
    struct metadata_ids replicas;
};

/* A batch that changed the partition, or the state with which the log begins. */
struct step {
    int64_t offset; /* of the record; of the state, if it is from a snapshot */
    int64_t time_ms;
    bool is_snapshot;
    struct metadata_cause cause;
    struct state before;
    struct state after;
};

struct why {
    struct history_point at;
    struct slice topic;
    int32_t index;
    struct uuid topic_id; /* of the steps; a topic that is created again begins anew */
    struct arena arena;
    struct step *steps;
    size_t count;
    size_t cap;
};

/* ---- gathering ---- */

static struct metadata_ids copy_ids(struct arena *arena, struct metadata_ids ids)
{
    int32_t *items = ARENA_ARRAY(arena, ids.count, int32_t);
    if (ids.count > 0) {
        memcpy(items, ids.items, ids.count * sizeof *items);
    }
    return (struct metadata_ids){items, ids.count};
}

static struct state state_of(struct why *why, const struct metadata_partition *p)
{
    if (p == NULL) {
        return (struct state){.leader = -1, .leader_epoch = -1, .partition_epoch = -1};
    }
    return (struct state){.exists = true,
                          .leader = p->leader,
                          .leader_epoch = p->leader_epoch,
                          .partition_epoch = p->partition_epoch,
                          .isr = copy_ids(&why->arena, metadata_isr(p)),
                          .replicas = copy_ids(&why->arena, metadata_replicas(p))};
}

static const struct metadata_partition *partition_of(const struct metadata_image *image,
                                                     struct uuid topic_id, int32_t index)
{
    const struct metadata_topic *topic = metadata_topic_by_id(image, topic_id);
    return topic == NULL ? NULL : metadata_partition(topic, index);
}

static void add_step(struct why *why, struct step step)
{
    if (why->count == why->cap) {
        why->cap = why->cap == 0 ? 64 : 2 * why->cap;
        why->steps = mem_realloc(why->steps, why->cap * sizeof *why->steps);
    }
    why->steps[why->count++] = step;
}

/* The last record of the batch that speaks of the partition. */
static int64_t record_offset(const struct why *why, const struct node_batch *batch)
{
    int64_t offset = batch->base_offset;
    for (int i = 0; i < batch->count; i++) {
        struct arena arena = {0};
        struct metadata_record r;
        if (metadata_record_decode(batch->record_values[i], &arena, &r, NULL) == ERR_NONE &&
            ((r.type == METADATA_RECORD_PARTITION && r.partition.partition_id == why->index &&
              uuid_eq(r.partition.topic_id, why->topic_id)) ||
             (r.type == METADATA_RECORD_PARTITION_CHANGE &&
              r.partition_change.partition_id == why->index &&
              uuid_eq(r.partition_change.topic_id, why->topic_id)))) {
            offset = batch->base_offset + i;
        }
        arena_fini(&arena);
    }
    return offset;
}

/* Is there a topic of that name with that partition? Begins anew if it is another one. */
static bool find_topic(struct why *why, const struct metadata_image *image)
{
    const struct metadata_topic *topic = metadata_topic_by_name(image, why->topic);
    if (topic == NULL) {
        return false;
    }
    if (!uuid_eq(topic->id, why->topic_id)) {
        why->topic_id = topic->id;
        why->count = 0;
    }
    return true;
}

static void see_start(void *arg, const struct history_step *step)
{
    struct why *why = arg;
    if (!find_topic(why, step->after)) {
        return;
    }
    const struct metadata_partition *p = partition_of(step->after, why->topic_id, why->index);
    if (p != NULL) {
        add_step(why, (struct step){.offset = metadata_image_offset(step->after),
                                    .time_ms = metadata_image_timestamp_ms(step->after),
                                    .is_snapshot = true,
                                    .cause = metadata_cause_of(METADATA_EVENT_UNKNOWN, -1),
                                    .before = state_of(why, NULL),
                                    .after = state_of(why, p)});
    }
}

static void see_step(void *arg, const struct history_step *step)
{
    struct why *why = arg;
    if (!find_topic(why, step->after)) {
        return;
    }
    const struct metadata_partition *before = partition_of(step->before, why->topic_id, why->index);
    const struct metadata_partition *after = partition_of(step->after, why->topic_id, why->index);
    bool same = before == after || (before != NULL && after != NULL &&
                                    before->partition_epoch == after->partition_epoch);
    if (!same) {
        add_step(why, (struct step){.offset = record_offset(why, step->batch),
                                    .time_ms = step->batch->append_timestamp_ms,
                                    .cause = metadata_cause_dup(step->cause, &why->arena),
                                    .before = state_of(why, before),
                                    .after = state_of(why, after)});
    }
}

/* ---- what explains the present ---- */

/* The last change of leader, or the oldest that is known. */
static const struct step *leader_step(const struct why *why)
{
    size_t i = why->count - 1;
    while (i > 0 && why->steps[i].before.leader == why->steps[i].after.leader) {
        i--;
    }
    return &why->steps[i];
}

/* The last time the broker came into the ISR or left it; NULL: it never was in it. */
static const struct step *isr_step(const struct why *why, int32_t broker_id)
{
    for (size_t i = why->count; i-- > 0;) {
        bool before = metadata_ids_contain(why->steps[i].before.isr, broker_id);
        bool after = metadata_ids_contain(why->steps[i].after.isr, broker_id);
        if (before != after) {
            return &why->steps[i];
        }
    }
    return NULL;
}

/* ---- for people ---- */

static void put_leader(int32_t leader, struct buf *out)
{
    if (leader < 0) {
        buf_put_str(out, "none");
    } else {
        buf_printf(out, "%" PRId32, leader);
    }
}

static void put_step_head(const struct step *step, struct buf *out)
{
    if (step->is_snapshot) {
        buf_printf(out, "since before the snapshot that ends at offset %" PRId64 ", ",
                   step->offset);
        metadata_put_time(step->time_ms, out);
        buf_put_str(out, "\n");
        return;
    }
    buf_printf(out, "offset %" PRId64 ", ", step->offset);
    metadata_put_time(step->time_ms, out);
    buf_put_str(out, "\n      because: ");
    metadata_cause_print(&step->cause, out);
    if (step->cause.controller >= 0) {
        buf_printf(out, "\n      decided by controller %" PRId32, step->cause.controller);
    }
    buf_put_str(out, "\n");
}

static void put_change(const struct step *step, struct buf *out)
{
    buf_put_str(out, "      leader ");
    if (step->before.exists) {
        put_leader(step->before.leader, out);
        buf_put_str(out, " -> ");
    }
    put_leader(step->after.leader, out);
    buf_put_str(out, ", isr ");
    if (step->before.exists) {
        metadata_put_ids(step->before.isr, out);
        buf_put_str(out, " -> ");
    }
    metadata_put_ids(step->after.isr, out);
    buf_printf(out, ", leader epoch %" PRId32 ", partition epoch %" PRId32 "\n",
               step->after.leader_epoch, step->after.partition_epoch);
}

static void put_for_people(const struct why *why, struct buf *out)
{
    const struct state *now = &why->steps[why->count - 1].after;
    buf_printf(out, "%.*s-%" PRId32 ": leader ", SLICE_ARG(why->topic), why->index);
    put_leader(now->leader, out);
    buf_put_str(out, ", isr ");
    metadata_put_ids(now->isr, out);
    buf_put_str(out, ", replicas ");
    metadata_put_ids(now->replicas, out);
    buf_printf(out, ", leader epoch %" PRId32 ", partition epoch %" PRId32 "\n\nleader ",
               now->leader_epoch, now->partition_epoch);
    put_leader(now->leader, out);
    buf_put_str(out, "\n    ");
    put_step_head(leader_step(why), out);
    for (size_t i = 0; i < now->replicas.count; i++) {
        int32_t id = now->replicas.items[i];
        const struct step *step = isr_step(why, id);
        buf_printf(out, "broker %" PRId32 " is %sin the ISR\n", id,
                   metadata_ids_contain(now->isr, id) ? "" : "not ");
        if (step != NULL) {
            buf_put_str(out, "    ");
            put_step_head(step, out);
        }
    }
    size_t first = why->count > SHOWN_STEPS ? why->count - SHOWN_STEPS : 0;
    buf_printf(out, "\nthe %slast %zu of %zu changes\n", first == 0 ? "" : "", why->count - first,
               why->count);
    for (size_t i = first; i < why->count; i++) {
        buf_put_str(out, "    ");
        put_step_head(&why->steps[i], out);
        put_change(&why->steps[i], out);
    }
}

/* ---- for programs ---- */

static void put_step_json(const struct step *step, struct buf *out)
{
    buf_printf(out, "{\"offset\":%" PRId64 ",\"timestampMs\":%" PRId64 ",\"snapshot\":%s",
               step->offset, step->time_ms, step->is_snapshot ? "true" : "false");
    if (step->before.exists) {
        buf_printf(out, ",\"leaderBefore\":%" PRId32 ",\"isrBefore\":", step->before.leader);
        metadata_put_ids(step->before.isr, out);
    }
    buf_printf(out,
               ",\"leader\":%" PRId32 ",\"leaderEpoch\":%" PRId32 ",\"partitionEpoch\":%" PRId32
               ",\"isr\":",
               step->after.leader, step->after.leader_epoch, step->after.partition_epoch);
    metadata_put_ids(step->after.isr, out);
    buf_put_str(out, ",\"replicas\":");
    metadata_put_ids(step->after.replicas, out);
    buf_put_str(out, ",\"cause\":");
    metadata_cause_print_json(&step->cause, out);
    buf_put_str(out, "}");
}

static void put_json(const struct why *why, struct buf *out)
{
    const struct state *now = &why->steps[why->count - 1].after;
    buf_put_str(out, "{\"topic\":");
    metadata_quote(out, why->topic);
    buf_printf(out,
               ",\"topicId\":\"%s\",\"partition\":%" PRId32 ",\"leader\":%" PRId32
               ",\"leaderEpoch\":%" PRId32 ",\"partitionEpoch\":%" PRId32 ",\"isr\":",
               uuid_text(why->topic_id).text, why->index, now->leader, now->leader_epoch,
               now->partition_epoch);
    metadata_put_ids(now->isr, out);
    buf_put_str(out, ",\"replicas\":");
    metadata_put_ids(now->replicas, out);
    buf_put_str(out, ",\n\"leaderSince\":");
    put_step_json(leader_step(why), out);
    buf_put_str(out, ",\n\"isrSince\":[");
    for (size_t i = 0; i < now->replicas.count; i++) {
        int32_t id = now->replicas.items[i];
        const struct step *step = isr_step(why, id);
        buf_printf(out, "%s\n{\"broker\":%" PRId32 ",\"inSync\":%s,\"since\":", i > 0 ? "," : "",
                   id, metadata_ids_contain(now->isr, id) ? "true" : "false");
        if (step == NULL) {
            buf_put_str(out, "null");
        } else {
            put_step_json(step, out);
        }
        buf_put_str(out, "}");
    }
    buf_put_str(out, "],\n\"changes\":[");
    for (size_t i = 0; i < why->count; i++) {
        buf_put_str(out, i > 0 ? ",\n" : "\n");
        put_step_json(&why->steps[i], out);
    }
    buf_put_str(out, "]}\n");
}

/* ---- the command ---- */

/* "topic-name-3": the partition stands behind the last '-'. */
static bool parse_partition(const char *text, struct why *why)
{
    const char *dash = strrchr(text, '-');
    int64_t index;
    if (dash == NULL || dash == text || !args_parse_number(slice_str(dash + 1), &index) ||
        index < 0 || index > INT32_MAX) {
        return false;
    }
    why->topic = slice_of(text, (size_t)(dash - text));
    why->index = (int32_t)index;
    return true;
}

static enum cli_exit explain(struct cli *cli, struct history *h, void *arg)
{
    struct why *why = arg;
    struct history_walk walk = {
        .from = HISTORY_END, .to = why->at, .see = see_step, .see_start = see_start, .arg = why};
    struct metadata_image *image = history_replay(h, &walk);
    enum cli_exit code = CLI_FAILED;
    if (image == NULL) {
        return code;
    }
    const struct metadata_topic *topic = metadata_topic_by_name(image, why->topic);
    if (topic == NULL || metadata_partition(topic, why->index) == NULL) {
        code = cli_fail(cli, "there is no partition %.*s-%" PRId32 " at that point of the log",
                        SLICE_ARG(why->topic), why->index);
    } else {
        struct buf out = {0};
        ASSERT(why->count > 0);
        (cli->format == TABLE_JSON ? put_json : put_for_people)(why, &out);
        code = cli_print(&out);
    }
    metadata_image_unref(image);
    return code;
}

static enum cli_exit run_why(struct cli *cli)
{
    struct why why = {.topic_id = UUID_ZERO};
    if (!parse_partition(cli->args.words[0], &why)) {
        return cli_misuse(cli, "\"%s\" is no TOPIC-PARTITION like clicks-0", cli->args.words[0]);
    }
    if (!metadata_point(cli, &why.at)) {
        return CLI_USAGE;
    }
    enum cli_exit code = metadata_with_log(cli, explain, &why);
    mem_free(why.steps);
    arena_fini(&why.arena);
    return code;
}

static const struct args_option options[] = {
    METADATA_SOURCE_OPTIONS,
    {"at", "OFFSET|TIME", "why it was as it was then; default: the end of the log"},
    {0}};

const struct cli_verb cli_metadata_why = {
    .noun = "metadata",
    .name = "why",
    .words = "TOPIC-PARTITION",
    .words_min = 1,
    .words_max = 1,
    .uses = CLI_USES_FORMAT,
    .about = "Tells which records made this broker the leader and these the ISR, when and why",
    .more = "What is older than the oldest snapshot of the log has no reason any more.",
    .examples = "craft metadata why clicks-0 --log-dir data/controller-1\n"
                "craft metadata why clicks-0 --bootstrap-controller 127.0.0.1:10092 --format json",
    .options = options,
    .run = run_why,
};
