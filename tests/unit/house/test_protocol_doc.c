/* docs/protocol.md is what the schemas and the dispatch tables say: every API with the versions
 * that brokers and controllers serve. With the word `write` it prints the page. */
#include <stdio.h>

#include "base/mem.h"
#include "broker/dispatch.h"
#include "controller/api.h"
#include "tests/unit/unit.h"
#include "wire/table.h"

enum { NEVER_FLEXIBLE = 127 };

/* ---- the page ---- */

static const char intro[] =
    "# The Kafka protocol, as far as it is spoken here\n\n"
    "*encoded*: what `wire/` can encode and decode: from the first version to that of Apache "
    "Kafka 4.1. *broker* and\n*controller*: what they serve, which is exactly what their "
    "ApiVersions answers name. Versions that Kafka 4 has\ndropped are served on.\n\n"
    "What is not served is not named there, and clients do without: the Java client and librdkafka "
    "(KIP-714) send no\ntelemetry to a node that does not name GetTelemetrySubscriptions. A client "
    "that asks all the same is disconnected,\nwith a line in the node's log. A version outside of "
    "what is served gets UNSUPPORTED_VERSION.\n\n"
    "APIs with keys from 10000 on are ours; Kafka's clients pass over keys that they do not know. "
    "DescribeBrokers is\nwhat `craft broker list` asks: the active controller's view of each "
    "broker.\n\n"
    "The page is written from the schemas and the dispatch tables by "
    "`tests/unit/house/test_protocol_doc.c`, which also\nchecks it.\n\n"
    "| key | API | encoded | flexible from | broker | controller |\n"
    "|---:|---|---|---|---|---|\n";

static const struct net_api *find(const struct net_api *apis, int count, int16_t key)
{
    for (int i = 0; i < count; i++) {
        if (apis[i].key == key) {
            return &apis[i];
        }
    }
    return NULL;
}

static void put_range(struct buf *out, int16_t first, int16_t last)
{
    if (first == last) {
        buf_printf(out, " %d |", first);
    } else {
        buf_printf(out, " %d–%d |", first, last);
    }
}

static void put_served(struct buf *out, const struct net_api *api)
{
    if (api == NULL) {
        buf_put_str(out, " |");
    } else {
        put_range(out, api->min_version, api->max_version);
    }
}

static void put_flexible(struct buf *out, int16_t flexible)
{
    if (flexible == NEVER_FLEXIBLE) {
        buf_put_str(out, " never |");
    } else {
        buf_printf(out, " %d |", flexible);
    }
}

static void put_apis(struct buf *out)
{
    int count = controller_api_count();
    struct net_api *controller = mem_zalloc((size_t)count, sizeof *controller);
    controller_api_fill(controller);
    for (int slot = 0; slot < WIRE_API_SLOTS; slot++) {
        const struct wire_api_info *api = wire_api_at(slot);
        int16_t key = api->key;
        buf_printf(out, "| %d | %s |", key, api->name);
        put_range(out, api->version_min, api->version_max);
        put_flexible(out, api->flexible);
        put_served(out, find(broker_apis, broker_apis_count, key));
        put_served(out, find(controller, count, key));
        buf_put_str(out, "\n");
    }
    mem_free(controller);
}

static void put_structures(struct buf *out)
{
    buf_put_str(out, "\nBesides these, the structures in records, headers and opaque bytes:\n\n"
                     "| structure | versions | flexible from |\n|---|---|---|\n");
    for (size_t i = 0; i < wire_messages_count; i++) {
        const struct wire_message *m = wire_messages[i];
        if (m->api_key < 0) {
            buf_printf(out, "| %s |", wire_name(m));
            put_range(out, wire_version_min(m), wire_version_max(m));
            put_flexible(out, m->flexible);
            buf_put_str(out, "\n");
        }
    }
}

static void put_page(struct buf *out)
{
    buf_put_str(out, intro);
    put_apis(out);
    put_structures(out);
}

START_TEST(page_matches_the_tables)
{
    struct buf page = {0};
    struct buf file = {0};
    put_page(&page);
    FILE *f = fopen("docs/protocol.md", "rb");
    ck_assert_msg(f != NULL, "run from the project's root");
    for (size_t got = 1; got > 0;) {
        uint8_t *room = buf_room(&file, 65536);
        got = fread(room, 1, 65536, f);
        file.len += got;
    }
    fclose(f);
    ck_assert_msg(slice_eq(buf_slice(&page), buf_slice(&file)),
                  "docs/protocol.md is not what the tables say; write it anew (see the head of "
                  "this file)");
    buf_fini(&page);
    buf_fini(&file);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "write") == 0) {
        struct buf page = {0};
        put_page(&page);
        fwrite(page.data, 1, page.len, stdout);
        buf_fini(&page);
        return EXIT_SUCCESS;
    }
    TCase *tc = tcase_create("protocol_doc");
    tcase_add_test(tc, page_matches_the_tables);
    return unit_run(suite_create("protocol_doc"), tc);
}
