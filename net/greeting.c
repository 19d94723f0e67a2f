/* The greeting: a client asks a new connection what its peer can do. */
#include "base/mem.h"
#include "net/client_struct.h"

enum { GREETING_VERSION = 3 };

static void send_greeting(struct net_client *client, int16_t version);

/* Returns the peer's highest version of ApiVersions itself, or -1. */
static int16_t learn_ranges(struct net_client *client,
                            const struct wire_api_versions_response *response)
{
    client_forget_ranges(client);
    for (int32_t i = 0; i < response->api_keys_count; i++) {
        const struct wire_api_versions_response_api_keys *item = &response->api_keys[i];
        int slot = wire_api_slot(item->api_key);
        if (slot >= 0) {
            client->ranges[slot] = (struct version_range){item->min_version, item->max_version};
        }
    }
    return net_client_max_version(client, WIRE_API_API_VERSIONS);
}

/* A peer that does not know our version answers in version 0 (KIP-511). */
static enum err decode_greeting(struct slice body, int16_t version, struct arena *arena,
                                struct wire_api_versions_response *out)
{
    struct reader r = reader_of(body);
    bool refused = reader_i16(&r) == err_wire(ERR_UNSUPPORTED_VERSION);
    return wire_decode(&wire_msg_api_versions_response, refused ? 0 : version, body, arena, out);
}

/* The connection is of no use. */
static void refuse(struct net_client *client, const char *reason)
{
    client->answered = false; /* so that the next dial waits */
    client_break(client, STREAM_END_MALFORMED, reason);
    client_connecting_failed(client, reason);
    calls_tell(client);
}

static void greeted(void *arg, enum err e, const void *none, struct net_response *raw)
{
    (void)none;
    struct net_client *client = arg;
    if (client->freed) {
        return;
    }
    if (e != ERR_NONE) {
        /* The connection is gone already, and who called this tells the calls that fail now. */
        client_connecting_failed(client, err_text(e));
        return;
    }
    struct arena arena = {0};
    struct wire_api_versions_response response;
    int16_t version = client->greeting_version;
    e = decode_greeting(net_response_body(raw), version, &arena, &response);
    int16_t error = response.error_code;
    int16_t theirs = e == ERR_NONE ? learn_ranges(client, &response) : -1;
    arena_fini(&arena);
    if (e != ERR_NONE) {
        refuse(client, "malformed ApiVersions response");
    } else if (error == 0) {
        client_become_open(client);
    } else if (error == err_wire(ERR_UNSUPPORTED_VERSION) && version > 0) {
        send_greeting(client, theirs >= 0 && theirs < version ? theirs : 0);
    } else {
        refuse(client, err_name(error));
    }
}

static void send_greeting(struct net_client *client, int16_t version)
{
    struct wire_api_versions_request request;
    wire_init(&wire_msg_api_versions_request, &request);
    request.client_software_name = slice_str("craft");
    request.client_software_version = slice_str("1");
    struct buf body = {0};
    enum err e = wire_encode(&wire_msg_api_versions_request, version, &request, &body);
    ASSERT(e == ERR_NONE);
    struct net_call_args args = {
        .api = WIRE_API_API_VERSIONS,
        .version = version,
        .timeout_ms = client->options.connect_timeout_ms,
        .done = greeted,
        .arg = client,
    };
    client->greeting_version = version;
    struct slice bytes = buf_slice(&body);
    call_send(call_new(client, &args, &bytes));
    buf_fini(&body);
}

void greeting_begin(struct net_client *client)
{
    client->state = CLIENT_GREETING;
    send_greeting(client, GREETING_VERSION);
}
