/* The log of a metadata directory read without its node (raft/node/log_reader.h). */
#include "raft/node/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/unit/raft/node/quorum.h"
#include "tests/unit/unit.h"

enum { COMMITS = 20 };

/* A log of one node that has stopped; its directory. */
static const char *make_log(struct quorum *q, char *dir, size_t size)
{
    quorum_open(q, 1, 0, false);
    struct member *member = &q->members[0];
    start(member);
    for (int i = 0; i < COMMITS; i++) {
        commit(q, i % 2 == 0 ? "even" : "odd");
    }
    drop(member);
    snprintf(dir, size, "%s/__cluster_metadata-0", member->dir);
    return dir;
}

/* Reads from `offset` on: how many records, with the last error. */
static int read_from(const char *dir, int64_t offset, enum err *e, char *problem, size_t size)
{
    struct node_log_reader *reader;
    int records = 0;
    ck_assert_int_eq(node_log_reader_open(store_fs_posix(), dir, &reader, NULL), ERR_NONE);
    node_log_reader_seek(reader, offset);
    for (;;) {
        struct node_batch batch;
        bool got;
        *e = node_log_reader_next(reader, &batch, &got);
        if (*e != ERR_NONE || !got) {
            break;
        }
        ck_assert_int_ge(batch.last_offset, offset);
        ck_assert(batch.control == (batch.count == 0));
        for (int i = 0; i < batch.count; i++) {
            bool even = slice_eq_str(batch.record_values[i], "even");
            ck_assert(even || slice_eq_str(batch.record_values[i], "odd"));
            records++;
        }
    }
    snprintf(problem, size, "%s", node_log_reader_problem(reader));
    node_log_reader_close(reader);
    return records;
}

static void segment_path(const char *dir, char *path, size_t size)
{
    snprintf(path, size, "%s/00000000000000000000.log", dir);
}

static int64_t size_of(const char *path)
{
    struct stat st;
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_size;
}

START_TEST(test_all_is_read)
{
    struct quorum q;
    char dir[512];
    char problem[512];
    enum err e;
    make_log(&q, dir, sizeof dir);
    ck_assert_int_eq(read_from(dir, 0, &e, problem, sizeof problem), COMMITS);
    ck_assert_int_eq(e, ERR_NONE);
    /* Offset 0 is the leader's; records follow. */
    ck_assert_int_eq(read_from(dir, COMMITS, &e, problem, sizeof problem), 1);
    ck_assert_int_eq(read_from(dir, COMMITS + 1, &e, problem, sizeof problem), 0);
    ck_assert_int_eq(e, ERR_NONE);
    quorum_close(&q);
}
END_TEST

START_TEST(test_a_torn_end_is_the_end)
{
    struct quorum q;
    char dir[512];
    char path[600];
    char problem[512];
    enum err e;
    make_log(&q, dir, sizeof dir);
    segment_path(dir, path, sizeof path);
    ck_assert_int_eq(truncate(path, size_of(path) - 3), 0);
    ck_assert_int_eq(read_from(dir, 0, &e, problem, sizeof problem), COMMITS - 1);
    ck_assert_int_eq(e, ERR_NONE);
    quorum_close(&q);
}
END_TEST

START_TEST(test_damage_is_told)
{
    struct quorum q;
    char dir[512];
    char path[600];
    char problem[512];
    enum err e;
    make_log(&q, dir, sizeof dir);
    segment_path(dir, path, sizeof path);
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    int64_t middle = size_of(path) / 2;
    uint8_t byte;
    ck_assert_int_eq(pread(fd, &byte, 1, middle), 1);
    byte ^= 0x10;
    ck_assert_int_eq(pwrite(fd, &byte, 1, middle), 1);
    close(fd);
    int records = read_from(dir, 0, &e, problem, sizeof problem);
    ck_assert_int_eq(e, ERR_CORRUPT);
    ck_assert_int_lt(records, COMMITS);
    ck_assert_ptr_nonnull(strstr(problem, "00000000000000000000.log: at byte"));
    quorum_close(&q);
}
END_TEST

START_TEST(test_a_gap_is_told)
{
    struct quorum q;
    char dir[512];
    char path[600];
    char other[600];
    char problem[512];
    enum err e;
    make_log(&q, dir, sizeof dir);
    segment_path(dir, path, sizeof path);
    snprintf(other, sizeof other, "%s/%020d.log", dir, 100);
    FILE *file = fopen(other, "wb");
    ck_assert_ptr_nonnull(file);
    fclose(file);
    ck_assert_int_eq(read_from(dir, 0, &e, problem, sizeof problem), COMMITS);
    ck_assert_int_eq(e, ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(problem, "the records from 21 to 99 are missing"));
    quorum_close(&q);
}
END_TEST

START_TEST(test_what_is_not_there)
{
    struct node_log_reader *reader;
    struct store_error why = {""};
    ck_assert_int_eq(node_log_reader_open(store_fs_posix(), "/nonexistent", &reader, &why),
                     ERR_NOT_FOUND);
    ck_assert_ptr_null(reader);
    ck_assert(why.text[0] != '\0');
    node_log_reader_close(NULL);
}
END_TEST

UNIT_MAIN("log_reader", test_all_is_read, test_a_torn_end_is_the_end, test_damage_is_told,
          test_a_gap_is_told, test_what_is_not_there)
