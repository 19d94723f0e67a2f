/* The life of a member of a group; see member.h. */
#include "cli/member.h"

#include "base/mem.h"
#include "cli/coordinator.h"
#include "cli/member_calls.h"

enum {
    PAUSE_MS = 100,
    /* Topics that were just created have no partitions yet. */
    METADATA_SOON_MS = 500,
    STEP_MS = 50,
};

/* ---- life ---- */

struct member *member_new(const struct member_options *options)
{
    struct member *m = MEM_NEW(struct member);
    m->options = *options;
    m->loop = client_loop(options->cluster->client);
    m->coordinator = -1;
    m->generation = -1;
    return m;
}

static void drop_call(struct member *m)
{
    if (m->call != NULL) {
        net_call_cancel(m->call);
        m->call = NULL;
    }
    m->is_answered = false;
}

void member_free(struct member *m)
{
    if (m == NULL) {
        return;
    }
    drop_call(m);
    mem_free(m->id);
    arena_fini(&m->joined);
    arena_fini(&m->assigned);
    mem_free(m);
}

/* ---- errors ---- */

static enum err refuse(const struct member *m, enum err e)
{
    struct cli *cli = m->options.cli;
    if (client_why(m->options.cluster->client)[0] != '\0') {
        cli_complain(cli, "%s", client_why(m->options.cluster->client));
    } else if (e == ERR_INCONSISTENT_GROUP_PROTOCOL) {
        cli_complain(cli,
                     "group %.*s is no group of consumers, or its members do not know the assignor "
                     "\"range\"",
                     SLICE_ARG(m->options.group));
    } else {
        cli_complain(cli, "group %.*s: %s (%s)", SLICE_ARG(m->options.group), err_text(e),
                     err_name(e));
    }
    return e;
}

static void revoke(struct member *m)
{
    if (m->is_assigned) {
        m->is_assigned = false;
        m->options.revoked(m->options.arg);
    }
}

static void join_again(struct member *m)
{
    revoke(m);
    m->partition_count = 0;
    m->state = MEMBER_UNJOINED;
}

/* What an error of any answer means for a member. */
static enum err take_error(struct member *m, enum err e)
{
    switch ((int)e) {
    case ERR_UNKNOWN_MEMBER_ID:
        mem_free(m->id);
        m->id = NULL;
        join_again(m);
        return ERR_NONE;
    case ERR_ILLEGAL_GENERATION:
    case ERR_REBALANCE_IN_PROGRESS:
        join_again(m);
        return ERR_NONE;
    default:
        break;
    }
    if (err_class(e) != ERR_CLASS_RETRY) {
        return refuse(m, e);
    }
    m->coordinator = -1; /* it may be another one by now */
    m->pause_until_ms = net_now_ms(m->loop) + PAUSE_MS;
    if (m->state == MEMBER_JOINING || m->state == MEMBER_SYNCING) {
        m->state = MEMBER_UNJOINED;
    }
    return ERR_NONE;
}

/* ---- joining ---- */

/* The topics that this member subscribes to. */
static enum err find_topics(struct member *m)
{
    if (m->options.pattern == NULL) {
        m->topics = m->options.topics;
        m->topic_count = m->options.topic_count;
        return ERR_NONE;
    }
    TRY(cluster_refresh(m->options.cluster, NULL, 0));
    const struct wire_metadata_response *metadata = m->options.cluster->metadata;
    struct slice *topics =
        ARENA_ARRAY(&m->joined, (size_t)metadata->topics_count + 1, struct slice);
    m->topic_count = 0;
    for (int32_t i = 0; i < metadata->topics_count; i++) {
        if (member_subscribes(m, metadata->topics[i].name)) {
            topics[m->topic_count++] = arena_dup(&m->joined, metadata->topics[i].name);
        }
    }
    m->topics = topics;
    return ERR_NONE;
}

static enum err join(struct member *m)
{
    arena_fini(&m->joined);
    client_restart_clock(m->options.cluster->client);
    enum err e = find_topics(m);
    if (e != ERR_NONE) {
        return refuse(m, e);
    }
    member_send_join(m);
    m->state = MEMBER_JOINING;
    return ERR_NONE;
}

static enum err take_join(struct member *m)
{
    if (m->error == ERR_MEMBER_ID_REQUIRED) { /* the answer has it (KIP-394) */
        m->state = MEMBER_UNJOINED;
        return ERR_NONE;
    }
    if (m->error != ERR_NONE) {
        return take_error(m, m->error);
    }
    if (m->is_leader) {
        client_restart_clock(m->options.cluster->client);
        enum err e = member_assign(m);
        if (e != ERR_NONE) {
            return refuse(m, e);
        }
    } else {
        m->fingerprint = 0;
    }
    member_send_sync(m);
    m->state = MEMBER_SYNCING;
    return ERR_NONE;
}

static void settle(struct member *m)
{
    int64_t now_ms = net_now_ms(m->loop);
    m->state = MEMBER_STABLE;
    m->is_assigned = true;
    m->heartbeat_ms = now_ms + m->options.heartbeat_ms;
    m->commit_ms = now_ms + m->options.commit_ms;
    m->metadata_ms = now_ms + (m->lacks_topics ? METADATA_SOON_MS : m->options.metadata_ms);
    m->options.assigned(m->options.arg, m->partitions, m->partition_count);
}

static enum err take_sync(struct member *m)
{
    if (m->error != ERR_NONE) {
        return take_error(m, m->error);
    }
    if (m->partition_count == 0) {
        settle(m);
    } else {
        m->state = MEMBER_FETCHING;
        member_send_offset_fetch(m);
    }
    return ERR_NONE;
}

static enum err take_offsets(struct member *m)
{
    if (m->error == ERR_NONE) {
        settle(m);
        return ERR_NONE;
    }
    return take_error(m, m->error);
}

/* ---- staying ---- */

/* Reading ends before the offsets are committed, so that nobody reads a record twice. */
static void begin_rebalance(struct member *m)
{
    bool commits = m->options.commit_ms >= 0 && m->partition_count > 0;
    m->state = MEMBER_REJOINING;
    if (commits) {
        member_send_commit(m);
    }
    revoke(m);
    if (!commits) {
        join_again(m);
    }
}

static enum err take_in_stable(struct member *m)
{
    if (m->error == ERR_REBALANCE_IN_PROGRESS || (m->sent == MEMBER_METADATA && m->is_changed)) {
        begin_rebalance(m);
        return ERR_NONE;
    }
    if (m->sent == MEMBER_COMMIT && m->error != ERR_NONE &&
        err_class(m->error) != ERR_CLASS_RETRY && m->error != ERR_UNKNOWN_MEMBER_ID &&
        m->error != ERR_ILLEGAL_GENERATION) {
        return refuse(m, m->error);
    }
    return m->error == ERR_NONE ? ERR_NONE : take_error(m, m->error);
}

static enum err take_answer(struct member *m)
{
    m->is_answered = false;
    switch (m->state) {
    case MEMBER_JOINING:
        return take_join(m);
    case MEMBER_SYNCING:
        return take_sync(m);
    case MEMBER_FETCHING:
        return take_offsets(m);
    case MEMBER_STABLE:
        return take_in_stable(m);
    case MEMBER_REJOINING: /* the commit went well or not; there is no second attempt */
        join_again(m);
        return ERR_NONE;
    case MEMBER_UNJOINED:
        break;
    }
    return ERR_NONE;
}

static void send_due(struct member *m)
{
    int64_t now_ms = net_now_ms(m->loop);
    if (now_ms >= m->heartbeat_ms) {
        m->heartbeat_ms = now_ms + m->options.heartbeat_ms;
        member_send_heartbeat(m);
    } else if (m->options.commit_ms >= 0 && now_ms >= m->commit_ms && m->partition_count > 0) {
        m->commit_ms = now_ms + m->options.commit_ms;
        member_send_commit(m);
    } else if (now_ms >= m->metadata_ms && m->fingerprint != 0) {
        m->metadata_ms = now_ms + (m->lacks_topics ? METADATA_SOON_MS : m->options.metadata_ms);
        member_send_metadata(m);
    }
}

static enum err find_coordinator(struct member *m)
{
    if (m->coordinator >= 0) {
        return ERR_NONE;
    }
    client_restart_clock(m->options.cluster->client);
    enum err e = coordinator_find(m->options.cluster->client, m->options.group, &m->coordinator);
    return e == ERR_NONE ? ERR_NONE : refuse(m, e);
}

enum err member_step(struct member *m)
{
    if (m->is_answered) {
        TRY(take_answer(m));
    }
    if (m->call != NULL || net_now_ms(m->loop) < m->pause_until_ms) {
        return ERR_NONE;
    }
    TRY(find_coordinator(m));
    switch (m->state) {
    case MEMBER_UNJOINED:
        return join(m);
    case MEMBER_FETCHING: /* again */
        member_send_offset_fetch(m);
        return ERR_NONE;
    case MEMBER_STABLE:
        send_due(m);
        return ERR_NONE;
    case MEMBER_JOINING:
    case MEMBER_SYNCING:
    case MEMBER_REJOINING:
        break;
    }
    return ERR_NONE;
}

/* ---- leaving ---- */

static void wait_for_call(struct member *m, int64_t until_ms)
{
    while (m->call != NULL && net_now_ms(m->loop) < until_ms) {
        net_loop_step(m->loop, STEP_MS);
    }
    drop_call(m);
}

void member_leave(struct member *m, int64_t wait_ms)
{
    int64_t until_ms = net_now_ms(m->loop) + wait_ms;
    drop_call(m); /* what it was for is over */
    if (m->coordinator < 0 || m->id == NULL) {
        return;
    }
    if (m->state == MEMBER_STABLE && m->options.commit_ms >= 0 && m->partition_count > 0) {
        member_send_commit(m);
        wait_for_call(m, until_ms);
        if (m->error != ERR_NONE) {
            cli_complain(m->options.cli, "the last offsets were not committed: %s",
                         err_text(m->error));
        }
    }
    member_send_leave(m);
    wait_for_call(m, until_ms);
}
