/* One broker: what its parts share. Private to broker/ (main.c apart).
 *
 * A broker runs whole on one loop. Its parts, each with a header of its own:
 *
 *   channel.h    requests to the active controller, found again when it moves
 *   listening.h  the listeners: what the settings say of them, and their sockets
 *   dynamic.h    settings that change while the broker runs
 *   lifecycle.h  registration, heartbeats, fencing, controlled shutdown
 *   forward.h    clients' admin requests, wrapped in Envelope
 *   publish.h    committed metadata → a new image → everybody below
 *   dirs.h       the log directories, each of which may fail alone
 *   replicas.h   the partitions hosted here
 *   replica.h    one of them: its log, its replication state, who waits for it
 *   fetcher.h    followers pull from their leaders
 *   isr.h        proposals of new ISRs to the controller
 *   assign.h     tells the controller in which directories replicas are
 *   sessions.h   fetch sessions (KIP-227)
 *   groups.h     the group coordinators of the __consumer_offsets partitions led here
 *   dispatch.h   the table of the APIs served, one handler a file in api/
 *
 * `image` is the newest committed metadata; it is replaced as a whole between two tasks of the
 * loop. Who keeps it across tasks takes a reference. */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "base/log.h"
#include "broker/throttle.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "store/store.h"

struct broker_assign;
struct broker_channel;
struct broker_dirs;
struct broker_fetchers;
struct broker_forward;
struct broker_groups;
struct broker_isr;
struct broker_lifecycle;
struct broker_listening;
struct broker_producer_ids;
struct broker_publisher;
struct broker_replicas;
struct broker_sessions;
struct node;

struct broker {
    const struct settings *settings; /* in effect; replaced when dynamic ones change */
    const struct settings *given;    /* of the file and the command line */
    struct settings *dynamic;        /* `settings` when it is not `given` (broker/dynamic.c) */
    struct net_loop *loop;
    const struct store_fs *fs;
    const struct log *log;

    /* Identity. */
    int32_t id;
    struct metadata_supported supported;
    struct slice cluster_id;
    struct uuid incarnation_id; /* new in each process */
    struct broker_dirs *dirs;   /* log.dirs, see dirs.h */
    const char *metadata_dir;   /* of the metadata log */
    struct uuid metadata_directory_id;
    bool metadata_dir_is_data; /* it is one of log.dirs */
    const struct metadata_listener *listeners;
    int listeners_count;
    const char *inter_broker_listener; /* whose addresses brokers use among themselves */
    int64_t epoch;                     /* broker epoch given at registration; −1 before */

    /* To be called when the broker cannot go on: no log directory is left, metadata cannot be
     * applied. The process ends; nothing is closed cleanly. */
    void (*failed)(void *arg, const char *what);
    void *failed_arg;

    struct broker_throttle leader_throttle;   /* what is served to throttled replicas */
    struct broker_throttle follower_throttle; /* what is fetched for them */

    const struct metadata_image *image; /* never NULL once started */

    struct node *node; /* observer of the metadata log */
    struct net_budget *budget;
    struct net_server *server;

    struct broker_channel *channel;
    struct broker_lifecycle *lifecycle;
    struct broker_listening *listening;
    struct broker_forward *forward;
    struct broker_publisher *publisher;
    struct broker_producer_ids *producer_ids;
    struct broker_replicas *replicas;
    struct broker_fetchers *fetchers;
    struct broker_isr *isr;
    struct broker_assign *assign;
    struct broker_sessions *sessions;
    struct broker_groups *groups;
};

/* __consumer_offsets and __transaction_state: written by coordinators only. */
bool broker_topic_is_internal(struct slice name);

/* The view for effective settings: this broker's file and the newest image. */
struct settings_view broker_settings_view(const struct broker *broker);

/* The endpoint that clients of `listener` are told for broker `id`, or NULL: not registered or no
 * such listener. Fenced brokers have one too; callers check. */
const struct metadata_endpoint *broker_endpoint(const struct broker *broker, int32_t id,
                                                struct slice listener);

#endif
