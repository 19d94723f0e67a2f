/* AssignReplicasToDirs (KIP-858): tells the controller in which log directory a replica is, or is
 * about to be, when the metadata say otherwise; again until they agree. */
#ifndef BROKER_ASSIGN_H
#define BROKER_ASSIGN_H

#include "broker/replica.h"

struct broker_assign *broker_assign_new(struct broker *broker);
void broker_assign_free(struct broker_assign *assign);

/* Tells the controller if the newest image and replica_move_wanted_dir() differ. */
void broker_assign_check(struct replica *r);

/* The replica goes. */
void broker_assign_forget(struct replica *r);

#endif
