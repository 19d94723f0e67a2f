/* Which values are secrets, by the tables of settings; see redact.h. */
#include "metadata/redact.h"

#include "metadata/settings.h"

static const char LISTENER[] = "listener.name.";

static bool is_of_listener(struct slice name)
{
    size_t len = sizeof LISTENER - 1;
    return name.len > len && memcmp(name.data, LISTENER, len) == 0;
}

/* The row of "listener.name.<listener>.<mechanism>.<name>", the mechanism being there or not, or
 * NULL: of the longest end that is a name. */
static const struct setting *find_listener_setting(struct slice name)
{
    struct slice rest = slice_of(name.data + sizeof LISTENER - 1, name.len - sizeof LISTENER + 1);
    const uint8_t *dot;
    while (rest.len > 0 && (dot = memchr(rest.data, '.', rest.len)) != NULL) {
        rest = slice_of(dot + 1, rest.len - (size_t)(dot - rest.data) - 1);
        const struct setting *row = settings_find(SETTINGS_SERVER, rest);
        if (row != NULL) {
            return row;
        }
    }
    return NULL;
}

bool metadata_config_is_sensitive(int8_t type, struct slice name)
{
    const struct setting *row = NULL;
    switch (type) {
    case METADATA_CONFIG_TOPIC:
        row = settings_find(SETTINGS_TOPIC, name);
        break;
    case METADATA_CONFIG_BROKER:
        row = is_of_listener(name) ? find_listener_setting(name)
                                   : settings_find(SETTINGS_SERVER, name);
        break;
    case METADATA_CONFIG_GROUP:
        row = settings_find(SETTINGS_GROUP, name);
        break;
    case METADATA_CONFIG_CLIENT_METRICS:
        return false; /* it has none */
    default:
        break;
    }
    return row == NULL || row->type == SETTINGS_PASSWORD;
}

void metadata_record_redact(struct metadata_record *record)
{
    if (record->type == METADATA_RECORD_CONFIG && !slice_is_null(record->config.value) &&
        metadata_config_is_sensitive(record->config.resource_type, record->config.name)) {
        record->config.value = slice_str(METADATA_REDACTED);
    }
}
