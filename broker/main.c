/* craft-broker: one broker as a process. */
#include "broker/server.h"
#include "daemon/daemon.h"

static enum err new_server(const struct daemon_context *context, void **server, struct buf *why)
{
    struct broker_server_options options = {.loop = context->loop,
                                            .fs = context->fs,
                                            .settings = context->settings,
                                            .log = context->log,
                                            .seed = context->seed,
                                            .failed = context->failed,
                                            .arg = context->arg};
    struct broker_server *made = NULL;
    enum err e = broker_server_new(&options, &made, why);
    *server = made;
    return e;
}

static void start(void *server)
{
    broker_server_start(server);
}

static void stop(void *server, void (*done)(void *arg), void *arg)
{
    broker_server_stop(server, done, arg);
}

static void free_server(void *server)
{
    broker_server_free(server);
}

int main(int argc, char **argv)
{
    static const struct daemon_program program = {
        .name = "craft-broker",
        .summary = "Runs a broker: it stores partitions and serves clients.",
        .new_server = new_server,
        .start = start,
        .stop = stop,
        .free_server = free_server};
    return daemon_main(&program, argc, argv);
}
