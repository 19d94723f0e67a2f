/* Entries of fetch sessions: which are due to be looked at, and what makes them so. */
#include "broker/sessions.h"

void fetch_entry_due(struct fetch_entry *entry)
{
    struct fetch_session *session = entry->session;
    if (!list_empty(&entry->due_node)) {
        return;
    }
    list_add_tail(&session->due, &entry->due_node);
    session->due_count++;
    /* While it rested each fetch of the session said that this follower has everything. */
    if (fetch_session_is_follower(session) && entry->watched != NULL) {
        partition_stayed(&entry->watched->part, session->replica_id, session->last_used_ms);
    }
}

static void on_note(struct replica_wait *wait)
{
    fetch_entry_due(container_of(wait, struct fetch_entry, wait));
}

static void on_wake(struct replica_wait *wait)
{
    struct fetch_entry *entry = container_of(wait, struct fetch_entry, wait);
    struct fetch_session *session = entry->session;
    fetch_entry_due(entry);
    entry->watched = NULL;
    if (session->parked != NULL) {
        session->woken(session->parked);
    }
}

void fetch_entry_watch(struct fetch_entry *entry, struct replica *r)
{
    if (entry->watched == r) {
        return;
    }
    fetch_entry_due(entry);
    list_remove(&entry->wait.node);
    entry->watched = r;
    if (r != NULL) {
        entry->wait.wake = on_wake;
        entry->wait.note = on_note;
        replica_wait_data(r, &entry->wait, !fetch_session_is_follower(entry->session));
    }
}

void fetch_entry_rest(struct fetch_entry *entry)
{
    ASSERT(entry->watched != NULL);
    if (!list_empty(&entry->due_node)) {
        list_remove(&entry->due_node);
        entry->session->due_count--;
    }
}
