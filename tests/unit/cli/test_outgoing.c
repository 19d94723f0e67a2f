/* Batches on their way, and what they are built into when they are refused. */
#include "cli/outgoing.h"

#include "tests/unit/unit.h"

static struct outgoing *batch_of(int records, enum wire_compression compression)
{
    struct outgoing *batch = outgoing_new(compression, 77);
    for (int i = 0; i < records; i++) {
        char value[32];
        int len = snprintf(value, sizeof value, "value %d", i);
        outgoing_add(batch, &(struct wire_record){.timestamp = 1000 + i,
                                                  .key = SLICE_NULL,
                                                  .value = slice_of(value, (size_t)len)});
    }
    return batch;
}

/* Closes the batch; its header, with as many records as it should have, from `first` on. */
static struct wire_batch closed(struct outgoing *batch, int first, int count)
{
    struct wire_batch header;
    struct wire_records records;
    struct arena arena = {0};
    ck_assert_int_eq(batch->records, count);
    outgoing_close(batch, &(struct producer_id){5, 2}, 40);
    ck_assert(batch->is_closed && batch->is_full);
    ck_assert_int_eq(wire_batch_parse(buf_slice(&batch->bytes), &header), ERR_NONE);
    ck_assert_int_eq(wire_batch_check_crc(&header), ERR_NONE);
    ck_assert_int_eq(wire_records_open(&records, &header, 1 << 20, &arena), ERR_NONE);
    for (int i = first; i < first + count; i++) {
        struct wire_record record;
        bool got;
        char want[32];
        (void)snprintf(want, sizeof want, "value %d", i);
        ck_assert_int_eq(wire_record_next(&records, &record, &got), ERR_NONE);
        ck_assert(got && slice_eq_str(record.value, want) && slice_is_null(record.key));
        ck_assert_int_eq(record.timestamp, 1000 + i);
    }
    arena_fini(&arena);
    return header;
}

START_TEST(a_batch_has_its_number)
{
    struct outgoing *batch = batch_of(3, WIRE_COMPRESSION_NONE);
    struct wire_batch header = closed(batch, 0, 3);
    ck_assert_int_eq(header.producer_id, 5);
    ck_assert_int_eq(header.producer_epoch, 2);
    ck_assert_int_eq(header.base_sequence, 40);
    ck_assert_int_eq(wire_batch_last_sequence(&header), 42);
    outgoing_free(batch);
    /* Without an identity there are no numbers. */
    batch = batch_of(1, WIRE_COMPRESSION_NONE);
    outgoing_close(batch, &(struct producer_id){-1, -1}, 40);
    ck_assert_int_eq(wire_batch_parse(buf_slice(&batch->bytes), &header), ERR_NONE);
    ck_assert_int_eq(header.producer_id, -1);
    ck_assert_int_eq(header.base_sequence, -1);
    outgoing_free(batch);
}
END_TEST

START_TEST(parts_have_all_records)
{
    struct outgoing *whole = batch_of(7, WIRE_COMPRESSION_ZSTD);
    closed(whole, 0, 7);
    struct outgoing *same = outgoing_part(whole, 0, 1);
    struct outgoing *first = outgoing_part(whole, 0, 2);
    struct outgoing *second = outgoing_part(whole, 1, 2);
    ck_assert(first->is_full && !first->is_closed && first->attempts == 0);
    ck_assert_int_eq(first->deadline_ms, 77);
    ck_assert_int_eq(same->payload, whole->payload);
    ck_assert_int_eq(first->payload + second->payload, whole->payload);
    closed(same, 0, 7);
    closed(first, 0, 3);
    struct wire_batch header = closed(second, 3, 4);
    ck_assert_int_eq(wire_batch_compression(&header), WIRE_COMPRESSION_ZSTD);
    outgoing_free(whole);
    outgoing_free(same);
    outgoing_free(first);
    outgoing_free(second);
}
END_TEST

UNIT_MAIN("outgoing", a_batch_has_its_number, parts_have_all_records)
