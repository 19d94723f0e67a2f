/* The table of supported feature levels. */
#include "metadata/supported.h"

/* metadata.version 7 is 3.3-IV3, the first for production; 25 is 4.0-IV3. */
static const struct metadata_supported_feature rows[] = {
    {"metadata.version", 7, 25, 25},
};

const struct metadata_supported_feature *metadata_supported_feature(size_t i)
{
    return i < ARRAY_LEN(rows) ? &rows[i] : NULL;
}
