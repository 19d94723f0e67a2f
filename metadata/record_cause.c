/* Causes to bytes and back. */
#include "metadata/record_cause.h"

#include "metadata/record_frame.h"

static ProtobufCBinaryData bytes_of(struct slice text)
{
    struct slice s = metadata_cause_text(text);
    return (ProtobufCBinaryData){.len = s.len, .data = (uint8_t *)s.data};
}

void metadata_cause_fill(const struct metadata_cause *cause, Craft__Cause *out)
{
    craft__cause__init(out);
    out->event = (int32_t)cause->event;
    if (cause->controller >= 0) {
        out->maybe_controller_case = CRAFT__CAUSE__MAYBE_CONTROLLER_CONTROLLER;
        out->controller = cause->controller;
    }
    if (cause->node >= 0) {
        out->maybe_node_case = CRAFT__CAUSE__MAYBE_NODE_NODE;
        out->node = cause->node;
    }
    out->api_key = cause->api_key;
    out->api_version = cause->api_version;
    out->correlation_id = cause->correlation_id;
    out->client_id = bytes_of(cause->client_id);
    out->via = bytes_of(cause->via);
    out->principal = bytes_of(cause->principal);
    out->host = bytes_of(cause->host);
    out->reason = bytes_of(cause->reason);
}

void metadata_cause_encode(const struct metadata_cause *cause, struct buf *out)
{
    Craft__Cause m;
    metadata_cause_fill(cause, &m);
    size_t size = craft__cause__get_packed_size(&m);
    size_t packed = craft__cause__pack(&m, buf_extend(out, size));
    ASSERT(packed == size);
}

void metadata_cause_attach(struct slice value, struct slice cause, struct buf *out)
{
    struct metadata_frame frame;
    enum err e = metadata_frame_open(value, &frame, NULL);
    ASSERT(e == ERR_NONE);
    frame.cause = cause;
    metadata_frame_put(&frame, out);
}

static struct slice text_of(ProtobufCBinaryData b)
{
    return b.len == 0 ? SLICE_NULL : slice_of(b.data, b.len);
}

struct metadata_cause metadata_cause_read(const Craft__Cause *m)
{
    bool controller = m->maybe_controller_case == CRAFT__CAUSE__MAYBE_CONTROLLER_CONTROLLER;
    bool node = m->maybe_node_case == CRAFT__CAUSE__MAYBE_NODE_NODE;
    return (struct metadata_cause){
        .event = (enum metadata_event)m->event,
        .controller = controller ? m->controller : -1,
        .node = node ? m->node : -1,
        .api_key = (int16_t)m->api_key,
        .api_version = (int16_t)m->api_version,
        .correlation_id = m->correlation_id,
        .client_id = text_of(m->client_id),
        .via = text_of(m->via),
        .principal = text_of(m->principal),
        .host = text_of(m->host),
        .reason = text_of(m->reason),
    };
}

enum err metadata_cause_decode(struct slice bytes, struct arena *arena, struct metadata_cause *out)
{
    Craft__Cause *m = craft__cause__unpack(NULL, bytes.len, bytes.data);
    if (m == NULL) {
        return ERR_CORRUPT;
    }
    struct metadata_cause cause = metadata_cause_read(m);
    *out = metadata_cause_dup(&cause, arena);
    craft__cause__free_unpacked(m, NULL);
    return ERR_NONE;
}

enum err metadata_cause_find(struct slice value, struct arena *arena, struct metadata_cause *out,
                             bool *got)
{
    struct metadata_frame frame;
    *out = metadata_cause_of(METADATA_EVENT_REQUEST, -1);
    *got = false;
    TRY(metadata_frame_open(value, &frame, NULL));
    if (slice_is_null(frame.cause)) {
        return ERR_NONE;
    }
    TRY(metadata_cause_decode(frame.cause, arena, out));
    *got = true;
    return ERR_NONE;
}
