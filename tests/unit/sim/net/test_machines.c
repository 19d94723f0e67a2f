/* Simulated machines: clocks, threads, pauses, crashes. */
#include <signal.h>

#include "base/system.h"
#include "base/uuid.h"
#include "tests/unit/sim/net/pair.h"

/* ---- clocks ---- */

struct clock {
    struct sim_net *net;
    struct sim_host *host;
    struct net_loop *loop;
    struct net_timer timer;
    int64_t fired_us; /* −1: not yet */
};

static void fired(void *arg)
{
    struct clock *c = arg;
    c->fired_us = sim_net_now_us(c->net);
}

static void clock_init(struct clock *c, const struct sim_host_options *options)
{
    *c = (struct clock){.net = sim_net_new(&(struct sim_net_options){.seed = 1}), .fired_us = -1};
    c->host = sim_host_new(c->net, options);
    sim_host_enter(c->host);
    c->loop = net_loop_new(NULL);
    net_timer_init(&c->timer, c->loop, fired, c);
    sim_host_leave();
}

static void clock_fini(struct clock *c)
{
    sim_host_enter(c->host);
    net_loop_free(c->loop);
    sim_host_leave();
    sim_net_free(c->net);
}

static void set_timer(struct clock *c, int64_t delay_ms)
{
    c->fired_us = -1;
    sim_host_enter(c->host);
    net_timer_set(&c->timer, delay_ms);
    sim_host_leave();
}

START_TEST(a_clock_that_drifts)
{
    struct clock c;
    clock_init(&c, &(struct sim_host_options){.name = "a", .drift_ppm = 100 * 1000});
    set_timer(&c, 11 * 1000);
    sim_net_run_until(c.net, 20 * PAIR_S);
    /* Eleven of its seconds are ten of the world's; within its first millisecond. */
    ck_assert_int_ge(c.fired_us, 10 * PAIR_S - PAIR_MS);
    ck_assert_int_le(c.fired_us, 10 * PAIR_S + PAIR_MS);
    /* A change counts for a timer that runs. */
    set_timer(&c, 11 * 1000);
    int64_t begin_us = sim_net_now_us(c.net);
    sim_host_set_drift(c.host, 0);
    sim_net_run_until(c.net, begin_us + 20 * PAIR_S);
    ck_assert_int_ge(c.fired_us - begin_us, 11 * PAIR_S - PAIR_MS);
    ck_assert_int_le(c.fired_us - begin_us, 11 * PAIR_S + PAIR_MS);
    clock_fini(&c);
}
END_TEST

START_TEST(a_wall_clock_that_jumps)
{
    struct clock c;
    clock_init(&c, &(struct sim_host_options){.name = "a", .wall_offset_ms = 250});
    sim_host_enter(c.host);
    int64_t wall_ms = net_wall_ms(c.loop);
    int64_t now_ms = net_now_ms(c.loop);
    sim_host_jump_wall(c.host, -5000);
    ck_assert_int_eq(net_wall_ms(c.loop), wall_ms - 5000);
    ck_assert_int_eq(system_wall_ms(), wall_ms - 5000);
    ck_assert_int_eq(net_now_ms(c.loop), now_ms);
    sim_host_leave();
    ck_assert_int_eq(wall_ms % 1000, 250);
    clock_fini(&c);
}
END_TEST

START_TEST(time_that_is_spent_passes)
{
    struct clock c;
    clock_init(&c, &(struct sim_host_options){.name = "a"});
    set_timer(&c, 5);
    sim_host_enter(c.host);
    int64_t now_ms = net_now_ms(c.loop);
    sim_spend(40 * PAIR_MS);
    net_loop_step(c.loop, 0);
    ck_assert_int_eq(net_now_ms(c.loop), now_ms + 40);
    sim_host_leave();
    ck_assert_int_ge(c.fired_us, 40 * PAIR_MS);
    clock_fini(&c);
}
END_TEST

START_TEST(a_slow_processor_turns_less_often)
{
    struct pair p;
    pair_init(&p, 1);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 1);
    sim_host_set_turn(p.server_host, 30 * PAIR_MS);
    int64_t begin_us = sim_net_now_us(p.net);
    for (int i = 0; i < 10; i++) {
        int before = p.answered;
        pair_call(&p, 0);
        PAIR_UNTIL(&p, p.answered == before + 1);
    }
    ck_assert_int_ge(p.ended_us - begin_us, 9 * 30 * PAIR_MS);
    pair_fini(&p);
}
END_TEST

START_TEST(random_numbers_follow_from_the_seed)
{
    struct uuid ids[2];
    for (int i = 0; i < 2; i++) {
        struct clock c;
        clock_init(&c, &(struct sim_host_options){.name = "a"});
        sim_host_enter(c.host);
        ids[i] = uuid_random();
        ck_assert(!uuid_eq(ids[i], uuid_random()));
        sim_host_leave();
        clock_fini(&c);
    }
    ck_assert(uuid_eq(ids[0], ids[1]));
}
END_TEST

/* ---- threads ---- */

enum { JOBS = 20 };

struct jobs {
    struct clock clock;
    struct net_work_queue *queue;
    int done;
    int works;
    int order[JOBS];
};

struct job {
    struct jobs *jobs;
    int number;
    int64_t spends_us;
};

static void work(void *arg)
{
    struct job *job = arg;
    job->jobs->order[job->jobs->works++] = job->number;
    if (job->spends_us > 0) {
        sim_spend(job->spends_us);
    }
}

static void work_done(void *arg)
{
    struct job *job = arg;
    job->jobs->done++;
}

static void jobs_init(struct jobs *j, struct job *jobs, int threads, int64_t spends_us)
{
    *j = (struct jobs){.done = 0};
    clock_init(&j->clock,
               &(struct sim_host_options){.name = "a", .work = {.min_us = 100, .max_us = 5000}});
    sim_host_enter(j->clock.host);
    j->queue = net_work_queue_new(j->clock.loop, "q", threads);
    for (int i = 0; i < JOBS; i++) {
        jobs[i] = (struct job){j, i, spends_us};
        net_work_on(j->queue, work, work_done, &jobs[i]);
    }
    ck_assert_int_eq(j->works, 0);
    sim_host_leave();
}

static void jobs_fini(struct jobs *j)
{
    sim_host_enter(j->clock.host);
    net_work_queue_free(j->queue);
    sim_host_leave();
    clock_fini(&j->clock);
}

static bool is_sorted(const struct jobs *j)
{
    for (int i = 0; i < JOBS; i++) {
        if (j->order[i] != i) {
            return false;
        }
    }
    return true;
}

START_TEST(one_thread_keeps_the_order)
{
    struct jobs j;
    struct job jobs[JOBS];
    jobs_init(&j, jobs, 1, PAIR_MS);
    sim_net_run_until(j.clock.net, PAIR_S);
    ck_assert_int_eq(j.done, JOBS);
    ck_assert(is_sorted(&j));
    ck_assert_uint_eq(sim_net_stats(j.clock.net).jobs, JOBS);
    jobs_fini(&j);
}
END_TEST

START_TEST(one_thread_does_one_thing_at_a_time)
{
    struct jobs j;
    struct job jobs[JOBS];
    jobs_init(&j, jobs, 1, 50 * PAIR_MS);
    sim_net_run_until(j.clock.net, (JOBS - 1) * 50 * PAIR_MS);
    ck_assert_int_lt(j.works, JOBS);
    sim_net_run_until(j.clock.net, JOBS * 56 * PAIR_MS);
    ck_assert_int_eq(j.done, JOBS);
    jobs_fini(&j);
}
END_TEST

START_TEST(several_threads_overtake_each_other)
{
    struct jobs j;
    struct job jobs[JOBS];
    jobs_init(&j, jobs, 4, 0);
    sim_net_run_until(j.clock.net, PAIR_S);
    ck_assert_int_eq(j.done, JOBS);
    ck_assert(!is_sorted(&j));
    jobs_fini(&j);
}
END_TEST

START_TEST(who_frees_the_threads_waits_for_them)
{
    for (int crash = 0; crash < 2; crash++) {
        struct jobs j;
        struct job jobs[JOBS];
        jobs_init(&j, jobs, 2, 0);
        sim_net_run_until(j.clock.net, 2 * PAIR_MS);
        ck_assert_int_lt(j.works, JOBS);
        if (crash) {
            sim_host_crash(j.clock.host, SIM_CRASH_KILL);
            sim_net_run_until(j.clock.net, PAIR_S);
            ck_assert_int_lt(j.works, JOBS);
        }
        sim_host_enter(j.clock.host);
        net_work_queue_free(j.queue);
        sim_host_leave();
        ck_assert_int_eq(j.works, JOBS);
        clock_fini(&j.clock);
    }
}
END_TEST

/* ---- pauses ---- */

START_TEST(a_paused_machine_holds_everything)
{
    struct pair p;
    pair_init(&p, 2);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 1);
    sim_host_pause(p.server_host);
    pair_call(&p, 0);
    pair_run_for(&p, 30 * PAIR_S);
    ck_assert_int_eq(p.handled, 1);
    ck_assert_int_eq(p.closed, 0);
    sim_host_resume(p.server_host);
    PAIR_UNTIL(&p, p.answered == 2);
    /* Its system goes on to accept. */
    sim_host_pause(p.server_host);
    sim_host_enter(p.client_host);
    net_client_disconnect(p.client);
    sim_host_leave();
    pair_call(&p, 0);
    pair_run_for(&p, PAIR_S);
    ck_assert_int_eq(p.opened, 2);
    ck_assert_int_eq(p.handled, 2);
    sim_host_resume(p.server_host);
    PAIR_UNTIL(&p, p.answered == 3);
    ck_assert_uint_eq(pair_faults(&p, "pause"), 2);
    pair_fini(&p);
}
END_TEST

START_TEST(a_paused_machine_fills_its_buffers)
{
    struct pair p;
    pair_init(&p, 3);
    p.answer_bytes = 30000;
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 1);
    for (int i = 0; i < 100; i++) {
        pair_call(&p, 0);
    }
    pair_run_for(&p, 300); /* they are under way */
    sim_host_pause(p.client_host);
    pair_run_for(&p, 20 * PAIR_S);
    ck_assert_int_lt(p.handled, 101); /* 3 MB: the buffers of both sides hold less */
    sim_host_resume(p.client_host);
    PAIR_UNTIL(&p, p.answered == 101);
    ck_assert_int_eq(p.closed, 0);
    pair_fini(&p);
}
END_TEST

static void resume(void *arg)
{
    sim_host_resume(arg);
}

START_TEST(timers_of_a_paused_machine_fire_late)
{
    struct clock c;
    clock_init(&c, &(struct sim_host_options){.name = "a"});
    set_timer(&c, 10);
    sim_host_pause(c.host);
    sim_net_run_until(c.net, PAIR_S);
    ck_assert_int_eq(c.fired_us, -1);
    sim_net_at(c.net, 2 * PAIR_S, resume, c.host);
    sim_net_run_until(c.net, 3 * PAIR_S);
    ck_assert_int_ge(c.fired_us, 2 * PAIR_S);
    ck_assert_int_lt(c.fired_us, 2 * PAIR_S + PAIR_MS);
    clock_fini(&c);
}
END_TEST

/* ---- crashes ---- */

START_TEST(a_killed_process_is_noticed_at_once)
{
    struct pair p;
    pair_init(&p, 4);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 1);
    pair_crash_server(&p, SIM_CRASH_KILL);
    ck_assert(!sim_host_is_up(p.server_host));
    pair_run_for(&p, 20 * PAIR_MS);
    ck_assert_int_eq(p.closed, 1);
    ck_assert_int_eq(p.closed_why, ERR_CLOSED);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.failed == 1);
    ck_assert_str_eq(net_client_failure(p.client), "10.0.0.1:9092: Connection refused");
    sim_host_boot(p.server_host);
    pair_serve(&p);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 2);
    pair_fini(&p);
}
END_TEST

START_TEST(a_power_cut_is_silent)
{
    struct pair p;
    pair_init(&p, 5);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 1);
    pair_crash_server(&p, SIM_CRASH_POWER);
    pair_run_for(&p, 60 * PAIR_S);
    ck_assert_int_eq(p.closed, 0);
    pair_call(&p, 0);
    pair_run_for(&p, PAIR_S);
    ck_assert_int_eq(p.closed, 0);
    sim_host_boot(p.server_host);
    pair_serve(&p);
    /* What is sent again reaches a system that has never heard of the connection. */
    PAIR_UNTIL(&p, p.closed == 1);
    ck_assert_int_eq(p.failed, 1);
    pair_call(&p, 0);
    PAIR_UNTIL(&p, p.answered == 2);
    ck_assert_int_eq(p.handled, 2);
    pair_fini(&p);
}
END_TEST

START_TEST(a_dial_finds_the_machine_when_it_is_back)
{
    struct pair p;
    pair_init(&p, 6);
    pair_crash_server(&p, SIM_CRASH_POWER);
    pair_call(&p, 0);
    pair_run_for(&p, 500 * PAIR_MS);
    sim_host_boot(p.server_host);
    pair_serve(&p);
    PAIR_UNTIL(&p, p.answered + p.failed == 1);
    ck_assert_int_eq(p.answered, 1);
    ck_assert_int_ge(p.ended_us, PAIR_S); /* the second SYN */
    pair_fini(&p);
}
END_TEST

/* The server's process dies in the middle of its handler; `answer_bytes` 1: it is killed. */
static void die(void *arg, struct net_request *req)
{
    struct pair *p = arg;
    p->handled++;
    sim_host_crash(p->server_host, p->answer_bytes == 1 ? SIM_CRASH_KILL : SIM_CRASH_POWER);
    struct wire_find_coordinator_response rs;
    wire_init(&wire_msg_find_coordinator_response, &rs);
    net_reply(req, &rs); /* nobody hears it */
}

START_TEST(who_dies_in_the_middle_says_no_more)
{
    for (int kill = 0; kill < 2; kill++) {
        struct pair p;
        pair_hosts(&p, 7);
        p.answer_bytes = (size_t)kill;
        sim_host_enter(p.server_host);
        static const struct net_api apis[] = {{WIRE_API_FIND_COORDINATOR, 0, 3, die, NULL}};
        p.server_loop = net_loop_new(NULL);
        p.server =
            net_server_new(&(struct net_server_options){.apis = apis, .api_count = 1, .arg = &p});
        ck_assert_int_eq(
            net_listen(p.server_loop,
                       &(struct net_listener_options){.port = PAIR_PORT, .server = p.server},
                       &p.listener, NULL),
            ERR_NONE);
        sim_host_leave();
        pair_connect(&p);
        pair_call(&p, 3000);
        PAIR_UNTIL(&p, p.answered + p.failed == 1);
        ck_assert_int_eq(p.handled, 1);
        ck_assert_int_eq(p.error, kill ? ERR_CLOSED : ERR_TIMED_OUT);
        pair_fini(&p);
    }
}
END_TEST

static void count_signal(void *arg)
{
    ++*(int *)arg;
}

START_TEST(signals_come_to_the_loop)
{
    struct clock c;
    int term = 0;
    int hup = 0;
    clock_init(&c, &(struct sim_host_options){.name = "a"});
    sim_host_enter(c.host);
    net_signal(c.loop, SIGTERM, count_signal, &term);
    net_signal(c.loop, SIGHUP, count_signal, &hup);
    sim_host_leave();
    sim_net_run_until(c.net, PAIR_S);
    sim_host_signal(c.host, SIGTERM);
    sim_net_run_until(c.net, 2 * PAIR_S);
    ck_assert_int_eq(term, 1);
    ck_assert_int_eq(hup, 0);
    clock_fini(&c);
}
END_TEST

UNIT_MAIN("machines", a_clock_that_drifts, a_wall_clock_that_jumps, time_that_is_spent_passes,
          a_slow_processor_turns_less_often, random_numbers_follow_from_the_seed,
          one_thread_keeps_the_order, one_thread_does_one_thing_at_a_time,
          several_threads_overtake_each_other, who_frees_the_threads_waits_for_them,
          a_paused_machine_holds_everything, a_paused_machine_fills_its_buffers,
          timers_of_a_paused_machine_fire_late, a_killed_process_is_noticed_at_once,
          a_power_cut_is_silent, a_dial_finds_the_machine_when_it_is_back,
          who_dies_in_the_middle_says_no_more, signals_come_to_the_loop)
