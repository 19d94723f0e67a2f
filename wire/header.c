/* The headers in front of requests and responses. */
#include "wire/table.h"

/* The version of the header itself. */
static int16_t request_header_version(const struct wire_api_info *api, int16_t version)
{
    return version >= api->flexible ? 2 : 1;
}

/* A client that does not know what we speak must be able to read the answer to ApiVersions, so its
 * header never became flexible (KIP-511). */
static int16_t response_header_version(int16_t api_key, int16_t version)
{
    const struct wire_api_info *api = wire_api(api_key);
    ASSERT(api != NULL);
    return api_key != WIRE_API_API_VERSIONS && version >= api->flexible ? 1 : 0;
}

enum err wire_header_decode(struct reader *r, struct wire_header *out)
{
    struct reader peek = *r;
    *out = (struct wire_header){0};
    out->api_key = reader_i16(&peek);
    out->api_version = reader_i16(&peek);
    out->correlation_id = reader_i32(&peek);
    if (peek.bad) {
        return ERR_MALFORMED;
    }
    const struct wire_api_info *api = wire_api(out->api_key);
    if (api == NULL) {
        return ERR_UNSUPPORTED_VERSION;
    }
    struct wire_request_header header;
    TRY(wire_decode_prefix(&wire_msg_request_header, request_header_version(api, out->api_version),
                           r, NULL, &header));
    out->client_id = header.client_id;
    return ERR_NONE;
}

enum err wire_header_encode(const struct wire_header *header, struct buf *out)
{
    const struct wire_api_info *api = wire_api(header->api_key);
    if (api == NULL) {
        return ERR_UNSUPPORTED_VERSION;
    }
    struct wire_request_header h = {header->api_key, header->api_version, header->correlation_id,
                                    header->client_id};
    return wire_encode(&wire_msg_request_header, request_header_version(api, header->api_version),
                       &h, out);
}

void wire_response_header_encode(int16_t api_key, int16_t version, int32_t correlation_id,
                                 struct buf *out)
{
    struct wire_response_header header = {correlation_id};
    enum err e = wire_encode(&wire_msg_response_header, response_header_version(api_key, version),
                             &header, out);
    ASSERT(e == ERR_NONE);
}

enum err wire_response_header_decode(struct reader *r, int16_t api_key, int16_t version,
                                     int32_t *correlation_id)
{
    struct wire_response_header header;
    TRY(wire_decode_prefix(&wire_msg_response_header, response_header_version(api_key, version), r,
                           NULL, &header));
    *correlation_id = header.correlation_id;
    return ERR_NONE;
}
