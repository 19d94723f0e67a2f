/* Text in quotation marks. */
#include "metadata/quote.h"

void metadata_quote(struct buf *out, struct slice s)
{
    buf_put_str(out, "\"");
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c == '"' || c == '\\') {
            buf_printf(out, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_put(out, &c, 1);
        }
    }
    buf_put_str(out, "\"");
}
