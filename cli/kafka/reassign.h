/* The parts of kafka-reassign-partitions. */
#ifndef CLI_KAFKA_REASSIGN_H
#define CLI_KAFKA_REASSIGN_H

#include "cli/cluster.h"
#include "cli/kafka/tool.h"
#include "cli/log_dirs.h"
#include "cli/partition_file.h"
#include "cli/reassignments.h"

struct reassign_tool {
    struct cli *cli;
    struct cluster cluster;
    struct partition_file file; /* of --reassignment-json-file, sorted */
    const struct wire_list_partition_reassignments_response *moves; /* under way */
    struct slice message; /* what the server said of the failure that is told next, or null */
};

/* "Error: <text>" on stdout, or the text alone. Return CLI_FAILED. */
enum cli_exit reassign_error(const struct reassign_tool *tool, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
enum cli_exit reassign_terse(const struct reassign_tool *tool, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
enum cli_exit reassign_fail(const struct reassign_tool *tool, enum err e);

/* Reads the file of --reassignment-json-file, and what the cluster knows of its topics. False: the
 * complaint is printed. */
bool reassign_load(struct reassign_tool *tool, enum cli_exit *code);

/* A partition of the cluster; NULL: there is none. */
const struct wire_metadata_response_topics_partitions *
reassign_partition(const struct reassign_tool *tool, const struct partition_file_item *item);

/* {"version":1,"partitions":[…]} as Kafka's tool prints it; of the replicas of `rows`. */
struct reassign_row {
    struct slice topic;
    int32_t partition;
    const int32_t *replicas;
    int32_t replica_count;
};
void reassign_print_json(const struct reassign_row *rows, int32_t count);

/* The replicas of the file that name a directory. */
struct log_dir_move *reassign_dir_moves(struct reassign_tool *tool, int32_t *count);

/* ---- the actions ---- */

enum cli_exit reassign_generate(struct reassign_tool *tool);
enum cli_exit reassign_execute(struct reassign_tool *tool);
enum cli_exit reassign_verify(struct reassign_tool *tool);
enum cli_exit reassign_cancel(struct reassign_tool *tool);

/* ---- moves between directories ---- */

struct reassign_dir_state {
    struct log_dir_move move; /* as the file wants it */
    struct slice now;         /* where the replica is; null: in no directory that lives */
    struct slice future;      /* where it is on its way to; null: nowhere */
};

/* Of the replicas of the file that name a directory, by broker. Errors: of log_dirs_describe(). */
enum err reassign_dir_states(struct reassign_tool *tool, struct reassign_dir_state **out,
                             int32_t *count) MUST_USE;

/* Sends the replicas of the file that are on their way back to where they are. */
enum cli_exit reassign_cancel_dirs(struct reassign_tool *tool);

/* Starts moves between directories until all are begun or --timeout is over. */
enum cli_exit reassign_move_dirs(struct reassign_tool *tool, const struct log_dir_move *moves,
                                 int32_t count);

/* ---- throttles, which are settings of brokers and topics ---- */

enum cli_exit reassign_set_throttles(struct reassign_tool *tool);
enum cli_exit reassign_clear_throttles(struct reassign_tool *tool);

#endif
