/* What a controller is told by its settings, checked and in the form that the code wants. */
#ifndef CONTROLLER_CONFIG_H
#define CONTROLLER_CONFIG_H

#include "metadata/metadata.h"
#include "raft/node/node.h"
#include "store/store.h"

/* All memory is the arena's. */
struct controller_config {
    struct arena arena;
    int32_t node_id;
    char *cluster_id;
    struct uuid directory_id;
    char *dir; /* of the metadata log */
    struct metadata_listener *listeners;
    int listener_count; /* ≥ 1; the first one is what other controllers use */
    bool host_is_guess; /* nobody has said by which host the listeners are reached */
    bool auto_join;
    struct node_voter *voters;
    int voter_count;
    struct node_timers timers;
    struct metadata_supported supported;
};

/* Reads and checks the settings. Errors: ERR_CONFIG with one sentence in `why` that says which
 * setting is wrong and how to mend it. To be freed in any case. */
enum err MUST_USE controller_config_read(struct controller_config *config,
                                         const struct settings *settings, struct buf *why);

/* Reads meta.properties of the metadata directory: cluster id and directory id; the node id must be
 * ours. Errors: ERR_CONFIG (not formatted, or another node's), ERR_IO, ERR_CORRUPT. */
enum err MUST_USE controller_config_read_meta(struct controller_config *config,
                                              const struct store_fs *fs, struct buf *why);

void controller_config_fini(struct controller_config *config);

#endif
