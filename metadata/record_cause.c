/* Causes to bytes and back. */
#include "metadata/cause.h"
#include "metadata/record_frame.h"
#include "proto/metadata.pb-c.h"

static struct slice cut(struct slice text)
{
    return text.len > METADATA_CAUSE_TEXT_MAX ? slice_of(text.data, METADATA_CAUSE_TEXT_MAX) : text;
}

static ProtobufCBinaryData bytes_of(struct slice text)
{
    struct slice s = cut(text);
    return (ProtobufCBinaryData){.len = s.len, .data = (uint8_t *)s.data};
}

void metadata_cause_encode(const struct metadata_cause *cause, struct buf *out)
{
    Craft__Cause m = CRAFT__CAUSE__INIT;
    m.event = (int32_t)cause->event;
    if (cause->controller >= 0) {
        m.maybe_controller_case = CRAFT__CAUSE__MAYBE_CONTROLLER_CONTROLLER;
        m.controller = cause->controller;
    }
    if (cause->node >= 0) {
        m.maybe_node_case = CRAFT__CAUSE__MAYBE_NODE_NODE;
        m.node = cause->node;
    }
    m.api_key = cause->api_key;
    m.api_version = cause->api_version;
    m.correlation_id = cause->correlation_id;
    m.client_id = bytes_of(cause->client_id);
    m.via = bytes_of(cause->via);
    m.principal = bytes_of(cause->principal);
    m.host = bytes_of(cause->host);
    m.reason = bytes_of(cause->reason);
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

static struct slice text_of(ProtobufCBinaryData b, struct arena *arena)
{
    return b.len == 0 ? SLICE_NULL : arena_dup(arena, slice_of(b.data, b.len));
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
    Craft__Cause *m = craft__cause__unpack(NULL, frame.cause.len, frame.cause.data);
    if (m == NULL) {
        return ERR_CORRUPT;
    }
    *got = true;
    out->event = (enum metadata_event)m->event;
    out->controller =
        m->maybe_controller_case == CRAFT__CAUSE__MAYBE_CONTROLLER_CONTROLLER ? m->controller : -1;
    out->node = m->maybe_node_case == CRAFT__CAUSE__MAYBE_NODE_NODE ? m->node : -1;
    out->api_key = (int16_t)m->api_key;
    out->api_version = (int16_t)m->api_version;
    out->correlation_id = m->correlation_id;
    out->client_id = text_of(m->client_id, arena);
    out->via = text_of(m->via, arena);
    out->principal = text_of(m->principal, arena);
    out->host = text_of(m->host, arena);
    out->reason = text_of(m->reason, arena);
    craft__cause__free_unpacked(m, NULL);
    return ERR_NONE;
}
