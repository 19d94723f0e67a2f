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

static void make_key(const struct fetch_entry *entry, uint8_t key[REPLICA_KEY_LEN])
{
    store_u64(key, entry->topic_id.hi);
    store_u64(key + 8, entry->topic_id.lo);
    store_u32(key + 16, (uint32_t)entry->index);
}

static void entry_free(struct fetch_session *session, struct fetch_entry *entry)
{
    if (map_get(&session->by_key, slice_of(entry->key, sizeof entry->key)) == entry) {
        map_remove(&session->by_key, slice_of(entry->key, sizeof entry->key));
    }
    list_remove(&entry->node);
    session->count--;
    mem_free((void *)(uintptr_t)entry->topic.data);
    mem_free(entry);
}

/* Names are resolved to ids once: a topic that is made again under its name is another topic, which
 * the client learns through its metadata. */
static struct uuid topic_id_of(const struct broker *broker, struct slice name, struct uuid id)
{
    if (slice_is_null(name) || name.len == 0) {
        return id;
    }
    const struct metadata_topic *topic = metadata_topic_by_name(broker->image, name);
    return topic == NULL ? UUID_ZERO : topic->id;
}

static struct fetch_entry *entry_find(struct fetch_session *session, struct uuid topic_id,
                                      struct slice name, int32_t index)
{
    struct fetch_entry probe = {.topic_id = topic_id, .index = index};
    make_key(&probe, probe.key);
    struct fetch_entry *entry = map_get(&session->by_key, slice_of(probe.key, sizeof probe.key));
    /* Topics that do not exist all have the id zero. */
    bool same = entry != NULL && (!uuid_is_zero(topic_id) || slice_eq(entry->topic, name));
    return same ? entry : NULL;
}

static struct fetch_entry *entry_add(struct fetch_session *session, struct uuid topic_id,
                                     struct slice name, int32_t index)
{
    struct fetch_entry *entry = MEM_NEW(struct fetch_entry);
    entry->topic_id = topic_id;
    entry->topic = slice_of(slice_dup_str(name), name.len);
    entry->index = index;
    entry->answered_hw = -1;
    entry->answered_log_start = -1;
    make_key(entry, entry->key);
    list_add_tail(&session->entries, &entry->node);
    session->count++;
    map_put(&session->by_key, slice_of(entry->key, sizeof entry->key), entry);
    return entry;
}

static void update_entries(struct broker *broker, struct fetch_session *session,
                           const struct wire_fetch_request *request)
{
    for (int t = 0; t < request->topics_count; t++) {
        const struct wire_fetch_request_topics *topic = &request->topics[t];
        struct slice name = session->by_id ? SLICE_NULL : topic->topic;
        struct uuid id = topic_id_of(broker, name, topic->topic_id);
        for (int i = 0; i < topic->partitions_count; i++) {
            const struct wire_fetch_request_topics_partitions *p = &topic->partitions[i];
            struct fetch_entry *entry = entry_find(session, id, name, p->partition);
            if (entry == NULL) {
                entry = entry_add(session, id, name, p->partition);
            }
            entry->fetch_offset = p->fetch_offset;
            entry->current_leader_epoch = p->current_leader_epoch;
            entry->last_fetched_epoch = p->last_fetched_epoch;
            entry->log_start_offset = p->log_start_offset;
            entry->max_bytes = p->partition_max_bytes;
        }
    }
}

static void forget_entries(struct broker *broker, struct fetch_session *session,
                           const struct wire_fetch_request *request)
{
    for (int t = 0; t < request->forgotten_topics_data_count; t++) {
        const struct wire_fetch_request_forgotten_topics_data *topic =
            &request->forgotten_topics_data[t];
        struct slice name = session->by_id ? SLICE_NULL : topic->topic;
        struct uuid id = topic_id_of(broker, name, topic->topic_id);
        for (int i = 0; i < topic->partitions_count; i++) {
            struct fetch_entry *entry = entry_find(session, id, name, topic->partitions[i]);
            if (entry != NULL) {
                entry_free(session, entry);
            }
        }
    }
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

static bool is_follower(const struct wire_fetch_request *request, int16_t version)
{
    return (version >= FETCH_VERSION_REPLICA_STATE ? request->replica_state.replica_id
                                                   : request->replica_id) >= 0;
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
    if (candidate->follower != follower) {
        return follower;
    }
    return candidate->count < count;
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
    list_init(&session->node);
    session->follower = is_follower(request, version);
    session->by_id = version >= FETCH_VERSION_IDS;
    session->last_used_ms = net_now_ms(sessions->broker->loop);
    bool wanted = request->session_epoch == 0;
    if (wanted && make_room(sessions, session->follower, count_named(request))) {
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
    session->last_used_ms = net_now_ms(sessions->broker->loop);
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
    forget_entries(sessions->broker, *out, request);
    update_entries(sessions->broker, *out, request);
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
