/* craft metadata export: the metadata as text, which craft metadata import reads. */
#include "cli/metadata.h"

#include "cli/metadata_text.h"

static void put(const struct cli *cli, const struct metadata_image *image, struct buf *out)
{
    (void)cli;
    metadata_text_put(image, out);
}

static enum cli_exit run_export(struct cli *cli)
{
    return metadata_print(cli, put);
}

static const struct args_option options[] = {
    METADATA_SOURCE_OPTIONS,
    {"at", "OFFSET|TIME", "the state then; default: the end of the log"},
    {0}};

const struct cli_verb cli_metadata_export = {
    .noun = "metadata",
    .name = "export",
    .words = "",
    .about = "Writes the cluster's metadata as text",
    .more =
        "One record a line, in the order of a snapshot. `craft metadata import` makes of it the\n"
        "beginning of a log whose state exports to the same text, byte for byte. Passwords\n"
        "among the settings are in it.",
    .examples = "craft metadata export --log-dir data/controller-1 > metadata.txt\n"
                "craft metadata export --bootstrap-controller 127.0.0.1:10092 --at 1234",
    .options = options,
    .run = run_export,
};
