/* Reading Java's properties syntax: what settings_parse() in settings.h promises. */
#ifndef METADATA_SETTINGS_FILE_H
#define METADATA_SETTINGS_FILE_H

#include "base/buf.h"
#include "base/err.h"

struct settings_file_sink {
    void *arg;
    /* Called for each pair, with escapes resolved and continuations joined; `line` is where it
     * begins. An error stops the reading and is returned. */
    enum err (*pair)(void *arg, int line, struct slice key, struct slice value);
    /* Called for a wrong \u escape or a NUL; returns the error to stop with. */
    enum err (*bad)(void *arg, int line);
};

enum err MUST_USE settings_file_read(struct slice text, const struct settings_file_sink *sink);

#endif
