/* Following dynamic settings; see dynamic.h. */
#include "broker/dynamic.h"

#include "broker/lifecycle.h"
#include "broker/listening.h"
#include "broker/replicas.h"

void broker_dynamic_apply(struct broker *broker)
{
    struct settings *before = broker->dynamic;
    broker->dynamic = settings_in_effect(broker->given, broker->image, broker->id);
    broker->settings = broker->dynamic;
    broker_replicas_settings_changed(broker);
    if (broker_listening_update(broker)) {
        broker_lifecycle_register_again(broker->lifecycle);
    }
    settings_free(before);
}
