/* The commands of kafka-metadata-quorum. */
#ifndef CLI_KAFKA_METADATA_QUORUM_H
#define CLI_KAFKA_METADATA_QUORUM_H

#include "cli/kafka/tool.h"
#include "cli/quorum.h"

enum cli_exit metadata_quorum_add(struct cli *cli, struct client *client);
enum cli_exit metadata_quorum_remove(struct cli *cli, struct client *client);

/* quorum_ask(); complains. */
bool metadata_quorum_ask(struct cli *cli, struct client *client, struct quorum *out);

/* Appends LISTENER://HOST:PORT. */
void metadata_quorum_put_endpoint(struct buf *out, struct slice listener, struct slice host,
                                  int32_t port);

#endif
