/* craft-controller: a voter of the metadata quorum. */
#include "controller/server.h"
#include "daemon/daemon.h"

static enum err new_server(const struct daemon_context *context, void **server, struct buf *why)
{
    struct controller_server_options options = {.loop = context->loop,
                                                .fs = context->fs,
                                                .settings = context->settings,
                                                .log = context->log,
                                                .seed = context->seed,
                                                .failed = context->failed,
                                                .arg = context->arg};
    struct controller_server *made = NULL;
    enum err e = controller_server_new(&options, &made, why);
    *server = made;
    return e;
}

static void start(void *server)
{
    controller_server_start(server);
}

static void stop(void *server, void (*done)(void *arg), void *arg)
{
    controller_server_stop(server, done, arg);
}

static void free_server(void *server)
{
    controller_server_free(server);
}

int main(int argc, char **argv)
{
    static const struct daemon_program program = {
        .name = "craft-controller",
        .summary = "Runs a controller: a voter of the quorum that keeps the metadata of a cluster.",
        .new_server = new_server,
        .start = start,
        .stop = stop,
        .free_server = free_server};
    return daemon_main(&program, argc, argv);
}
