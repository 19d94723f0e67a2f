/* Listeners and controllers in settings: what is refused, in which words, and what is read. */
#include "metadata/addresses.h"

#include "tests/unit/unit.h"

struct fixture {
    struct settings *settings;
    struct arena arena;
    struct buf why;
};

static void given(struct fixture *f, const char *text)
{
    *f = (struct fixture){.settings = settings_new()};
    enum err e = settings_parse(f->settings, slice_str(text), "s.properties", &f->why);
    ck_assert_msg(e == ERR_NONE, "%.*s", SLICE_ARG(buf_slice(&f->why)));
}

static void fini(struct fixture *f)
{
    settings_free(f->settings);
    arena_fini(&f->arena);
    buf_fini(&f->why);
}

static void expect_why(const struct fixture *f, const char *text, const char *why)
{
    ck_assert_msg(slice_eq_str(buf_slice(&f->why), why), "%s:\n%.*s", text,
                  SLICE_ARG(buf_slice(&f->why)));
}

static void expect_listeners_refused(const char *text, const char *why)
{
    struct fixture f;
    struct metadata_listener *out;
    int count;
    given(&f, text);
    ck_assert_int_eq(metadata_listeners_read(f.settings, &f.arena, &out, &count, &f.why),
                     ERR_CONFIG);
    expect_why(&f, text, why);
    fini(&f);
}

static void expect_quorum_refused(const char *text, const char *why)
{
    struct fixture f;
    struct metadata_quorum_address *out;
    int count;
    given(&f, text);
    ck_assert_int_eq(metadata_quorum_read(f.settings, &f.arena, &out, &count, &f.why), ERR_CONFIG);
    expect_why(&f, text, why);
    fini(&f);
}

START_TEST(wrong_listeners_are_refused_with_their_line)
{
    expect_listeners_refused("listeners=", "s.properties:1: listeners is empty: name at least one, "
                                           "for example PLAINTEXT://127.0.0.1:9092");
    expect_listeners_refused("node.id=1\nlisteners=PLAINTEXT:/h:1",
                             "s.properties:2: listeners: \"PLAINTEXT:/h:1\" is not of the form "
                             "NAME://host:port, for example PLAINTEXT://127.0.0.1:9092");
    expect_listeners_refused("listeners=A://h:99999", "s.properties:1: listeners: "
                                                      "\"A://h:99999\" is not of the form "
                                                      "NAME://host:port, for example "
                                                      "PLAINTEXT://127.0.0.1:9092");
    expect_listeners_refused("listeners=A://h:1,A://h:2",
                             "s.properties:1: listeners: A is given twice");
    expect_listeners_refused("listeners=A://h:1\n\nadvertised.listeners=B://h:1",
                             "s.properties:3: advertised.listeners: B is not one of `listeners`");
    expect_listeners_refused(
        "listeners=A://0.0.0.0:1",
        "advertised.listeners: A would advertise 0.0.0.0, which no client can reach: set "
        "advertised.listeners to an address that clients can");
}
END_TEST

START_TEST(wrong_quorums_are_refused_with_their_line)
{
    expect_quorum_refused("node.id=1",
                          "controller.quorum.voters is not set, and neither is "
                          "controller.quorum.bootstrap.servers: name some controllers there as "
                          "host:port,host:port,…");
    expect_quorum_refused("\ncontroller.quorum.voters=1@h:1,1@h:2",
                          "s.properties:2: controller.quorum.voters: id 1 is given twice");
}
END_TEST

START_TEST(listeners_are_read)
{
    struct fixture f;
    struct metadata_listener *out;
    int count;
    given(&f, "listeners=PLAINTEXT://0.0.0.0:9092,INTERNAL://[::1]:0\n"
              "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT\n"
              "advertised.listeners=PLAINTEXT://broker.example:9092\n");
    ck_assert_int_eq(metadata_listeners_read(f.settings, &f.arena, &out, &count, &f.why), ERR_NONE);
    ck_assert_int_eq(count, 2);
    ck_assert_str_eq(out[0].name, "PLAINTEXT");
    ck_assert_str_eq(out[0].bind.host, "0.0.0.0");
    ck_assert_str_eq(out[0].advertised.host, "broker.example");
    ck_assert_int_eq(out[0].advertised.port, 9092);
    ck_assert_str_eq(out[1].bind.host, "::1");
    ck_assert_int_eq(out[1].bind.port, 0);
    ck_assert_str_eq(out[1].advertised.host, "::1");
    fini(&f);
}
END_TEST

START_TEST(quorums_are_read)
{
    struct fixture f;
    struct metadata_quorum_address *out;
    int count;
    given(&f, "controller.quorum.voters=3001@a:1,3002@b:2");
    ck_assert_int_eq(metadata_quorum_read(f.settings, &f.arena, &out, &count, &f.why), ERR_NONE);
    ck_assert_int_eq(count, 2);
    ck_assert_int_eq(out[1].id, 3002);
    ck_assert_str_eq(out[1].address.host, "b");
    fini(&f);
    given(&f, "controller.quorum.bootstrap.servers=a:1");
    ck_assert_int_eq(metadata_quorum_read(f.settings, &f.arena, &out, &count, &f.why), ERR_NONE);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(out[0].id, -1);
    fini(&f);
    given(&f, "controller.quorum.bootstrap.servers=a:1,b:2\ncontroller.quorum.voters=7@c:3");
    ck_assert_int_eq(metadata_quorum_read(f.settings, &f.arena, &out, &count, &f.why), ERR_NONE);
    ck_assert_int_eq(count, 3);
    ck_assert_int_eq(out[0].id, 7);
    ck_assert_int_eq(out[1].id, -1);
    ck_assert_str_eq(out[2].address.host, "b");
    fini(&f);
}
END_TEST

UNIT_MAIN("addresses", wrong_listeners_are_refused_with_their_line,
          wrong_quorums_are_refused_with_their_line, listeners_are_read, quorums_are_read)
