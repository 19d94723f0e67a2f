/* What the commands of craft metadata share. */
#include "cli/metadata.h"

#include "cli/times.h"

static bool open_log(struct cli *cli, struct history *out, enum cli_exit *code)
{
    const char *dir = args_text(&cli->args, "log-dir");
    const char *controllers = args_text(&cli->args, "bootstrap-controller");
    *code = CLI_FAILED;
    if (cli->format == TABLE_TSV) {
        *code = cli_misuse(cli, "--format tsv is not possible here, as this is no table; use json");
        return false;
    }
    if ((dir == NULL) == (controllers == NULL)) {
        *code = cli_misuse(cli, dir == NULL ? "where is the log? Give --log-dir DIR or "
                                              "--bootstrap-controller HOST:PORT"
                                            : "--log-dir and --bootstrap-controller exclude each "
                                              "other");
        return false;
    }
    if (dir != NULL) {
        return history_open(cli, dir, out);
    }
    dir = metadata_fetch(cli);
    if (dir == NULL || !history_open(cli, dir, out)) {
        return false;
    }
    out->temporary = dir;
    return true;
}

enum cli_exit metadata_with_log(struct cli *cli,
                                enum cli_exit (*use)(struct cli *cli, struct history *h, void *arg),
                                void *arg)
{
    struct history h;
    enum cli_exit code;
    if (!open_log(cli, &h, &code)) {
        return code;
    }
    code = use(cli, &h, arg);
    history_close(&h);
    return code;
}

/* What an image is put with, and of when it is. */
struct view {
    void (*put)(const struct cli *cli, const struct metadata_image *image, struct buf *out);
    struct history_point at;
};

static enum cli_exit print_view(struct cli *cli, struct history *h, void *arg)
{
    const struct view *view = arg;
    struct metadata_image *image = history_image(h, view->at);
    enum cli_exit code = CLI_FAILED;
    if (image != NULL) {
        struct buf out = {0};
        view->put(cli, metadata_image_stable(image), &out);
        code = cli_print(&out);
    }
    metadata_image_unref(image);
    return code;
}

enum cli_exit metadata_print(struct cli *cli,
                             void (*put)(const struct cli *cli, const struct metadata_image *image,
                                         struct buf *out))
{
    struct view view = {.put = put};
    return metadata_point(cli, &view.at) ? metadata_with_log(cli, print_view, &view) : CLI_USAGE;
}

bool metadata_parse_point(struct cli *cli, const char *text, struct history_point *out)
{
    if (history_parse_point(slice_str(text), out)) {
        return true;
    }
    (void)!cli_misuse(cli, "\"%s\" is neither an offset nor a time like 2026-11-21T14:50:17.229Z",
                      text);
    return false;
}

bool metadata_point(struct cli *cli, struct history_point *out)
{
    const char *at = args_text(&cli->args, "at");
    *out = HISTORY_END;
    return at == NULL || metadata_parse_point(cli, at, out);
}

void metadata_put_time(int64_t ms, struct buf *out)
{
    char text[TIMES_DATE_BYTES];
    if (ms < 0) {
        buf_put_str(out, "?");
    } else {
        times_put_date(ms, text);
        buf_put_str(out, text);
    }
}

void metadata_put_position(const struct metadata_image *image, struct buf *out)
{
    buf_printf(out, "offset %" PRId64 ", epoch %" PRId32 ", ", metadata_image_offset(image),
               metadata_image_epoch(image));
    metadata_put_time(metadata_image_timestamp_ms(image), out);
}

void metadata_put_position_json(const struct metadata_image *image, struct buf *out)
{
    buf_printf(out, "\"offset\":%" PRId64 ",\"epoch\":%" PRId32 ",\"timestampMs\":%" PRId64,
               metadata_image_offset(image), metadata_image_epoch(image),
               metadata_image_timestamp_ms(image));
}

void metadata_put_ids(struct metadata_ids ids, struct buf *out)
{
    buf_put_str(out, "[");
    for (size_t i = 0; i < ids.count; i++) {
        buf_printf(out, "%s%" PRId32, i > 0 ? "," : "", ids.items[i]);
    }
    buf_put_str(out, "]");
}
