/* The table of the APIs that a broker serves; one line an API, one handler a file in api/.
 *
 * Every handler: void broker_api_<name>(struct broker *broker, struct net_request *req), answers
 * now or later with net_reply…() (net/server.h). */
#ifndef BROKER_DISPATCH_H
#define BROKER_DISPATCH_H

#include "broker/broker.h"

extern const struct net_api broker_apis[];
extern const int broker_apis_count;

#endif
