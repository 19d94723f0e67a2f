/* A cluster on a loop that runs on when the cluster is freed, at whatever moment that is. */
#include "dev/cluster.h"

#include <inttypes.h>
#include <stdio.h>

#include "net/net.h"
#include "store/store.h"
#include "tests/unit/unit.h"

enum { ROUNDS = 24, STEPS_AFTER = 200, READY_WITHIN_MS = 60000 };

struct world {
    struct net_loop *loop;
    struct log log;
    char dir[64];
    struct dev_cluster *cluster;
    bool ready;
};

static void on_ready(void *arg)
{
    ((struct world *)arg)->ready = true;
}

static void on_failed(void *arg, const char *what)
{
    (void)arg;
    ck_abort_msg("%s", what);
}

static void quiet(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void begin(struct world *w)
{
    *w = (struct world){.log = {LOG_ERROR, quiet, NULL}, .dir = "/tmp/craft-dev-test-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(w->dir));
    w->loop = net_loop_new(NULL);
    static const char *const overrides[] = {"replica.high.watermark.checkpoint.interval.ms=5",
                                            NULL};
    struct dev_options options = {.loop = w->loop,
                                  .log = &w->log,
                                  .dir = w->dir,
                                  .controllers = 1,
                                  .brokers = 2,
                                  .overrides = overrides,
                                  .seed = 1,
                                  .ready = on_ready,
                                  .failed = on_failed,
                                  .arg = w};
    struct buf why = {0};
    enum err e = dev_cluster_new(&options, &w->cluster, &why);
    ck_assert_msg(e == ERR_NONE, "%.*s", SLICE_ARG(buf_slice(&why)));
    buf_fini(&why);
    dev_cluster_start(w->cluster);
}

static void end(struct world *w)
{
    dev_cluster_free(w->cluster);
    for (int i = 0; i < STEPS_AFTER; i++) {
        net_loop_step(w->loop, i % 10 == 0);
    }
    net_loop_free(w->loop);
    ck_assert_int_eq(store_fs_remove_tree(store_fs_posix(), w->dir), ERR_NONE);
}

/* The moment is counted in iterations: other ones in each round. */
START_TEST(the_loop_runs_on_without_it)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct world w;
        begin(&w);
        int64_t end_ms = net_wall_ms(w.loop) + READY_WITHIN_MS;
        for (int i = 0; round == 0 ? !w.ready : i < 7 * (round % 12) * (round % 12); i++) {
            ck_assert_int_lt(net_wall_ms(w.loop), end_ms);
            net_loop_step(w.loop, 1);
        }
        end(&w);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cluster");
    TCase *tc = tcase_create("cluster");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_loop_runs_on_without_it);
    return unit_run(suite, tc);
}
