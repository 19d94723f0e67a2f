/* The cache of fetch sessions. */
#include "broker/sessions.h"

#include "base/mem.h"
#include "base/prng.h"

enum { SESSION_UNUSED_MS = 120000, FETCH_VERSION_IDS = 13, FETCH_VERSION_REPLICA_STATE = 15 };

struct broker_sessions {
    struct broker *broker;
    struct map by_id;
    struct list used; /* least recently used first */
    struct prng prng;
    size_t slots;
};

/* ---- entries ---- */

/* A session names topics by id or by name, never both. Names are looked up anew at every read: a
 * topic may be made after it was asked for, or be deleted and made again. */
static void put_key(struct buf *out, struct uuid topic_id, struct slice name, int32_t index)
{
    buf_reset(out);
    if (slice_is_null(name)) {
        buf_put_u64(out, topic_id.hi);
        buf_put_u64(out, topic_id.lo);
    } else {
        buf_put_slice(out, name);
    }
    buf_put_i32(out, index);
}

static void entry_free(struct fetch_session *session, struct fetch_entry *entry)
{
    fetch_entry_watch(entry, NULL); /* due, then */
    list_remove(&entry->due_node);
    session->due_count--;
    map_remove(&session->by_key, entry->key);
    list_remove(&entry->node);
    session->count--;
    mem_free((void *)(uintptr_t)entry->key.data);
    mem_free(entry);
}

static struct fetch_entry *entry_add(struct fetch_session *session, struct slice key,
                                     struct uuid topic_id, int32_t index)
{
    struct fetch_entry *entry = MEM_NEW(struct fetch_entry);
    uint8_t *own_key = mem_alloc(key.len);
    memcpy(own_key, key.data, key.len);
    entry->key = slice_of(own_key, key.len);
    entry->topic_id = topic_id;
    entry->topic = session->by_id ? SLICE_NULL : slice_of(own_key, key.len - sizeof index);
    entry->index = index;
    entry->answered_hw = -1;
    entry->answered_log_start = -1;
    entry->session = session;
    list_init(&entry->due_node);
    list_init(&entry->wait.node);
    list_add_tail(&session->entries, &entry->node);
    session->count++;
    map_put(&session->by_key, entry->key, entry);
    return entry;
}

static void update_entries(struct fetch_session *session, const struct wire_fetch_request *request)
{
    struct buf key = {0};
    for (int t = 0; t < request->topics_count; t++) {
        const struct wire_fetch_request_topics *topic = &request->topics[t];
        struct slice name = session->by_id ? SLICE_NULL : topic->topic;
        for (int i = 0; i < topic->partitions_count; i++) {
            const struct wire_fetch_request_topics_partitions *p = &topic->partitions[i];
            put_key(&key, topic->topic_id, name, p->partition);
            struct fetch_entry *entry = map_get(&session->by_key, buf_slice(&key));
            if (entry == NULL) {
                struct uuid id = session->by_id ? topic->topic_id : UUID_ZERO;
                entry = entry_add(session, buf_slice(&key), id, p->partition);
            }
            entry->fetch_offset = p->fetch_offset;
            entry->current_leader_epoch = p->current_leader_epoch;
            entry->last_fetched_epoch = p->last_fetched_epoch;
            entry->log_start_offset = p->log_start_offset;
            entry->max_bytes = p->partition_max_bytes;
            /* Who names a partition again may have dropped the last answer, which was for another
             * position or epoch, and the high watermark with it. */
            entry->answered_hw = -1;
            fetch_entry_due(entry);
        }
    }
    buf_fini(&key);
}

static void forget_entries(struct fetch_session *session, const struct wire_fetch_request *request)
{
    struct buf key = {0};
    for (int t = 0; t < request->forgotten_topics_data_count; t++) {
        const struct wire_fetch_request_forgotten_topics_data *topic =
            &request->forgotten_topics_data[t];
        struct slice name = session->by_id ? SLICE_NULL : topic->topic;
        for (int i = 0; i < topic->partitions_count; i++) {
            put_key(&key, topic->topic_id, name, topic->partitions[i]);
            struct fetch_entry *entry = map_get(&session->by_key, buf_slice(&key));
            if (entry != NULL) {
                entry_free(session, entry);
            }
        }
    }
    buf_fini(&key);
}

/* ---- sessions ---- */

static void session_free(struct broker_sessions *sessions, struct fetch_session *session)
{
    ASSERT(session->parked == NULL);
    if (session->id != 0) {
        map_remove(&sessions->by_id, MAP_KEY(session->id));
        list_remove(&session->node);
    }
    LIST_EACH(node, &session->entries)
    {
        entry_free(session, LIST_ENTRY(node, struct fetch_entry, node));
    }
    map_fini(&session->by_key);
    mem_free(session);
}

static int32_t replica_id_of(const struct wire_fetch_request *request, int16_t version)
{
    return version >= FETCH_VERSION_REPLICA_STATE ? request->replica_state.replica_id
                                                  : request->replica_id;
}

/* Should `candidate` make room for a session with these properties? */
static bool gives_way(const struct fetch_session *candidate, bool follower, size_t count,
                      int64_t now_ms)
{
    if (candidate->parked != NULL) {
        return false;
    }
    if (now_ms - candidate->last_used_ms >= SESSION_UNUSED_MS) {
        return true;
    }
    if (fetch_session_is_follower(candidate) != follower) {
        return follower;
    }
    /* Two large consumers must not drive each other out in turn. */
    return candidate->count < count && now_ms - candidate->created_ms >= SESSION_UNUSED_MS;
}

static bool make_room(struct broker_sessions *sessions, bool follower, size_t count)
{
    if (sessions->by_id.count < sessions->slots) {
        return true;
    }
    int64_t now_ms = net_now_ms(sessions->broker->loop);
    LIST_EACH(node, &sessions->used)
    {
        struct fetch_session *candidate = LIST_ENTRY(node, struct fetch_session, node);
        if (gives_way(candidate, follower, count, now_ms)) {
            session_free(sessions, candidate);
            return true;
        }
    }
    return false;
}

static size_t count_named(const struct wire_fetch_request *request)
{
    size_t count = 0;
    for (int t = 0; t < request->topics_count; t++) {
        count += (size_t)request->topics[t].partitions_count;
    }
    return count;
}

static int32_t new_id(struct broker_sessions *sessions)
{
    int32_t id;
    do {
        id = (int32_t)prng_range(&sessions->prng, 1, INT32_MAX);
    } while (map_get(&sessions->by_id, MAP_KEY(id)) != NULL);
    return id;
}

static struct fetch_session *session_new(struct broker_sessions *sessions,
                                         const struct wire_fetch_request *request, int16_t version)
{
    struct fetch_session *session = MEM_NEW(struct fetch_session);
    list_init(&session->entries);
    list_init(&session->due);
    list_init(&session->node);
    session->replica_id = replica_id_of(request, version);
    session->by_id = version >= FETCH_VERSION_IDS;
    session->last_used_ms = net_now_ms(sessions->broker->loop);
    session->created_ms = session->last_used_ms;
    bool wanted = request->session_epoch == 0;
    if (wanted && make_room(sessions, fetch_session_is_follower(session), count_named(request))) {
        session->id = new_id(sessions);
        session->epoch = 1;
        map_put(&sessions->by_id, MAP_KEY(session->id), session);
        list_add_tail(&sessions->used, &session->node);
    }
    return session;
}

static struct fetch_session *find(struct broker_sessions *sessions, int32_t id)
{
    return map_get(&sessions->by_id, MAP_KEY(id));
}

/* A second request on a session ends the wait of the first. */
static void hurry(struct fetch_session *session)
{
    if (session->parked != NULL) {
        session->hurry(session->parked);
        ASSERT(session->parked == NULL);
    }
}

static enum err open_incremental(struct broker_sessions *sessions,
                                 const struct wire_fetch_request *request, int16_t version,
                                 struct fetch_session **out)
{
    struct fetch_session *session = find(sessions, request->session_id);
    if (session == NULL) {
        return ERR_FETCH_SESSION_ID_NOT_FOUND;
    }
    if (session->by_id != (version >= FETCH_VERSION_IDS)) {
        return ERR_FETCH_SESSION_TOPIC_ID_ERROR;
    }
    if (request->session_epoch != session->epoch) {
        return ERR_INVALID_FETCH_SESSION_EPOCH;
    }
    hurry(session);
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
    session->incremental = true;
    list_remove(&session->node);
    list_add_tail(&sessions->used, &session->node);
    *out = session;
    return ERR_NONE;
}

enum err broker_session_open(struct broker_sessions *sessions,
                             const struct wire_fetch_request *request, int16_t version,
                             struct fetch_session **out)
{
    *out = NULL;
    if (request->session_epoch > 0) {
        TRY(open_incremental(sessions, request, version, out));
    } else {
        /* Epoch 0 begins a session, −1 ends the one named, or never has one. */
        struct fetch_session *old =
            request->session_id == 0 ? NULL : find(sessions, request->session_id);
        if (old != NULL) {
            hurry(old);
            session_free(sessions, old);
        }
        *out = session_new(sessions, request, version);
    }
    forget_entries(*out, request);
    update_entries(*out, request);
    (*out)->last_used_ms = net_now_ms(sessions->broker->loop); /* of what is still at rest, too */
    return ERR_NONE;
}

void broker_session_done(struct broker_sessions *sessions, struct fetch_session *session)
{
    session->parked = NULL;
    if (session->id == 0) {
        session_free(sessions, session);
    }
}

struct broker_sessions *broker_sessions_new(struct broker *broker)
{
    struct broker_sessions *sessions = MEM_NEW(struct broker_sessions);
    sessions->broker = broker;
    list_init(&sessions->used);
    sessions->slots =
        (size_t)settings_int(broker->settings, "max.incremental.fetch.session.cache.slots");
    struct uuid seed = broker->incarnation_id;
    prng_init(&sessions->prng, seed.hi ^ seed.lo);
    return sessions;
}

void broker_sessions_free(struct broker_sessions *sessions)
{
    if (sessions == NULL) {
        return;
    }
    LIST_EACH(node, &sessions->used)
    {
        struct fetch_session *session = LIST_ENTRY(node, struct fetch_session, node);
        hurry(session);
        session_free(sessions, session);
    }
    map_fini(&sessions->by_id);
    mem_free(sessions);
}
