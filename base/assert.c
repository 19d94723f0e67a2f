/* Prints the broken assertion and aborts. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "craft: BUG: assertion failed: %s (%s:%d)\n", what, file, line);
    fflush(stderr);
    abort();
}
