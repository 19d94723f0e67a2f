/* Standard files that are closed are not given to others. */
#include "base/standard_files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/unit.h"

enum { STANDARD_FILES = 3, KEPT_FROM = 100 };

START_TEST(closed_standard_files_are_taken)
{
    int kept[STANDARD_FILES];
    for (int fd = 0; fd < STANDARD_FILES; fd++) {
        kept[fd] = fcntl(fd, F_DUPFD, KEPT_FROM);
        close(fd);
    }
    standard_files_keep();
    char byte = 'x';
    int next = open("/dev/null", O_RDWR);
    bool reads = read(STDIN_FILENO, &byte, 1) >= 0 || errno != EBADF;
    bool writes = write(STDOUT_FILENO, &byte, 1) >= 0 || errno != EBADF;
    bool complains = write(STDERR_FILENO, &byte, 1) >= 0 || errno != EBADF;
    for (int fd = 0; fd < STANDARD_FILES; fd++) {
        dup2(kept[fd], fd);
        close(kept[fd]);
    }
    ck_assert_int_ge(next, STANDARD_FILES);
    ck_assert(!reads && !writes && !complains);
    close(next);
}
END_TEST

START_TEST(open_standard_files_are_left_alone)
{
    int pipes[2];
    ck_assert_int_eq(pipe(pipes), 0);
    int kept = fcntl(STDOUT_FILENO, F_DUPFD, KEPT_FROM);
    dup2(pipes[1], STDOUT_FILENO);
    standard_files_keep();
    ssize_t written = write(STDOUT_FILENO, "x", 1);
    dup2(kept, STDOUT_FILENO);
    char byte = ' ';
    ck_assert_int_eq(written, 1);
    ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
    close(kept);
    close(pipes[0]);
    close(pipes[1]);
}
END_TEST

UNIT_MAIN("standard_files", closed_standard_files_are_taken, open_standard_files_are_left_alone)
