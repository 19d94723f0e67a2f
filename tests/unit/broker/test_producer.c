/* Idempotent producers: the window of five, gaps, epochs, the wrap, what a restart knows. */
#include "tests/unit/unit.h"

#include "broker/partition/producer.h"

enum { PRODUCER = 7 };

/* `count` records from `sequence` on; the offset is `offset`. */
static struct producer_batch batch(int16_t epoch, int32_t sequence, int32_t count, int64_t offset)
{
    return (struct producer_batch){.producer_id = PRODUCER,
                                   .producer_epoch = epoch,
                                   .first_sequence = sequence,
                                   .last_sequence = producer_sequence_add(sequence, count - 1),
                                   .first_offset = offset,
                                   .last_offset = offset + count - 1};
}

static enum err check(const struct producers *ps, struct producer_batch wanted)
{
    const struct producer_batch *known;
    enum err e = producer_check(ps, &wanted, &known);
    ck_assert_int_eq(known != NULL, e == ERR_DUPLICATE_SEQUENCE_NUMBER);
    return e;
}

/* What a leader does; returns where the batch is. */
static int64_t produce(struct producers *ps, struct producer_batch wanted)
{
    const struct producer_batch *known;
    enum err e = producer_check(ps, &wanted, &known);
    if (e == ERR_DUPLICATE_SEQUENCE_NUMBER) {
        return known->first_offset;
    }
    ck_assert_int_eq(e, ERR_NONE);
    producer_append(ps, &wanted, 1000);
    return wanted.first_offset;
}

START_TEST(gaps_are_refused)
{
    struct producers ps = {0};
    produce(&ps, batch(0, 0, 3, 100));
    ck_assert_int_eq(check(&ps, batch(0, 4, 1, 103)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(0, 2, 1, 103)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(0, 3, 1, 103)), ERR_NONE);
    producers_fini(&ps);
}
END_TEST

/* Half of a batch that is there, or more than it, is no retry of it. */
START_TEST(a_retry_is_the_same_batch)
{
    struct producers ps = {0};
    produce(&ps, batch(0, 0, 3, 100));
    ck_assert_int_eq(check(&ps, batch(0, 0, 2, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(0, 0, 4, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(0, 1, 2, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(0, 0, 3, 0)), ERR_DUPLICATE_SEQUENCE_NUMBER);
    producers_fini(&ps);
}
END_TEST

START_TEST(five_batches_are_remembered)
{
    struct producers ps = {0};
    for (int i = 0; i < 6; i++) {
        produce(&ps, batch(0, 10 * i, 10, 1000 + 10 * i));
    }
    ck_assert_int_eq(check(&ps, batch(0, 0, 10, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    for (int i = 1; i < 6; i++) {
        ck_assert_int_eq(produce(&ps, batch(0, 10 * i, 10, 0)), 1000 + 10 * i);
    }
    /* A retry changes nothing: the next new one is still the next. */
    ck_assert_int_eq(check(&ps, batch(0, 60, 10, 0)), ERR_NONE);
    producers_fini(&ps);
}
END_TEST

START_TEST(the_largest_sequence_is_followed_by_zero)
{
    ck_assert_int_eq(producer_sequence_add(INT32_MAX, 1), 0);
    ck_assert_int_eq(producer_sequence_add(INT32_MAX, INT32_MAX), INT32_MAX - 1);
    ck_assert_int_eq(producer_sequence_add(5, 0), 5);
    struct producers ps = {0};
    produce(&ps, batch(0, INT32_MAX - 1, 4, 50)); /* …MAX−1, MAX, 0, 1 */
    ck_assert_int_eq(check(&ps, batch(0, 1, 1, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(0, 3, 1, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(0, 2, 1, 0)), ERR_NONE);
    ck_assert_int_eq(produce(&ps, batch(0, INT32_MAX - 1, 4, 0)), 50);
    produce(&ps, batch(0, 2, 1, 54));

    struct producers exact = {0};
    produce(&exact, batch(0, INT32_MAX, 1, 50));
    ck_assert_int_eq(check(&exact, batch(0, 0, 1, 0)), ERR_NONE);
    producers_fini(&exact);
    producers_fini(&ps);
}
END_TEST

START_TEST(a_new_epoch_begins_at_zero_and_fences_the_old)
{
    struct producers ps = {0};
    produce(&ps, batch(0, 0, 5, 0));
    ck_assert_int_eq(check(&ps, batch(1, 5, 1, 5)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(1, 0, 5, 5)), ERR_NONE); /* no duplicate of epoch 0's */
    produce(&ps, batch(1, 0, 5, 5));
    ck_assert_int_eq(check(&ps, batch(0, 0, 5, 0)), ERR_INVALID_PRODUCER_EPOCH);
    ck_assert_int_eq(check(&ps, batch(0, 5, 1, 0)), ERR_INVALID_PRODUCER_EPOCH);
    ck_assert_int_eq(produce(&ps, batch(1, 0, 5, 0)), 5);
    ck_assert_int_eq(check(&ps, batch(1, 5, 1, 0)), ERR_NONE);
    producers_fini(&ps);
}
END_TEST

START_TEST(an_unknown_producer_may_begin_anywhere)
{
    struct producers ps = {0};
    ck_assert_int_eq(check(&ps, batch(3, 4711, 2, 0)), ERR_NONE);
    produce(&ps, batch(3, 4711, 2, 0));
    ck_assert_int_eq(check(&ps, batch(3, 4712, 2, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(3, 4713, 2, 0)), ERR_NONE);
    producers_fini(&ps);
}
END_TEST

START_TEST(producers_do_not_disturb_each_other)
{
    struct producers ps = {0};
    struct producer_batch other = batch(0, 0, 1, 1);
    other.producer_id = PRODUCER + 1;
    produce(&ps, batch(0, 0, 1, 0));
    produce(&ps, other);
    ck_assert_int_eq(produce(&ps, batch(0, 0, 1, 99)), 0);
    ck_assert_int_eq(produce(&ps, other), 1);
    producers_fini(&ps);
}
END_TEST

/* A snapshot has the last batch of a producer only. */
START_TEST(a_snapshot_knows_the_last_batch)
{
    struct producers ps = {0};
    struct producer_batch last = batch(2, 40, 10, 500);
    producer_restore(&ps, &last, 1000);
    ck_assert_int_eq(produce(&ps, batch(2, 40, 10, 0)), 500);
    ck_assert_int_eq(check(&ps, batch(2, 30, 10, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(2, 60, 10, 0)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(check(&ps, batch(1, 50, 10, 0)), ERR_INVALID_PRODUCER_EPOCH);
    ck_assert_int_eq(check(&ps, batch(2, 50, 10, 0)), ERR_NONE);
    /* The batches behind it fill the window again. */
    struct producer_batch next = batch(2, 50, 10, 510);
    producer_append(&ps, &next, 1000);
    ck_assert_int_eq(produce(&ps, batch(2, 40, 10, 0)), 500);
    ck_assert_int_eq(produce(&ps, batch(2, 50, 10, 0)), 510);
    producers_fini(&ps);
}
END_TEST

/* After a transaction marker a snapshot's producer has an epoch and no batch. */
START_TEST(a_snapshot_may_know_the_epoch_only)
{
    struct producers ps = {0};
    struct producer_batch marker = {.producer_id = PRODUCER,
                                    .producer_epoch = 4,
                                    .first_sequence = -1,
                                    .last_sequence = -1,
                                    .first_offset = 9,
                                    .last_offset = 9};
    producer_restore(&ps, &marker, 1000);
    ck_assert_int_eq(check(&ps, batch(3, 0, 1, 10)), ERR_INVALID_PRODUCER_EPOCH);
    ck_assert_int_eq(check(&ps, batch(4, 17, 1, 10)), ERR_NONE);
    ck_assert_int_eq(check(&ps, batch(5, 17, 1, 10)), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    producers_fini(&ps);
}
END_TEST

START_TEST(idle_producers_expire)
{
    struct producers ps = {0};
    for (int64_t id = 0; id < 100; id++) {
        struct producer_batch b = batch(0, 0, 1, id);
        b.producer_id = id;
        producer_append(&ps, &b, id);
    }
    struct producer_batch again = batch(0, 1, 1, 100); /* of PRODUCER, which was idle */
    producer_append(&ps, &again, 500);
    producers_expire(&ps, 60);
    ck_assert_uint_eq(ps.by_id.count, 41);
    ck_assert_int_eq(check(&ps, batch(0, 0, 1, 0)), ERR_DUPLICATE_SEQUENCE_NUMBER);
    struct producer_batch expired = batch(0, 33, 1, 0);
    expired.producer_id = 59;
    ck_assert_int_eq(check(&ps, expired), ERR_NONE); /* unknown: any sequence */
    expired.producer_id = 60;
    ck_assert_int_eq(check(&ps, expired), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    producers_clear(&ps);
    ck_assert_uint_eq(ps.by_id.count, 0);
    producers_fini(&ps);
}
END_TEST

START_TEST(they_are_walked_in_order_of_appearance)
{
    struct producers ps = {0};
    const int64_t ids[] = {30, 10, 20};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct producer_batch b = batch(0, 0, 1, 0);
        b.producer_id = ids[i];
        producer_append(&ps, &b, 1);
    }
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        const struct producer *p = producers_next(&ps, &at);
        ck_assert_ptr_nonnull(p);
        ck_assert_int_eq(p->id, ids[i]);
    }
    ck_assert_ptr_null(producers_next(&ps, &at));
    producers_fini(&ps);
}
END_TEST

UNIT_MAIN("producer", gaps_are_refused, a_retry_is_the_same_batch, five_batches_are_remembered,
          the_largest_sequence_is_followed_by_zero, a_new_epoch_begins_at_zero_and_fences_the_old,
          an_unknown_producer_may_begin_anywhere, producers_do_not_disturb_each_other,
          a_snapshot_knows_the_last_batch, a_snapshot_may_know_the_epoch_only,
          idle_producers_expire, they_are_walked_in_order_of_appearance)
