/* OffsetCommit and TxnOffsetCommit: checked against the group, written, answered at commit. */
#include "broker/group/consumer/consumer.h"
#include "broker/group/records.h"

enum { COMMIT_V_GROUP_ID_NOT_FOUND = 9 }; /* KIP-848 */

struct committer {
    struct slice group_id;
    struct slice member_id;
    struct slice instance_id;
    int32_t generation;
    int16_t version;
    bool transactional;
};

static enum err validate_in_group(const struct group *g, const struct committer *c)
{
    if (g->state == GROUP_STATE_DEAD) {
        return ERR_COORDINATOR_NOT_AVAILABLE;
    }
    if (g->consumer != NULL) {
        bool nameless = c->transactional && c->generation < 0 && c->member_id.len == 0;
        return nameless ? ERR_NONE
                        : consumer_offsets_allowed(g->consumer, c->member_id, c->generation);
    }
    if (c->generation < 0 && g->state == GROUP_STATE_EMPTY) {
        /* An administrator, or a consumer that uses the group only to store offsets. */
        return ERR_NONE;
    }
    if (c->generation >= 0 || c->member_id.len > 0 || !slice_is_null(c->instance_id)) {
        TRY(group_member_validate(g, c->member_id, c->instance_id));
        if (c->generation != g->generation) {
            return ERR_ILLEGAL_GENERATION;
        }
    } else if (!c->transactional && g->state != GROUP_STATE_EMPTY) {
        /* Somebody who is not in the group must not move the offsets of those who are. Old
         * transactional producers cannot say who they are and are let through. */
        return ERR_UNKNOWN_MEMBER_ID;
    }
    /* The member has joined but does not know yet what it will own. */
    return !c->transactional && g->state == GROUP_STATE_COMPLETING_REBALANCE
               ? ERR_REBALANCE_IN_PROGRESS
               : ERR_NONE;
}

static enum err validate(struct step *s, const struct committer *c)
{
    struct group *g = group_find(s->shard, c->group_id);
    if (g != NULL) {
        return validate_in_group(g, c);
    }
    if (c->generation < 0) {
        return ERR_NONE; /* its first record makes the group */
    }
    return !c->transactional && c->version >= COMMIT_V_GROUP_ID_NOT_FOUND ? ERR_GROUP_ID_NOT_FOUND
                                                                          : ERR_ILLEGAL_GENERATION;
}

/* A commit is as good as a heartbeat, while the group is Stable or waits for joins. */
static void maintain_session(struct step *s, const struct committer *c)
{
    struct group *g = group_find(s->shard, c->group_id);
    if (g != NULL &&
        (g->state == GROUP_STATE_STABLE || g->state == GROUP_STATE_PREPARING_REBALANCE)) {
        struct group_member *m = group_member_find(g, c->member_id);
        if (m != NULL) {
            group_member_touch(s, m);
        }
    }
}

/* Adds the record, or says why not. */
static enum err commit_one(struct step *s, struct group_pending_append *p,
                           const struct group_key *key, struct group_offset_value value)
{
    if (value.metadata.len > (size_t)s->shard->config.offset_metadata_max_bytes) {
        return ERR_OFFSET_METADATA_TOO_LARGE;
    }
    if (slice_is_null(value.metadata)) {
        value.metadata = slice_str("");
    }
    group_append_record(p, group_records_offset(key, &value, &p->arena));
    return ERR_NONE;
}

/* ---- OffsetCommit ---- */

/* -1: as the group's retention has it. Clients say the largest number for "never". */
static int64_t expiry_ms(const struct step *s, int64_t retention_ms)
{
    return retention_ms < 0 ? -1
                            : s->now.wall_ms + min_i64(retention_ms, INT64_MAX - s->now.wall_ms);
}

static void commit_topic(struct step *s, struct group_pending_append *p,
                         const struct wire_offset_commit_request *body,
                         const struct wire_offset_commit_request_topics *from,
                         struct wire_offset_commit_response_topics *to)
{
    size_t count = (size_t)max_i64(from->partitions_count, 0);
    to->name = arena_dup(&p->arena, from->name);
    to->topic_id = from->topic_id;
    to->partitions =
        ARENA_ARRAY(&p->arena, count, struct wire_offset_commit_response_topics_partitions);
    for (size_t i = 0; i < count; i++) {
        const struct wire_offset_commit_request_topics_partitions *one = &from->partitions[i];
        struct group_key key = {.kind = GROUP_KEY_OFFSET,
                                .group = body->group_id,
                                .topic = from->name,
                                .partition = one->partition_index};
        struct group_offset_value value = {
            .offset = one->committed_offset,
            .leader_epoch = one->committed_leader_epoch,
            .metadata = one->committed_metadata,
            .commit_ms = one->commit_timestamp < 0 ? s->now.wall_ms : one->commit_timestamp,
            .expire_ms = expiry_ms(s, body->retention_time_ms),
        };
        struct wire_offset_commit_response_topics_partitions *answer =
            &to->partitions[to->partitions_count++];
        answer->partition_index = one->partition_index;
        answer->error_code = err_wire(commit_one(s, p, &key, value));
    }
}

void group_offset_commit_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_offset_commit_request *body = rq->body;
    struct committer who = {.group_id = body->group_id,
                            .member_id = body->member_id,
                            .instance_id = body->group_instance_id,
                            .generation = body->generation_id_or_member_epoch,
                            .version = rq->version};
    enum err error = validate(s, &who);
    if (error != ERR_NONE) {
        group_reply_now(s, rq, group_refusal_body(rq, error, &s->out->arena));
        return;
    }
    maintain_session(s, &who);
    struct group_pending_append *p = group_append_new(s->shard);
    struct wire_offset_commit_response *r =
        ARENA_NEW(&p->arena, struct wire_offset_commit_response);
    size_t count = (size_t)max_i64(body->topics_count, 0);
    r->topics = ARENA_ARRAY(&p->arena, count, struct wire_offset_commit_response_topics);
    for (size_t i = 0; i < count; i++) {
        commit_topic(s, p, body, &body->topics[i], &r->topics[r->topics_count++]);
    }
    s->shard->offset_commits += p->effect.records_count;
    group_append_submit_or_answer(s, rq, p, r);
}

/* ---- TxnOffsetCommit ---- */

static void txn_commit_topic(struct step *s, struct group_pending_append *p, struct slice group_id,
                             const struct wire_txn_offset_commit_request_topics *from,
                             struct wire_txn_offset_commit_response_topics *to)
{
    size_t count = (size_t)max_i64(from->partitions_count, 0);
    to->name = arena_dup(&p->arena, from->name);
    to->partitions =
        ARENA_ARRAY(&p->arena, count, struct wire_txn_offset_commit_response_topics_partitions);
    for (size_t i = 0; i < count; i++) {
        const struct wire_txn_offset_commit_request_topics_partitions *one = &from->partitions[i];
        struct group_key key = {.kind = GROUP_KEY_OFFSET,
                                .group = group_id,
                                .topic = from->name,
                                .partition = one->partition_index};
        struct group_offset_value value = {.offset = one->committed_offset,
                                           .leader_epoch = one->committed_leader_epoch,
                                           .metadata = one->committed_metadata,
                                           .commit_ms = s->now.wall_ms,
                                           .expire_ms = -1};
        struct wire_txn_offset_commit_response_topics_partitions *answer =
            &to->partitions[to->partitions_count++];
        answer->partition_index = one->partition_index;
        answer->error_code = err_wire(commit_one(s, p, &key, value));
    }
}

void group_txn_offset_commit_handle(struct step *s, const struct group_request *rq)
{
    const struct wire_txn_offset_commit_request *body = rq->body;
    struct committer who = {.group_id = body->group_id,
                            .member_id = body->member_id,
                            .instance_id = body->group_instance_id,
                            .generation = body->generation_id,
                            .version = rq->version,
                            .transactional = true};
    enum err error = ERR_NONE;
    if (body->group_id.len == 0) {
        error = ERR_INVALID_GROUP_ID;
    } else if (body->producer_id < 0) {
        error = ERR_INVALID_PRODUCER_ID_MAPPING;
    } else {
        error = validate(s, &who);
    }
    if (error != ERR_NONE) {
        group_reply_now(s, rq, group_refusal_body(rq, error, &s->out->arena));
        return;
    }
    struct group_pending_append *p = group_append_new(s->shard);
    p->effect.producer_id = body->producer_id;
    p->effect.producer_epoch = body->producer_epoch;
    struct wire_txn_offset_commit_response *r =
        ARENA_NEW(&p->arena, struct wire_txn_offset_commit_response);
    size_t count = (size_t)max_i64(body->topics_count, 0);
    r->topics = ARENA_ARRAY(&p->arena, count, struct wire_txn_offset_commit_response_topics);
    for (size_t i = 0; i < count; i++) {
        txn_commit_topic(s, p, body->group_id, &body->topics[i], &r->topics[r->topics_count++]);
    }
    s->shard->offset_commits += p->effect.records_count;
    group_append_submit_or_answer(s, rq, p, r);
}
