/* Open files as the log that owns them sees them. */
#ifndef STORE_FILES_PRIVATE_H
#define STORE_FILES_PRIVATE_H

#include "store/files.h"

/* Room for "<dir>/<20 digits><suffix>". */
enum { STORE_PATH_MAX = 4096 };

/* The path of a segment's file; ERR_IO never, a path that is too long is cut and then not found. */
void store_segment_path(char out[STORE_PATH_MAX], const char *dir, int64_t base,
                        const char *suffix);

/* Stands for "<dir>/<base><suffix>"; nothing is opened. `*dir` is read whenever the file must be
 * opened, so that a log can be renamed; `suffix` is a constant text. */
struct store_file *store_file_new(struct store_files *files, const char *const *dir, int64_t base,
                                  const char *suffix);

/* Opens it if need be (`flags` of store_fs_open, then) and pins it. Only by the owner. */
enum err store_file_pin(struct store_file *file, uint32_t flags) MUST_USE;

/* The owner needs it no more; closed and freed with the last pin. NULL is allowed. */
void store_file_drop(struct store_file *file);

const struct store_fs *store_file_fs(const struct store_file *file);

/* Of a pinned file. */
enum err store_file_size(struct store_file *file, uint64_t *size) MUST_USE;

/* Bytes on the heap. */
size_t store_file_memory(void);

#endif
