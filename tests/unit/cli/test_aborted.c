/* What a reader of committed records does not see. */
#include "cli/aborted.h"

#include "tests/unit/unit.h"

/* A batch of one producer: records, or the marker that ends its transaction. */
struct piece {
    int64_t base_offset;
    int64_t producer;
    enum { PLAIN, RECORDS, COMMIT, ABORT } kind;
    bool is_hidden;
};

static void put_batch(const struct piece *piece, struct buf *out)
{
    bool is_marker = piece->kind == COMMIT || piece->kind == ABORT;
    int16_t attributes = piece->kind == PLAIN ? 0
                         : is_marker          ? WIRE_BATCH_TRANSACTIONAL | WIRE_BATCH_CONTROL
                                              : WIRE_BATCH_TRANSACTIONAL;
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS, .attributes = attributes};
    options.base_offset = piece->base_offset;
    options.producer_id = piece->producer;
    struct wire_builder builder;
    struct buf key = {0};
    struct buf value = {0};
    if (is_marker) {
        wire_control_key_encode(piece->kind == ABORT ? WIRE_CONTROL_ABORT : WIRE_CONTROL_COMMIT,
                                &key);
        wire_txn_marker_encode(0, &value);
    }
    wire_builder_init(&builder, &options, out);
    struct wire_record record = {.key = buf_slice(&key), .value = buf_slice(&value)};
    wire_builder_add(&builder, &record);
    wire_builder_finish(&builder);
    buf_fini(&key);
    buf_fini(&value);
}

static void check(const struct piece *pieces, size_t count,
                  struct wire_fetch_response_responses_partitions_aborted_transactions *rows,
                  int32_t row_count)
{
    struct wire_fetch_response_responses_partitions of = {.aborted_transactions = rows,
                                                          .aborted_transactions_count = row_count};
    struct aborted aborted;
    aborted_init(&aborted, &of);
    for (size_t i = 0; i < count; i++) {
        struct buf bytes = {0};
        struct wire_batch batch;
        bool hidden;
        put_batch(&pieces[i], &bytes);
        ck_assert_int_eq(wire_batch_parse(buf_slice(&bytes), &batch), ERR_NONE);
        ck_assert_int_eq(aborted_hides(&aborted, &batch, &hidden), ERR_NONE);
        ck_assert_msg(hidden == pieces[i].is_hidden, "piece %zu", i);
        buf_fini(&bytes);
    }
    aborted_fini(&aborted);
}

START_TEST(uncommitted_readers_see_all_but_markers)
{
    static const struct piece pieces[] = {{0, -1, PLAIN, false},
                                          {1, 7, RECORDS, false},
                                          {2, 7, ABORT, true},
                                          {3, 7, RECORDS, false},
                                          {4, 7, COMMIT, true}};
    check(pieces, ARRAY_LEN(pieces), NULL, -1);
}
END_TEST

/* Two producers at the same time; the first aborts, writes again and commits. */
START_TEST(what_was_aborted_is_hidden)
{
    static const struct piece pieces[] = {
        {10, 7, RECORDS, true},  {11, 8, RECORDS, false}, {12, -1, PLAIN, false},
        {13, 7, RECORDS, true},  {14, 7, ABORT, true},    {15, 7, RECORDS, false},
        {16, 8, COMMIT, true},   {17, 7, COMMIT, true},   {18, 8, RECORDS, true},
        {19, 7, RECORDS, false}, {20, 8, ABORT, true},    {21, 8, RECORDS, false},
    };
    struct wire_fetch_response_responses_partitions_aborted_transactions rows[] = {{7, 10},
                                                                                   {8, 18}};
    check(pieces, ARRAY_LEN(pieces), rows, 2);
}
END_TEST

/* The fetch begins inside of the transaction. */
START_TEST(a_transaction_that_began_before)
{
    static const struct piece pieces[] = {
        {50, 7, RECORDS, true}, {51, 7, ABORT, true}, {52, 7, RECORDS, false}};
    struct wire_fetch_response_responses_partitions_aborted_transactions row = {7, 3};
    check(pieces, ARRAY_LEN(pieces), &row, 1);
}
END_TEST

UNIT_MAIN("aborted", uncommitted_readers_see_all_but_markers, what_was_aborted_is_hidden,
          a_transaction_that_began_before)
