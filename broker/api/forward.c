/* APIs that the active controller answers. */
#include "broker/forward.h"
#include "broker/api/api.h"

void broker_api_forward(void *arg, struct net_request *req)
{
    struct broker *broker = arg;
    broker_forward(broker->forward, req);
}
