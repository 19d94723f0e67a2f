/* craft metadata import: a log that goes on from metadata that were exported. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/metadata_text.h"
#include "raft/node/log_reader.h"
#include "raft/node/snapshot.h"
#include "store/store.h"

enum { TEXT_BYTES_MAX = 1 << 30, PIECE_BYTES = 1 << 16 };

#define LOG_DIR "__cluster_metadata-0"

static bool read_stream(struct cli *cli, FILE *in, struct buf *out)
{
    size_t got;
    do {
        got = fread(buf_room(out, PIECE_BYTES), 1, PIECE_BYTES, in);
        out->len += got;
    } while (got > 0 && out->len <= TEXT_BYTES_MAX);
    if (ferror(in) || out->len > TEXT_BYTES_MAX) {
        cli_complain(cli, ferror(in) ? "the text cannot be read" : "the text is too long");
        return false;
    }
    return true;
}

static bool read_text(struct cli *cli, const char *path, struct buf *out)
{
    if (strcmp(path, "-") == 0) {
        return read_stream(cli, stdin, out);
    }
    struct store_error why = {""};
    enum err e = store_fs_read_file(store_fs_posix(), path, TEXT_BYTES_MAX, out);
    if (e != ERR_NONE) {
        (void)store_fail_errno(&why, e, "read", path);
        cli_complain(cli, "%s", why.text);
    }
    return e == ERR_NONE;
}

/* Nothing of a log may be there but what `craft format` leaves. */
static enum err check_empty(const struct store_fs *fs, const char *dir, struct store_error *why)
{
    struct node_snapshot_list list = {0};
    struct node_log_reader *reader = NULL;
    if (!store_fs_exists(fs, dir)) {
        return ERR_NONE;
    }
    enum err e = node_snapshot_list(fs, dir, &list);
    if (e == ERR_NONE && list.count > 0 && list.items[list.count - 1].offset > 0) {
        e = store_fail(why, ERR_EXISTS, "%s has snapshots already", dir);
    }
    if (e == ERR_NONE) {
        e = node_log_reader_open(fs, dir, &reader, why);
    }
    if (e == ERR_NONE && node_log_reader_start(reader) >= 0) {
        e = store_fail(why, ERR_EXISTS,
                       "%s has a log already; import into a directory that was just formatted",
                       dir);
    }
    node_log_reader_close(reader);
    node_snapshot_list_fini(&list);
    return e;
}

static enum err check_root(const struct store_fs *fs, const char *root,
                           const struct metadata_image *image, struct store_error *why)
{
    struct store_meta meta;
    enum err e = store_meta_read(fs, root, &meta, why);
    if (e == ERR_NOT_FOUND) {
        return store_fail(why, e, "%s has no " STORE_META_FILE ": run `craft format` first", root);
    }
    if (e == ERR_NONE) {
        struct slice id = metadata_image_cluster_id(image);
        if (!slice_eq_str(id, meta.cluster_id)) {
            e = store_fail(why, ERR_CONFIG,
                           "%s is of cluster %s, but the text is of cluster %.*s; format it with "
                           "--cluster-id %.*s",
                           root, meta.cluster_id, SLICE_ARG(id), SLICE_ARG(id));
        }
        store_meta_fini(&meta);
    }
    return e;
}

static enum err write_snapshot(struct cli *cli, const char *root,
                               const struct metadata_text_contents *contents,
                               struct store_error *why)
{
    const struct store_fs *fs = store_fs_posix();
    const char *dir = arena_printf(&cli->arena, "%s/" LOG_DIR, root);
    int lock;
    struct node_snapshot_contents snapshot = {
        .place = {.end_offset = metadata_image_offset(contents->image) + 1,
                  .epoch = metadata_image_epoch(contents->image),
                  .append_timestamp_ms = metadata_image_timestamp_ms(contents->image)},
        .values = contents->values,
        .count = contents->count};
    if (snapshot.place.end_offset == 0) {
        return store_fail(why, ERR_MALFORMED, "the text is of an empty log");
    }
    TRY(check_root(fs, root, contents->image, why));
    TRY(store_lock(fs, root, &lock, why));
    enum err e = check_empty(fs, dir, why);
    if (e == ERR_NONE && !store_fs_exists(fs, dir)) {
        e = store_fs_mkdir(fs, dir);
        if (e != ERR_NONE) {
            e = store_fail_errno(why, e, "make", dir);
        }
    }
    if (e == ERR_NONE) {
        e = node_snapshot_create(fs, dir, &snapshot, why);
    }
    store_fs_close(fs, lock);
    return e;
}

static enum cli_exit import(struct cli *cli, const char *root, struct slice text)
{
    struct metadata_text_contents contents;
    struct buf problem = {0};
    struct store_error why = {""};
    enum cli_exit code = CLI_OK;
    if (metadata_text_read(text, &cli->arena, &contents, &problem) != ERR_NONE) {
        code = cli_fail(cli, "%s: %.*s", cli->args.words[0], SLICE_ARG(buf_slice(&problem)));
    } else if (write_snapshot(cli, root, &contents, &why) != ERR_NONE) {
        code = cli_fail(cli, "%s", why.text);
    } else {
        struct buf out = {0};
        buf_printf(&out, "%s: the log begins at offset %" PRId64 ", with %zu records\n", root,
                   metadata_image_offset(contents.image) + 1, contents.count);
        code = cli_print(&out);
    }
    metadata_image_unref(contents.image);
    buf_fini(&problem);
    return code;
}

static enum cli_exit run_import(struct cli *cli)
{
    const char *root = args_text(&cli->args, "log-dir");
    struct buf text = {0};
    if (root == NULL) {
        return cli_misuse(cli, "where to? Give --log-dir DIR");
    }
    enum cli_exit code = CLI_FAILED;
    if (read_text(cli, cli->args.words[0], &text)) {
        code = import(cli, root, buf_slice(&text));
    }
    buf_fini(&text);
    return code;
}

static const struct args_option options[] = {
    {"log-dir", "DIR", "the directory of the metadata log of a controller, just formatted"}, {0}};

const struct cli_verb cli_metadata_import = {
    .noun = "metadata",
    .name = "import",
    .words = "FILE",
    .words_min = 1,
    .words_max = 1,
    .about = "Makes the beginning of a metadata log of what `craft metadata export` wrote",
    .more =
        "FILE - is the standard input. The directory must have been formatted with the cluster's\n"
        "id and hold no log yet. It gets a snapshot at the offset and epoch of the text; a\n"
        "controller that starts there goes on from it. Import into each of the first voters.",
    .examples = "craft format --config controller.properties --cluster-id ID\n"
                "craft metadata import metadata.txt --log-dir data/controller-1",
    .options = options,
    .run = run_import,
};
