/* Secrets among settings, and records that carry them. */
#include "metadata/redact.h"
#include "tests/unit/unit.h"

static bool is_secret(int8_t type, const char *name)
{
    return metadata_config_is_sensitive(type, slice_str(name));
}

START_TEST(which_are_secrets)
{
    ck_assert(is_secret(METADATA_CONFIG_BROKER, "ssl.key.password"));
    ck_assert(is_secret(METADATA_CONFIG_BROKER, "sasl.jaas.config"));
    ck_assert(is_secret(METADATA_CONFIG_BROKER, "listener.name.outside.ssl.key.password"));
    ck_assert(
        is_secret(METADATA_CONFIG_BROKER, "listener.name.outside.scram-sha-256.sasl.jaas.config"));
    ck_assert(is_secret(METADATA_CONFIG_BROKER, "listener.name.outside"));
    ck_assert(is_secret(METADATA_CONFIG_BROKER, "listener.name."));
    ck_assert(is_secret(METADATA_CONFIG_BROKER, "my.plugin.token"));
    ck_assert(is_secret(METADATA_CONFIG_BROKER, ""));
    ck_assert(is_secret(METADATA_CONFIG_TOPIC, "no.such.setting"));
    ck_assert(is_secret(METADATA_CONFIG_BROKER_LOGGER, "root"));
    ck_assert(!is_secret(METADATA_CONFIG_BROKER, "log.retention.ms"));
    ck_assert(!is_secret(METADATA_CONFIG_BROKER, "listener.name.outside.max.connections"));
    ck_assert(!is_secret(METADATA_CONFIG_TOPIC, "retention.ms"));
    ck_assert(!is_secret(METADATA_CONFIG_CLIENT_METRICS, "interval.ms"));
}
END_TEST

START_TEST(records)
{
    struct metadata_record r = {.type = METADATA_RECORD_CONFIG,
                                .config = {METADATA_CONFIG_BROKER, slice_str("1"),
                                           slice_str("ssl.key.password"), slice_str("x")}};
    metadata_record_redact(&r);
    ck_assert(slice_eq_str(r.config.value, METADATA_REDACTED));
    ck_assert(slice_eq_str(r.config.name, "ssl.key.password"));
    r.config.value = SLICE_NULL; /* it is taken away: that may be seen */
    metadata_record_redact(&r);
    ck_assert(slice_is_null(r.config.value));
    r.config.name = slice_str("log.retention.ms");
    r.config.value = slice_str("5");
    metadata_record_redact(&r);
    ck_assert(slice_eq_str(r.config.value, "5"));
}
END_TEST

UNIT_MAIN("redact", which_are_secrets, records)
