/* The error table: Kafka's codes, and what ours become on the wire. */
#include "base/err.h"

#include "tests/unit/unit.h"

/* Every row of the table. */
static const enum err all[] = {
#define ROW(name, value, wire, class, text) ERR_##name,
    ERR_TABLE(ROW)
#undef ROW
};

START_TEST(unknown_codes_are_unknown_server_errors)
{
    for (int code = 900; code < 1000; code++) {
        ck_assert_str_eq(err_name((enum err)code), "UNKNOWN_SERVER_ERROR");
        ck_assert_int_eq(err_wire((enum err)code), -1);
    }
    ck_assert_str_eq(err_text((enum err) - 2), "unknown server error");
}
END_TEST

START_TEST(codes_are_unique)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (size_t j = 0; j < i; j++) {
            ck_assert_int_ne(all[i], all[j]);
            ck_assert_str_ne(err_name(all[i]), err_name(all[j]));
        }
    }
}
END_TEST

START_TEST(kafkas_codes_go_out_as_they_are)
{
    int count = 0;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i] < 1000) {
            ck_assert_int_eq(err_wire(all[i]), all[i]);
            count++;
        }
    }
    ck_assert_msg(count == 130, "Kafka 4.1 has -1 to 128");
}
END_TEST

START_TEST(ours_become_a_code_that_clients_know)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i] >= 1000) {
            int16_t wire = err_wire(all[i]);
            ck_assert_int_ge(wire, -1);
            ck_assert_int_le(wire, 128);
            ck_assert_msg(wire != 0, "%s must not look like success", err_name(all[i]));
        }
        ck_assert(err_text(all[i])[0] != '\0');
    }
}
END_TEST

START_TEST(classes)
{
    ck_assert_int_eq(err_class(ERR_NONE), ERR_CLASS_OK);
    ck_assert_int_eq(err_class(ERR_NOT_LEADER_OR_FOLLOWER), ERR_CLASS_RETRY);
    ck_assert_int_eq(err_class(ERR_NOT_CONTROLLER), ERR_CLASS_RETRY);
    ck_assert_int_eq(err_class(ERR_INVALID_CONFIG), ERR_CLASS_CLIENT);
    ck_assert_int_eq(err_class(ERR_IO), ERR_CLASS_FATAL);
    ck_assert_int_eq(err_wire(ERR_CORRUPT), ERR_CORRUPT_MESSAGE);
    ck_assert_int_eq(err_wire(ERR_NO_SPACE), ERR_KAFKA_STORAGE_ERROR);
}
END_TEST

static enum err tries(enum err first, int *calls)
{
    TRY(first);
    (*calls)++;
    return ERR_BUSY;
}

START_TEST(try_returns_the_error)
{
    int calls = 0;
    ck_assert_int_eq(tries(ERR_IO, &calls), ERR_IO);
    ck_assert_int_eq(calls, 0);
    ck_assert_int_eq(tries(ERR_NONE, &calls), ERR_BUSY);
    ck_assert_int_eq(calls, 1);
}
END_TEST

UNIT_MAIN("err", unknown_codes_are_unknown_server_errors, codes_are_unique,
          kafkas_codes_go_out_as_they_are, ours_become_a_code_that_clients_know, classes,
          try_returns_the_error)
