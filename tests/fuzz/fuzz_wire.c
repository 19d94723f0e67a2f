/* Fuzzing of wire/: any bytes as any message, as a request with its header, as record batches, as
 * compressed bytes.
 *
 * Build and run by `make V=fuzz build/fuzz/tests/fuzz/fuzz_wire`, then
 * `build/fuzz/tests/fuzz/fuzz_wire -max_total_time=60 CORPUS`; with files as arguments it runs each
 * of them once. Without make, after `wire/generate.py --out build/gen/wire wire/schema/x.msg …`:
 *
 *     clang -g -O1 -std=gnu11 -D_GNU_SOURCE -I. -Ibuild/gen -fsanitize=fuzzer,address,undefined \
 *         tests/fuzz/fuzz_wire.c wire/[a-z]*.c build/gen/wire/messages.c base/[a-z]*.c \
 *         -lz -llz4 -lzstd -lsnappy -o fuzz_wire
 *
 * No corpus is kept: the mutator makes well-formed inputs of every message by itself. The first
 * byte of an input is the kind of target, the next two choose message and version, the rest is
 * what is decoded. */
#include "wire/batch.h"
#include "wire/wire.h"

#include "tests/unit/wire/random.h"

enum kind { MESSAGE, REQUEST, BATCHES, COMPRESSED, KINDS };

enum { PREFIX = 3, PLAIN_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* What decodes must encode, and to bytes that mean the same. */
static void check_again(const struct wire_message *m, int16_t version, const void *first)
{
    struct arena arena = {0};
    struct buf bytes = {0};
    struct buf again = {0};
    enum err e = wire_encode(m, version, first, &bytes);
    ASSERT(e == ERR_NONE);
    void *second = wire_new(m, &arena);
    e = wire_decode(m, version, buf_slice(&bytes), &arena, second);
    ASSERT(e == ERR_NONE);
    e = wire_encode(m, version, second, &again);
    ASSERT(e == ERR_NONE);
    ASSERT(slice_eq(buf_slice(&bytes), buf_slice(&again)));
    buf_reset(&again);
    wire_print(m, version, first, &again);
    size_t half = again.len;
    wire_print(m, version, second, &again);
    ASSERT(again.len == 2 * half);
    ASSERT(memcmp(again.data, again.data + half, half) == 0);
    wire_print_json(m, version, second, &again);
    buf_fini(&bytes);
    buf_fini(&again);
    arena_fini(&arena);
}

static void try_message(const struct wire_message *m, int16_t version, struct slice in)
{
    struct arena arena = {0};
    void *message = wire_new(m, &arena);
    size_t before = arena.total;
    enum err e = wire_decode(m, version, in, &arena, message);
    /* Blocks double, and the first has a least size. */
    ASSERT(arena.total - before <= 2 * (WIRE_MEMORY_PER_BYTE * in.len + before + 4096));
    if (e == ERR_NONE) {
        check_again(m, version, message);
    }
    arena_fini(&arena);
}

static void try_request(struct slice in)
{
    struct reader r = reader_of(in);
    struct wire_header header;
    if (wire_header_decode(&r, &header) == ERR_NONE) {
        struct slice body = slice_of(r.p, reader_left(&r));
        try_message(wire_request(header.api_key), header.api_version, body);
    }
}

/* Reads all records; a batch that can be read is built again. */
static void try_batch(const struct wire_batch *batch)
{
    struct arena arena = {0};
    struct buf out = {0};
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.base_offset = batch->base_offset;
    options.compression = wire_batch_compression(batch);
    struct wire_builder builder;
    wire_builder_init(&builder, &options, &out);
    struct wire_records it;
    struct wire_record record;
    bool got = false;
    enum err e = wire_records_open(&it, batch, PLAIN_MAX, &arena);
    while (e == ERR_NONE && (e = wire_record_next(&it, &record, &got)) == ERR_NONE && got) {
        wire_builder_add_at(&builder, &record);
    }
    if (e == ERR_NONE) {
        struct wire_batch again;
        wire_builder_set_last_offset(&builder, wire_batch_last_offset(batch));
        e = wire_batch_parse(wire_builder_finish(&builder), &again);
        ASSERT(e == ERR_NONE);
        ASSERT(wire_batch_check_crc(&again) == ERR_NONE);
        ASSERT(again.record_count == batch->record_count);
    }
    buf_fini(&out);
    arena_fini(&arena);
}

static void try_batches(struct slice in)
{
    struct wire_batches it = wire_batches_of(in);
    struct wire_batch batch;
    bool got;
    while (wire_batch_next(&it, &batch, &got) == ERR_NONE && got) {
        (void)!wire_batch_check_crc(&batch);
        try_batch(&batch);
    }
}

static void try_compressed(enum wire_compression codec, struct slice in)
{
    struct buf plain = {0};
    if (wire_decompress(codec, in, PLAIN_MAX, &plain) != ERR_NONE) {
        ASSERT(plain.len == 0);
    }
    ASSERT(plain.len <= PLAIN_MAX);
    buf_fini(&plain);
}

static const struct wire_message *message_of(const uint8_t *data)
{
    return wire_messages[data[1] % wire_messages_count];
}

static int16_t version_of(const struct wire_message *m, const uint8_t *data)
{
    int versions = m->versions.last - m->versions.first + 1;
    return (int16_t)(m->versions.first + data[2] % versions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX) {
        return 0;
    }
    struct slice in = slice_of(data + PREFIX, size - PREFIX);
    switch ((enum kind)(data[0] % KINDS)) {
    case MESSAGE:
        try_message(message_of(data), version_of(message_of(data), data), in);
        return 0;
    case REQUEST:
        try_request(in);
        return 0;
    case BATCHES:
        try_batches(in);
        return 0;
    case COMPRESSED:
        try_compressed((enum wire_compression)(data[1] % 6), in);
        return 0;
    case KINDS:
        break;
    }
    UNREACHABLE();
}

/* ---- well-formed inputs ---- */

static void make_message(const uint8_t *prefix, struct prng *prng, struct arena *arena,
                         struct buf *out)
{
    const struct wire_message *m = message_of(prefix);
    int16_t version = version_of(m, prefix);
    void *message = wire_new(m, arena);
    if (prefix[0] == REQUEST && m->api_key >= 0) {
        m = wire_request(m->api_key);
        struct wire_header header = {m->api_key, version, 7, slice_str("client")};
        enum err e = wire_header_encode(&header, out);
        ASSERT(e == ERR_NONE);
        message = wire_new(m, arena);
    }
    wire_random(m, version, prng, arena, message);
    enum err e = wire_encode(m, version, message, out);
    ASSERT(e == ERR_NONE);
}

static void make_batch(struct prng *prng, struct arena *arena, struct buf *out)
{
    struct wire_builder_options options = {WIRE_BUILDER_DEFAULTS};
    options.compression = (enum wire_compression)prng_below(prng, WIRE_COMPRESSION_ZSTD + 1);
    struct wire_builder b;
    wire_builder_init(&b, &options, out);
    uint64_t count = 1 + prng_below(prng, 5);
    for (uint64_t i = 0; i < count; i++) {
        struct buf headers = {0};
        wire_record_header_put(&headers, random_slice(prng, arena, false, true),
                               random_slice(prng, arena, true, false));
        struct wire_record r = {.timestamp = random_integer(prng),
                                .key = random_slice(prng, arena, true, false),
                                .value = random_slice(prng, arena, true, false),
                                .headers = buf_slice(&headers),
                                .header_count = 1};
        wire_builder_add(&b, &r);
        buf_fini(&headers);
    }
    wire_builder_finish(&b);
}

/* One time in eight a new input, else a mutation of the old one. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    struct prng prng;
    prng_init(&prng, seed);
    if (size >= PREFIX && !prng_chance(&prng, 1, 8)) {
        return LLVMFuzzerMutate(data, size, max_size);
    }
    struct arena arena = {0};
    struct buf out = {0};
    uint64_t bits = prng_next(&prng);
    uint8_t prefix[PREFIX] = {(uint8_t)(bits % KINDS), (uint8_t)(bits >> 8), (uint8_t)(bits >> 16)};
    buf_put(&out, prefix, PREFIX);
    if (prefix[0] == COMPRESSED) {
        enum wire_compression codec = (enum wire_compression)(prefix[1] % 5);
        out.data[1] = (uint8_t)codec;
        wire_compress(codec, WIRE_LEVEL_DEFAULT, random_slice(&prng, &arena, false, true), &out);
    } else if (prefix[0] == BATCHES) {
        make_batch(&prng, &arena, &out);
    } else {
        make_message(prefix, &prng, &arena, &out);
    }
    size_t len = min_size(out.len, max_size);
    memcpy(data, out.data, len);
    buf_fini(&out);
    arena_fini(&arena);
    return len;
}
