/* Loops: timers, tasks, work, signals, and that an idle loop sleeps. */
#include "net/loop.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"

enum { DEADLINE_MS = 20000 };

struct trace {
    struct net_loop *loop;
    struct net_timer timer;
    char text[64];
    size_t len;
};

struct mark {
    struct trace *trace;
    char letter;
};

static void note(void *arg)
{
    struct mark *mark = arg;
    struct trace *trace = mark->trace;
    ck_assert(trace->len + 1 < sizeof trace->text);
    trace->text[trace->len++] = mark->letter;
}

static void stop(void *arg)
{
    net_loop_stop(arg);
}

static void step_until(struct net_loop *loop, const atomic_int *value, int wanted)
{
    int64_t end_ms = net_wall_ms(loop) + DEADLINE_MS;
    while (*value != wanted) {
        ck_assert_msg(net_wall_ms(loop) < end_ms, "nothing happens");
        net_loop_step(loop, 100);
    }
}

START_TEST(timers_fire_in_order_and_not_early)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct trace trace = {.loop = loop};
    struct mark marks[4] = {{&trace, 'a'}, {&trace, 'b'}, {&trace, 'c'}, {&trace, 'd'}};
    struct net_timer t[4];
    for (int i = 0; i < 4; i++) {
        net_timer_init(&t[i], loop, note, &marks[i]);
    }
    int64_t start_ms = net_now_ms(loop);
    net_timer_set(&t[0], 30);
    net_timer_set(&t[1], 10);
    net_timer_set(&t[2], 10);
    net_timer_set(&t[3], 1);
    net_timer_stop(&t[3]);
    net_timer_set(&t[1], 20); /* moved behind c */
    struct net_timer end;
    net_timer_init(&end, loop, stop, loop);
    net_timer_set(&end, 30);
    net_loop_run(loop);
    ck_assert_str_eq(trace.text, "cba");
    ck_assert_int_ge(net_now_ms(loop) - start_ms, 30);
    ck_assert(!net_timer_is_set(&t[0]));
    net_loop_free(loop);
}
END_TEST

static void set_again(void *arg)
{
    struct trace *trace = arg;
    if (++trace->len < 5) {
        net_timer_set(&trace->timer, 0);
    } else {
        net_loop_stop(trace->loop);
    }
}

START_TEST(timer_set_in_its_own_callback_waits_for_the_next_iteration)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct trace trace = {.loop = loop};
    net_timer_init(&trace.timer, loop, set_again, &trace);
    net_timer_set(&trace.timer, -7);
    net_loop_step(loop, 0);
    ck_assert_uint_eq(trace.len, 1);
    net_loop_run(loop);
    ck_assert_uint_eq(trace.len, 5);
    net_loop_free(loop);
}
END_TEST

static void defer_more(void *arg)
{
    struct mark *mark = arg;
    note(mark);
    net_defer(mark->trace->loop, note, mark + 1);
}

START_TEST(tasks_keep_their_order)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct trace trace = {.loop = loop};
    struct mark marks[4] = {{&trace, 'a'}, {&trace, 'b'}, {&trace, 'c'}, {&trace, 'd'}};
    net_defer(loop, defer_more, &marks[0]);
    net_defer(loop, note, &marks[2]);
    net_post(loop, note, &marks[3]);
    net_loop_step(loop, 0);
    ck_assert_str_eq(trace.text, "dac");
    net_loop_step(loop, 0);
    ck_assert_str_eq(trace.text, "dacb");
    net_loop_free(loop);
}
END_TEST

struct poster {
    struct net_loop *loop;
    atomic_int got;
};

static void count(void *arg)
{
    struct poster *poster = arg;
    poster->got++;
}

static void *post_many(void *arg)
{
    struct poster *poster = arg;
    for (int i = 0; i < 10000; i++) {
        net_post(poster->loop, count, poster);
        if (i % 1000 == 0) {
            sched_yield(); /* lets the loop fall asleep now and then */
        }
    }
    return NULL;
}

START_TEST(posts_from_threads_all_arrive)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct poster poster = {.loop = loop};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, &poster), 0);
    }
    step_until(loop, &poster.got, 20000);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    net_loop_free(loop);
}
END_TEST

struct job {
    struct net_loop *loop;
    pthread_t loop_thread;
    atomic_int *done;
    int number;
    atomic_int *gate; /* not NULL: work waits for it */
    char *order;
};

static void do_work(void *arg)
{
    struct job *job = arg;
    ck_assert(!pthread_equal(pthread_self(), job->loop_thread));
    while (job->gate != NULL && !*job->gate) {
        sched_yield();
    }
}

static void work_done(void *arg)
{
    struct job *job = arg;
    ck_assert(pthread_equal(pthread_self(), job->loop_thread));
    if (job->order != NULL) {
        job->order[*job->done] = (char)('0' + job->number);
    }
    ++*job->done;
}

START_TEST(work_runs_elsewhere_and_queues_do_not_wait_for_each_other)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct net_work_queue *fsync = net_work_queue_new(loop, "fsync", 1);
    atomic_int slow_done = 0;
    atomic_int fast_done = 0;
    atomic_int gate = 0;
    struct job slow = {loop, pthread_self(), &slow_done, 0, &gate, NULL};
    char order[6] = {0};
    struct job fast[5];
    for (int i = 0; i < 8; i++) {
        net_work(loop, do_work, work_done, &slow);
    }
    for (int i = 0; i < 5; i++) {
        fast[i] = (struct job){loop, pthread_self(), &fast_done, i, NULL, order};
        net_work_on(fsync, do_work, work_done, &fast[i]);
    }
    step_until(loop, &fast_done, 5);
    ck_assert_str_eq(order, "01234");
    ck_assert_int_eq(slow_done, 0);
    gate = 1;
    step_until(loop, &slow_done, 8);
    net_work_queue_free(fsync);
    net_loop_free(loop);
}
END_TEST

static void inline_work(void *arg)
{
    struct job *job = arg;
    ck_assert(pthread_equal(pthread_self(), job->loop_thread));
}

START_TEST(work_without_threads)
{
    struct net_loop_options options = {.work_inline = true};
    struct net_loop *loop = net_loop_new(&options);
    atomic_int done = 0;
    struct job job = {loop, pthread_self(), &done, 0, NULL, NULL};
    net_work(loop, inline_work, work_done, &job);
    ck_assert_int_eq(done, 0);
    step_until(loop, &done, 1);
    net_loop_free(loop);
}
END_TEST

START_TEST(queued_work_is_done_before_a_queue_is_freed)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct net_work_queue *queue = net_work_queue_new(loop, "q", 1);
    atomic_int count_done = 0;
    struct poster poster = {.loop = loop};
    for (int i = 0; i < 50; i++) {
        net_work_on(queue, count, NULL, &poster);
    }
    net_work_queue_free(queue);
    ck_assert_int_eq(poster.got, 50);
    ck_assert_int_eq(count_done, 0);
    net_loop_free(loop);
}
END_TEST

/* What a completion belongs to, and whether it is gone. */
struct owner {
    struct net_loop *loop;
    struct net_work_queue *queue;
    int completed;
    bool gone;
};

static void nothing_to_do(void *arg)
{
    (void)arg;
}

static void owner_done(void *arg)
{
    struct owner *owner = arg;
    ck_assert(!owner->gone);
    owner->completed++;
}

START_TEST(completions_do_not_outlive_their_queue)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct owner *owners[20];
    for (int i = 0; i < 20; i++) {
        struct owner *owner = mem_zalloc(1, sizeof *owner);
        owners[i] = owner;
        owner->queue = net_work_queue_new(loop, "q", 2);
        for (int n = 0; n < 10; n++) {
            net_work_on(owner->queue, nothing_to_do, owner_done, owner);
        }
        if (i % 2 == 0) {
            net_loop_step(loop, 1); /* some have run, some are posted, some are under way */
        }
        net_work_queue_free(owner->queue);
        ck_assert_int_eq(owner->completed, 10);
        owner->gone = true;
    }
    for (int i = 0; i < 10; i++) {
        net_loop_step(loop, 1); /* which runs on */
    }
    for (int i = 0; i < 20; i++) {
        mem_free(owners[i]);
    }
    net_loop_free(loop);
}
END_TEST

/* The last completion frees the queue; one of those before it queues more. */
static void owner_ends(void *arg)
{
    struct owner *owner = arg;
    if (++owner->completed == 2) {
        net_work_on(owner->queue, nothing_to_do, owner_done, owner);
    }
    if (owner->completed == 3) {
        net_work_queue_free(owner->queue);
        owner->gone = true;
    }
}

START_TEST(a_completion_frees_its_queue)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct owner owner = {.loop = loop, .queue = net_work_queue_new(loop, "q", 1)};
    for (int i = 0; i < 3; i++) {
        net_work_on(owner.queue, nothing_to_do, owner_ends, &owner);
    }
    int64_t end_ms = net_wall_ms(loop) + 20000;
    while (!owner.gone) {
        ck_assert_int_lt(net_wall_ms(loop), end_ms);
        net_loop_step(loop, 10);
    }
    ck_assert_int_eq(owner.completed, 4);
    for (int i = 0; i < 10; i++) {
        net_loop_step(loop, 1);
    }
    net_loop_free(loop);
}
END_TEST

static void must_not_run(void *arg)
{
    (void)arg;
    ck_abort_msg("taken back");
}

struct canceller {
    struct net_loop *loop;
    int ran;
};

static void take_back(void *arg)
{
    struct canceller *c = arg;
    c->ran++;
    net_undefer(c->loop, must_not_run, c);
}

START_TEST(deferred_tasks_can_be_taken_back)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct canceller c = {.loop = loop};
    net_defer(loop, must_not_run, &c);
    net_undefer(loop, must_not_run, &c);
    net_loop_step(loop, 0);
    net_defer(loop, take_back, &c); /* from within the tasks that are being run */
    net_defer(loop, must_not_run, &c);
    net_defer(loop, take_back, &c);
    net_loop_step(loop, 0);
    ck_assert_int_eq(c.ran, 2);
    net_loop_free(loop);
}
END_TEST

START_TEST(signals_come_to_the_loop)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct poster poster = {.loop = loop};
    net_signal(loop, SIGUSR1, count, &poster);
    kill(getpid(), SIGUSR1);
    step_until(loop, &poster.got, 1);
    kill(getpid(), SIGUSR1);
    step_until(loop, &poster.got, 2);
    net_loop_free(loop);
}
END_TEST

START_TEST(an_idle_loop_does_not_wake_up)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct net_timer far;
    net_timer_init(&far, loop, stop, loop);
    net_timer_set(&far, 1000 * 1000);
    struct net_timer end;
    net_timer_init(&end, loop, stop, loop);
    net_timer_set(&end, 300);
    struct rusage before;
    struct rusage after;
    getrusage(RUSAGE_THREAD, &before);
    net_loop_run(loop);
    getrusage(RUSAGE_THREAD, &after);
    ck_assert_int_le(after.ru_nvcsw - before.ru_nvcsw, 3);
    net_timer_stop(&far);
    net_loop_free(loop);
}
END_TEST

START_TEST(what_is_left_is_freed)
{
    struct net_loop *loop = net_loop_new(NULL);
    struct poster poster = {.loop = loop};
    net_post(loop, count, &poster);
    net_signal(loop, SIGUSR2, count, &poster);
    struct net_timer timer;
    net_timer_init(&timer, loop, stop, loop);
    net_timer_set(&timer, 10);
    net_loop_free(loop);
    ck_assert(!net_timer_is_set(&timer));
    net_loop_free(NULL);
    net_work_queue_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *tc = tcase_create("loop");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, timers_fire_in_order_and_not_early);
    tcase_add_test(tc, timer_set_in_its_own_callback_waits_for_the_next_iteration);
    tcase_add_test(tc, tasks_keep_their_order);
    tcase_add_test(tc, posts_from_threads_all_arrive);
    tcase_add_test(tc, work_runs_elsewhere_and_queues_do_not_wait_for_each_other);
    tcase_add_test(tc, work_without_threads);
    tcase_add_test(tc, queued_work_is_done_before_a_queue_is_freed);
    tcase_add_test(tc, completions_do_not_outlive_their_queue);
    tcase_add_test(tc, a_completion_frees_its_queue);
    tcase_add_test(tc, deferred_tasks_can_be_taken_back);
    tcase_add_test(tc, signals_come_to_the_loop);
    tcase_add_test(tc, an_idle_loop_does_not_wake_up);
    tcase_add_test(tc, what_is_left_is_freed);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
