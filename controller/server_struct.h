/* The parts of one controller, for the files that serve requests with them. */
#ifndef CONTROLLER_SERVER_STRUCT_H
#define CONTROLLER_SERVER_STRUCT_H

#include "controller/config.h"
#include "controller/controller.h"
#include "controller/heartbeats.h"
#include "controller/periodic.h"
#include "controller/registration.h"
#include "controller/server.h"
#include "controller/settle.h"
#include "daemon/snapshots.h"
#include "net/net.h"

struct controller_server {
    struct controller_server_options options;
    struct controller_config config;
    struct controller *controller;
    struct node *node;
    struct daemon_snapshots snapshots;
    struct net_server *net;
    struct net_api *apis;
    struct net_listener **listeners; /* one per config.listeners */
    struct heartbeats heartbeats;
    struct settle settle;
    struct periodic periodic;
    struct registration registration;
    int32_t leader_id; /* of the quorum; -1: not known */
};

#endif
