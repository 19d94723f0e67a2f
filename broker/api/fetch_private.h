/* What the files of Fetch share: a request from its arrival to its answer. */
#ifndef BROKER_API_FETCH_PRIVATE_H
#define BROKER_API_FETCH_PRIVATE_H

#include "broker/sessions.h"
#include "wire/wire.h"

/* What one pass found for an entry. */
struct fetch_result {
    struct fetch_entry *entry;
    struct replica *replica; /* NULL with most errors */
    enum err error;
    bool diverging;
    struct store_epoch_end diverging_end;
    struct store_read read;
};

struct fetch {
    struct broker *broker;
    struct net_request *req;
    struct fetch_session *session;
    int64_t broker_epoch;
    int32_t min_bytes;
    int32_t max_bytes;
    struct fetch_result *results; /* of the last pass, one for each entry that was due */
    size_t count;
    size_t room;
    bool retry_deferred;
    struct net_timer timer;
};

static inline bool fetch_is_follower(const struct fetch *fetch)
{
    return fetch_session_is_follower(fetch->session);
}

/* fetch_answer.c: does an answer have to name the partition? */
bool fetch_has_news(const struct fetch *fetch, const struct fetch_result *result);

/* fetch_answer.c: fills the response from the results; the ranges read go into `files`, which has
 * room for one per result. */
void fetch_fill_responses(struct fetch *fetch, struct wire_fetch_response *response,
                          struct net_file *files, int *file_count);

#endif
