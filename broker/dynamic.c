/* Following dynamic settings; see dynamic.h. */
#include "broker/dynamic.h"

#include "broker/lifecycle.h"
#include "broker/listening.h"
#include "broker/replicas.h"

void broker_dynamic_set_rates(struct broker *broker)
{
    broker_throttle_set_rate(&broker->leader_throttle,
                             settings_long(broker->settings, "leader.replication.throttled.rate"));
    broker_throttle_set_rate(
        &broker->follower_throttle,
        settings_long(broker->settings, "follower.replication.throttled.rate"));
}

void broker_dynamic_apply(struct broker *broker)
{
    struct settings *before = broker->dynamic;
    broker->dynamic = settings_in_effect(broker->given, broker->image, broker->id);
    broker->settings = broker->dynamic;
    broker_dynamic_set_rates(broker);
    broker_replicas_settings_changed(broker);
    if (broker_listening_update(broker)) {
        broker_lifecycle_register_again(broker->lifecycle);
    }
    settings_free(before);
}
