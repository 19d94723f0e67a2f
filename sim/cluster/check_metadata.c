/* Invariants of the metadata: the checks replay what is committed, as every node does. */
#include <stdio.h>

#include "base/mem.h"
#include "sim/cluster/check_state.h"

void check_metadata_init(struct sim_checks *checks)
{
    checks->image = metadata_image_new(slice_str(SIM_CLUSTER_ID));
}

void check_metadata_fini(struct sim_checks *checks)
{
    for (size_t i = 0; i < CHECK_IMAGES; i++) {
        metadata_image_unref(checks->images[i].image);
    }
    metadata_image_unref(checks->image);
}

/* ---- what may change, and how ---- */

struct change {
    struct sim_checks *checks;
    const struct metadata_image *after;
};

static void bad(const struct change *c, const char *invariant,
                const struct metadata_partition_diff *d)
{
    sim_fail(c->checks->world, invariant, "%.*s-%d at offset %" PRId64, SLICE_ARG(d->topic->name),
             d->index, metadata_image_offset(c->after));
}

static bool within(struct metadata_ids ids, struct metadata_ids of)
{
    for (size_t i = 0; i < ids.count; i++) {
        if (!metadata_ids_contain(of, ids.items[i])) {
            return false;
        }
    }
    return true;
}

/* Whoever is fenced is not waited for, and may lack what was committed since: only the last member
 * of an ISR stays in it (KAFKA-13916). */
static void check_isr_of_fenced(const struct change *c, const struct metadata_partition_diff *d)
{
    struct metadata_ids isr = metadata_isr(d->after);
    for (size_t i = 0; i < isr.count && isr.count > 1; i++) {
        const struct metadata_broker *broker = metadata_broker(c->after, isr.items[i]);
        if (broker == NULL || broker->fenced) {
            bad(c, "FencedNeverInIsr", d);
        }
    }
}

static void on_partition(void *arg, const struct metadata_partition_diff *d)
{
    const struct change *c = arg;
    const struct metadata_partition *before = d->before;
    const struct metadata_partition *after = d->after;
    if (after == NULL) {
        return;
    }
    char topic[64];
    snprintf(topic, sizeof topic, "%.*s-%d", SLICE_ARG(d->topic->name), d->index);
    sim_look_at_isr(c->checks->world, topic, metadata_isr(after));
    if (!within(metadata_isr(after), metadata_replicas(after))) {
        bad(c, "IsrWithinReplicas", d);
    }
    if (after->leader >= 0 && !metadata_ids_contain(metadata_isr(after), after->leader)) {
        bad(c, "LeaderInIsr", d);
    }
    const struct metadata_broker *leader = metadata_broker(c->after, after->leader);
    if (after->leader >= 0 && (leader == NULL || leader->fenced)) {
        bad(c, "FencedNeverLeads", d);
    }
    check_isr_of_fenced(c, d);
    check_partition_commit(c->checks, d);
    if (before == NULL) {
        return;
    }
    check_partition_moved(c->checks, d);
    if (after->partition_epoch <= before->partition_epoch ||
        after->leader_epoch < before->leader_epoch) {
        bad(c, "MonotonicPartitionEpoch", d);
    }
    if (after->leader != before->leader) {
        sim_tally(c->checks->world->report, "partition leaders", 1);
        if (after->leader_epoch == before->leader_epoch) {
            bad(c, "OneLeaderPerLeaderEpoch", d);
        }
    }
    if (metadata_isr(after).count != metadata_isr(before).count) {
        sim_tally(c->checks->world->report, "ISR changes", 1);
    }
}

static void on_broker(void *arg, const struct metadata_broker *before,
                      const struct metadata_broker *after)
{
    const struct change *c = arg;
    if (after == NULL || !after->fenced) {
        return;
    }
    if (before != NULL && !before->fenced) {
        sim_tally(c->checks->world->report, "brokers fenced", 1);
    }
    struct metadata_partition_iter it =
        metadata_partition_set(c->after, METADATA_SET_BROKER(after->id));
    const struct metadata_partition *p;
    while ((p = metadata_partition_set_next(&it)) != NULL) {
        struct metadata_ids isr = metadata_isr(p);
        const char *broken = p->leader == after->id ? "FencedNeverLeads"
                             : isr.count > 1 && metadata_ids_contain(isr, after->id)
                                 ? "FencedNeverInIsr"
                                 : NULL;
        if (broken != NULL) {
            sim_fail(c->checks->world, broken, "broker %d and %.*s-%d", after->id,
                     SLICE_ARG(it.topic->name), it.index);
            return;
        }
    }
}

/* ---- replay ---- */

/* The values of the batch's records; `*count` 0 for a control batch. */
static enum err read_values(const struct wire_batch *batch, struct arena *arena,
                            struct slice **values, int *count)
{
    struct wire_records it;
    struct wire_record record;
    *count = 0;
    *values = NULL;
    if (wire_batch_has(batch, WIRE_BATCH_CONTROL)) {
        return ERR_NONE;
    }
    *values = arena_array(arena, (size_t)batch->record_count, sizeof **values);
    TRY(wire_records_open(&it, batch, batch->bytes.len, arena));
    for (bool got = true; got && *count < batch->record_count;) {
        TRY(wire_record_next(&it, &record, &got));
        if (got) {
            (*values)[(*count)++] = record.value;
        }
    }
    return ERR_NONE;
}

static enum err replay(struct sim_checks *checks, const struct wire_batch *batch, struct buf *why)
{
    struct arena arena = {0};
    struct slice *values;
    int count;
    enum err e = read_values(batch, &arena, &values, &count);
    if (e == ERR_NONE) {
        struct metadata_batch records = {.base_offset = batch->base_offset,
                                         .last_offset = wire_batch_last_offset(batch),
                                         .epoch = batch->leader_epoch,
                                         .timestamp_ms = batch->max_timestamp,
                                         .values = values,
                                         .count = count};
        struct metadata_image *next = NULL;
        e = metadata_replay_batch(checks->image, &records, &next, why);
        if (e == ERR_NONE) {
            metadata_image_unref(checks->image);
            checks->image = next;
        }
    }
    arena_fini(&arena);
    return e;
}

static void keep_image(struct sim_checks *checks)
{
    struct check_image *place = &checks->images[checks->image_count++ % CHECK_IMAGES];
    metadata_image_unref(place->image);
    *place = (struct check_image){metadata_image_offset(checks->image),
                                  metadata_image_ref(checks->image)};
}

void check_metadata_commit(struct sim_checks *checks, const struct wire_batch *batch)
{
    struct buf why = {0};
    struct metadata_image *before = metadata_image_ref(checks->image);
    enum err e = replay(checks, batch, &why);
    if (e != ERR_NONE) {
        sim_fail(checks->world, "ImageIsReplay: a committed record cannot be replayed",
                 "offset %" PRId64 ": %s %.*s", batch->base_offset, err_name(e),
                 SLICE_ARG(buf_slice(&why)));
    } else {
        struct change change = {checks, checks->image};
        metadata_diff(before, checks->image,
                      &(struct metadata_visitor){
                          .arg = &change, .broker = on_broker, .partition = on_partition});
        keep_image(checks);
    }
    metadata_image_unref(before);
    buf_fini(&why);
}

/* ---- the images of nodes ---- */

static const struct metadata_image *image_at(const struct sim_checks *checks, int64_t offset)
{
    size_t count = checks->image_count < CHECK_IMAGES ? checks->image_count : CHECK_IMAGES;
    for (size_t i = 0; i < count; i++) {
        if (checks->images[i].offset == offset) {
            return checks->images[i].image;
        }
    }
    return NULL;
}

struct differences {
    const char *first; /* NULL: none */
};

static void differs(struct differences *d, const char *what)
{
    d->first = d->first == NULL ? what : d->first;
}

static void diff_feature(void *arg, const struct metadata_feature *before,
                         const struct metadata_feature *after)
{
    (void)before;
    (void)after;
    differs(arg, "features");
}

static void diff_controller(void *arg, const struct metadata_controller *before,
                            const struct metadata_controller *after)
{
    (void)before;
    (void)after;
    differs(arg, "controllers");
}

static void diff_broker(void *arg, const struct metadata_broker *before,
                        const struct metadata_broker *after)
{
    (void)before;
    (void)after;
    differs(arg, "brokers");
}

static void diff_topic(void *arg, const struct metadata_topic *before,
                       const struct metadata_topic *after)
{
    if (before == NULL || after == NULL) {
        differs(arg, "topics");
    }
}

static void diff_partition(void *arg, const struct metadata_partition_diff *diff)
{
    (void)diff;
    differs(arg, "partitions");
}

static void diff_config(void *arg, const struct metadata_config_resource *before,
                        const struct metadata_config_resource *after)
{
    (void)before;
    (void)after;
    differs(arg, "settings");
}

static void diff_producer_ids(void *arg, int64_t before, int64_t after)
{
    (void)before;
    (void)after;
    differs(arg, "producer ids");
}

void check_metadata_node(struct sim_checks *checks, struct sim_machine *m)
{
    const struct metadata_image *its = m->controller != NULL
                                           ? controller_server_image(m->controller)
                                           : broker_server_image(m->broker);
    const struct metadata_image *ours =
        its == NULL ? NULL : image_at(checks, metadata_image_offset(its));
    if (ours == NULL) {
        return;
    }
    struct differences found = {NULL};
    struct metadata_visitor visitor = {&found,      diff_feature,     diff_controller,
                                       diff_broker, diff_topic,       diff_partition,
                                       diff_config, diff_producer_ids};
    metadata_diff(ours, its, &visitor);
    sim_tally(checks->world->report, "images compared", 1);
    if (found.first != NULL) {
        sim_fail(checks->world, "ImageIsReplay: a node's metadata is not what its log says",
                 "%s at offset %" PRId64 ": %s", m->name, metadata_image_offset(its), found.first);
    }
}
