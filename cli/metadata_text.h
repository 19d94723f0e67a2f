/* The metadata of a cluster as text:
 *
 *     craft-metadata 1 cluster=ID offset=1234 epoch=5 timestampMs=1795272617229
 *     FEATURE_LEVEL_RECORD name=metadata.version featureLevel=25
 *     …                                a record a line, as metadata_record_print() writes it
 *     end records=57
 *
 * The records are those of a snapshot of the image, in its order. A text has one image, and an
 * image one text: what is read is written again byte for byte, and so are the records' bytes. */
#ifndef CLI_METADATA_TEXT_H
#define CLI_METADATA_TEXT_H

#include "metadata/metadata.h"

void metadata_text_put(const struct metadata_image *image, struct buf *out);

/* What a text says: its image and the values of its records, in the arena. */
struct metadata_text_contents {
    struct metadata_image *image; /* one reference */
    struct slice *values;
    size_t count;
};

/* Reads a text. `why` has a sentence with the number of the line. Errors: ERR_MALFORMED, and those
 * of the replay. */
enum err MUST_USE metadata_text_read(struct slice text, struct arena *arena,
                                     struct metadata_text_contents *out, struct buf *why);

#endif
