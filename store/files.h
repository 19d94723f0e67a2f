/* Open files, shared by all logs of a broker, with a cap on how many are open.
 *
 * A `struct store_file` stands for one file of one segment. Its file descriptor is opened when
 * somebody pins it and stays open while pinned; unpinned ones are closed, least recently used
 * first, when more than the cap are open, or when nobody used them between two calls of
 * store_files_close_idle(). So an idle partition costs no descriptor, and a reader
 * that holds a pin can go on after the file was renamed, truncated or removed.
 *
 * Threads: any; a short-held lock inside. */
#ifndef STORE_FILES_H
#define STORE_FILES_H

#include "store/fs.h"

struct store_files;
struct store_file;

/* `open_max`: how many descriptors may stay open; pinned ones are never closed, so that more can
 * be open for a while. `fs` must outlive it. */
struct store_files *store_files_new(const struct store_fs *fs, uint32_t open_max);

/* Every file must have been dropped and unpinned before (asserted). */
void store_files_free(struct store_files *files);

const struct store_fs *store_files_fs(const struct store_files *files);
uint32_t store_files_open_count(struct store_files *files);

/* Closes up to `max` descriptors that nobody has used since the last call that returned false.
 * True: there are more of them. */
bool store_files_close_idle(struct store_files *files, uint32_t max);

/* The descriptor of a pinned file; good while it is pinned. */
int store_file_fd(const struct store_file *file);

/* One more pin of a pinned file. */
void store_file_pin_again(struct store_file *file);

/* Gives a pin back. */
void store_file_unpin(struct store_file *file);

/* Fills `into` from a pinned file; ERR_CORRUPT if the file ends before. */
enum err store_file_pread(struct store_file *file, struct store_room into,
                          uint64_t position) MUST_USE;

#endif
