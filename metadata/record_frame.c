/* The frame around records and causes. */
#include "metadata/record_frame.h"

#include "metadata/cause.h"
#include "metadata/record.h"

enum { FRAME_VERSION = 1, NO_OP_VERSION = 0 };

static void put_field(struct buf *out, uint32_t tag, struct slice field)
{
    if (!slice_is_null(field)) {
        ASSERT(field.len <= INT32_MAX);
        buf_put_uvarint(out, tag);
        buf_put_uvarint(out, (uint32_t)field.len);
        buf_put_slice(out, field);
    }
}

void metadata_frame_put(const struct metadata_frame *frame, struct buf *out)
{
    _Static_assert(METADATA_RECORD_TAG < METADATA_CAUSE_TAG, "tags ascend on the wire");
    uint32_t fields = !slice_is_null(frame->record) + !slice_is_null(frame->cause);
    buf_put_uvarint(out, FRAME_VERSION);
    buf_put_uvarint(out, METADATA_RECORD_NO_OP);
    buf_put_uvarint(out, NO_OP_VERSION);
    buf_put_uvarint(out, fields);
    put_field(out, METADATA_RECORD_TAG, frame->record);
    put_field(out, METADATA_CAUSE_TAG, frame->cause);
}

static enum err refuse(struct buf *why, enum err e, const char *what)
{
    if (why != NULL) {
        buf_put_str(why, what);
    }
    return e;
}

enum err metadata_frame_open(struct slice value, struct metadata_frame *out, struct buf *why)
{
    struct reader r = reader_of(value);
    uint32_t version = reader_uvarint(&r);
    uint32_t type = reader_uvarint(&r);
    uint32_t type_version = reader_uvarint(&r);
    *out = (struct metadata_frame){0};
    if (!r.bad && (version != FRAME_VERSION || type != METADATA_RECORD_NO_OP)) {
        if (why != NULL) {
            buf_printf(why,
                       "a record of frame %u, type %u, version %u, which is not ours "
                       "(Apache Kafka's own metadata log cannot be continued)",
                       version, type, type_version);
        }
        return ERR_UNSUPPORTED;
    }
    uint32_t fields = reader_uvarint(&r);
    for (uint32_t i = 0; i < fields && !r.bad; i++) {
        uint32_t tag = reader_uvarint(&r);
        struct slice field = reader_bytes(&r, reader_uvarint(&r));
        if (tag == METADATA_RECORD_TAG && slice_is_null(out->record)) {
            out->record = field;
        } else if (tag == METADATA_CAUSE_TAG && slice_is_null(out->cause)) {
            out->cause = field;
        }
    }
    if (r.bad || reader_left(&r) != 0) {
        return refuse(why, ERR_CORRUPT,
                      r.bad ? "the frame ends too early" : "bytes follow the frame");
    }
    return ERR_NONE;
}
