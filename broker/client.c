/* Clients and their ways; see client.h. */
#include "broker/client.h"

#include "base/mem.h"

/* Before this the broker that the client asks may not know the new leader either; the client tries
 * again after 100 ms. */
enum { SEEK_DELAY_MS = 25 };

/* librdkafka waits longer before each connection to a broker, from reconnect.backoff.ms (100 ms) up
 * to reconnect.backoff.max.ms (10 s), unless the last one was tried longer ago than that. A
 * connection of this age can be taken from it and is back at once, whatever came before. */
enum { SEEK_AGE_MS = 11000 };

/* A client that looks for new leaders late; the data of its connection. */
struct late_client {
    struct net_conn *conn;
    int64_t seen_ms;
    struct net_timer timer;
};

static bool is_librdkafka(struct slice name)
{
    /* What is built on it gives names of its own. */
    static const char *const names[] = {"librdkafka", "kcat", "rust-rdkafka", "node-rdkafka"};
    static const char prefix[] = "confluent-kafka-";
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (slice_eq_str(name, names[i])) {
            return true;
        }
    }
    return name.len >= sizeof prefix && memcmp(name.data, prefix, sizeof prefix - 1) == 0;
}

static void on_timer(void *arg)
{
    const struct late_client *client = arg;
    net_conn_finish(client->conn);
}

static void on_closed(void *arg)
{
    struct late_client *client = arg;
    net_timer_stop(&client->timer);
    net_conn_set_data(client->conn, NULL);
    mem_free(client);
}

void broker_client_seen(struct net_conn *conn, const struct wire_api_versions_request *request)
{
    if (net_conn_data(conn) != NULL || !is_librdkafka(request->client_software_name)) {
        return;
    }
    struct late_client *client = MEM_NEW(struct late_client);
    client->conn = conn;
    client->seen_ms = net_now_ms(net_conn_loop(conn));
    net_timer_init(&client->timer, net_conn_loop(conn), on_timer, client);
    net_conn_set_data(conn, client);
    net_conn_on_close(conn, on_closed, client);
}

void broker_client_must_seek(struct net_conn *conn)
{
    struct late_client *client = net_conn_data(conn);
    if (client == NULL || net_timer_is_set(&client->timer)) {
        return;
    }
    if (net_now_ms(net_conn_loop(conn)) - client->seen_ms >= SEEK_AGE_MS) {
        net_timer_set(&client->timer, SEEK_DELAY_MS);
    }
}
